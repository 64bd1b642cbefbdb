"""What a check of groups means, told slowly: the rows of each group go to a function, in their order."""


def groups_of(rows, by):
    """The numbers of the rows of each group; a null is a value like another."""
    groups = {}
    for number, row in enumerate(rows):
        groups.setdefault(tuple(row[name] for name in by), []).append(number)
    return list(groups.values())


def check(rows, function, columns, by, reason="failed"):
    words = [None] * len(rows)
    for group in groups_of(rows, by):
        answers = function(*([rows[number][name] for number in group] for name in columns))
        for number, answer in zip(group, answers, strict=True):
            words[number] = "skipped" if answer is None else "passed" if answer else reason
    return words
