"""For the tests of SQL: a predicate on a table, without the engine."""

import pyarrow as pa

from dqcore.binding import Binding, bound_types
from dqcore.morsel import Cells, Morsel, Once
from dqcore.sql import compile_predicate
from dqcore.steps import Steps
from dqcore.zones import zone


def cells(array):
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        return Cells(array.dictionary, array.indices, Once())
    return Cells(array)


def compiled(sql, table, tz=None):
    return compile_predicate(sql, Binding(bound_types(table.schema), zone(tz) if tz else None), "rule 'r': sql")


def morsel(table, tz=None, start=0):
    columns = {name: cells(table.column(name)) for name in table.column_names}
    return Morsel(start, table.num_rows, columns, zone(tz) if tz else None)


def queued(predicate, table, tz=None):
    """What the steps of a predicate say, as `truth` has it; None where it has no steps."""
    steps = Steps(morsel(table, tz))
    room = predicate.queue(steps)
    if room is None:
        return None
    steps.run()
    return [TOLD[value] for value in steps.rooms[room]]


TOLD = (False, False, None, True)
"""Of false, unordered, unknown and true."""


def evaluated(predicate, table, tz=None, selected=None):
    """True, False or None for each row; where steps can compute it too, they say the same."""
    told = predicate.evaluate(morsel(table, tz), selected).to_pylist()
    by_steps = queued(predicate, table, tz)
    assert by_steps is None or by_steps == told
    return told


def truth(sql, table, tz=None, selected=None):
    """As `evaluated`, of SQL."""
    return evaluated(compiled(sql, table, tz), table, tz, selected)
