"""Of several rows that a rule cannot read, the error of the earliest is raised, whatever thread comes upon which first
and wherever the table is cut; of one row, the error of the rule that comes first."""

from __future__ import annotations

from threading import Event

import pyarrow as pa
import pytest

import dqcore as dq

ROWS = 200_000
TEXT = dq.Expression("CAST(text AS INTEGER) >= 0", id="text")
WHOLE = dq.Expression("whole + 1 > 0", id="whole")


def table(text: tuple[int, ...] = (), whole: tuple[int, ...] = (), cut: int = 0) -> pa.Table:
    """A table whose `text` is no number, and whose `whole` is the greatest, in the given rows."""
    texts, numbers = ["7"] * ROWS, [7] * ROWS
    for row in text:
        texts[row] = "x"
    for row in whole:
        numbers[row] = 2**63 - 1
    data = pa.table({"text": texts, "whole": numbers, "gate": [True] * ROWS})
    return data if not cut else pa.concat_tables([data.slice(0, cut), data.slice(cut)])


def message(rules: list[dq.Rule], data: pa.Table, threads: int) -> str:
    with pytest.raises(dq.DataError) as caught:
        dq.RuleSet(rules).validate(data, threads=threads)
    return str(caught.value)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("cut", [0, 1, 40_000, 65_537])
def test_the_earliest_row_of_one_rule(cut: int, threads: int) -> None:
    data = table(text=(65_535, 65_536, 131_072, ROWS - 1), cut=cut)
    assert message([TEXT], data, threads).endswith("in row 65535")


@pytest.mark.parametrize("threads", [1, 2])
def test_of_one_row_the_first_rule(threads: int) -> None:
    data = table(text=(100_000,), whole=(100_000,))
    assert message([TEXT, WHOLE], data, threads) == message([TEXT], data, 1)
    assert message([WHOLE, TEXT], data, threads) == message([WHOLE], data, 1)


@pytest.mark.parametrize("late", range(5))
def test_a_thread_that_is_late(late: int) -> None:
    """The first morsel is held up until another has begun, and so most likely has failed."""
    begun = Event()

    first = [True]

    def held(values: pa.Array) -> pa.BooleanArray:
        if first:
            first.pop()
            begun.wait(2)
        else:
            begun.set()
        return values

    data = table(text=(65_000 + late, 65_600, 131_072 + late))
    assert message([dq.Check(held, "gate"), TEXT], data, 2).endswith(f"in row {65_000 + late}")
