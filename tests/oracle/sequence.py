"""What Sequence means, told slowly."""


def sequence(rows, column, by=(), at=None, step=1):
    """A word a row: "passed", "skipped" or the reason."""
    words = ["skipped"] * len(rows)
    read = [number for number, row in enumerate(rows) if row[column] is not None]
    if at is not None:
        # Python's sort leaves rows of one time in the order that they had.
        read = sorted((number for number in read if rows[number][at] is not None), key=lambda number: rows[number][at])
    before = {}
    for number in read:
        if not is_whole(rows[number][column]):
            words[number] = "gap"
            continue
        group = tuple(rows[number][name] for name in by)
        words[number] = told(before.get(group), rows[number][column], step)
        before[group] = rows[number][column]
    return words


def told(before, now, step):
    if before is None:
        return "passed"
    if now == before:
        return "repeat"
    if (now < before) if step > 0 else (now > before):
        return "backwards"
    return "passed" if int(now) - int(before) == step else "gap"


def is_whole(number):
    """Whether it is a whole number; a float, one that an int64 holds."""
    return isinstance(number, int) or (-(2.0**63) <= number < 2.0**63 and number == int(number))
