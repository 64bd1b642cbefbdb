"""For the tests of SQL: a predicate on a table, without the engine."""

import pyarrow as pa

from dqcore.binding import Binding, bound_types
from dqcore.morsel import Cells, Morsel, Once
from dqcore.sql import compile_predicate
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


def truth(sql, table, tz=None, selected=None):
    """True, False or None for each row."""
    return compiled(sql, table, tz).evaluate(morsel(table, tz), selected).to_pylist()
