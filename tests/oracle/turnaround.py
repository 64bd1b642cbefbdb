"""What Turnaround means, told slowly."""

from datetime import timedelta
from fractions import Fraction


def turnaround(rows, start, end, most):
    """A word a row: "passed", "skipped" or the reason."""
    words = []
    for row in rows:
        if row[start] is None or row[end] is None:
            words.append("skipped")
        elif row[end] < row[start]:
            words.append("negative")
        else:
            words.append("late" if row[end] - row[start] > most else "passed")
    return words


def details(rows, start, end, by=()):
    """A row a group, in the order of first rows."""
    groups = {} if by else {(): []}
    for row in rows:
        took = groups.setdefault(tuple(row[name] for name in by), [])
        if row[start] is not None and row[end] is not None and row[end] >= row[start]:
            took.append((row[end] - row[start]) // timedelta(microseconds=1))
    return [
        {
            **dict(zip(by, key, strict=True)),
            "count": len(took),
            **{f"p{percent}": nearest(took, percent) for percent in (50, 90, 95)},
        }
        for key, took in groups.items()
    ]


def nearest(took, percent):
    """The duration at the nearest rank, in seconds."""
    at = Fraction(percent, 100) * len(took)
    rank = at.numerator // at.denominator + (at.denominator > 1)
    return sorted(took)[rank - 1] / 1_000_000 if took else None
