"""What Freshness means, told slowly."""

from datetime import timedelta

MINUTE = timedelta(minutes=1)


def freshness(rows, column, max_age, now, by=(), expected=None):
    """The reason, or None. `expected` are the groups that must send something, as tuples."""
    groups = by_group(rows, column, now, by)
    if not by:
        groups.setdefault((), ([], 0))
    if any(is_stale(times, max_age, now) for times, _ in groups.values()):
        return "stale"
    if expected is None:
        return None if groups else "stale"
    return None if set(expected) <= set(groups) else "silent"


def by_group(rows, column, now, by):
    """Of each group the times that count, and how many are too far ahead; in the order of first rows."""
    groups = {}
    for row in rows:
        times, ahead = groups.get(tuple(row[name] for name in by), ([], 0))
        time = row[column]
        if time is not None and time > now + MINUTE:
            ahead += 1
        elif time is not None:
            times = [*times, time]
        groups[tuple(row[name] for name in by)] = times, ahead
    return groups


def is_stale(times, max_age, now):
    return not times or now - max(times) > max_age
