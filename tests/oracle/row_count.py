"""What RowCount means, told slowly."""

from collections import Counter


def row_count(rows, low=None, high=None, by=None, expected=None):
    """The reason, or None. `expected` are the groups that must send something, as tuples."""
    if by is None:
        counts = [len(rows)]
        seen = set()
    else:
        groups = Counter(tuple(row[name] for name in by) for row in rows)
        counts, seen = list(groups.values()) or [0], set(groups)
    if low is not None and any(count < low for count in counts):
        return "too_few"
    if high is not None and any(count > high for count in counts):
        return "too_many"
    if expected is not None and not set(expected) <= seen:
        return "silent"
    return None
