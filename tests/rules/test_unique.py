"""Unique: every row of a group, whatever its key is made of and wherever its rows stand."""

import math
import random
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from laws import Laws, Subject, encodings, in_morsels, told
from oracle.unique import unique
from realdata import data_folder

import dqcore as dq

SOME_TEXTS = st.sampled_from(["", "a", "b", "ab", "a\0", "é", "A-0000000000000001", "A-0000000000000002"])
SOME_FLOATS = st.sampled_from([0.0, -0.0, 1.0, float("nan"), -float("nan"), float("inf"), 5e-324])
EDGES = [0, 1, 7, 8, 9, 62, 63, 64, 65, 126, 127]


class TestLaws(Laws):
    subjects = [
        Subject(
            dq.Unique("k"),
            columns={"k": (pa.string(), SOME_TEXTS)},
            meaning=lambda rows: unique(rows, ("k",)),
        ),
        Subject(
            dq.Unique("k", "n", keep="first"),
            columns={"k": (pa.string(), SOME_TEXTS), "n": (pa.float64(), SOME_FLOATS)},
            meaning=lambda rows: unique(rows, ("k", "n"), "first"),
        ),
        Subject(
            dq.Unique("d", "b"),
            columns={
                "d": (pa.date32(), st.dates(date(2026, 3, 28), date(2026, 3, 31))),
                "b": (pa.bool_(), st.booleans()),
            },
            meaning=lambda rows: unique(rows, ("d", "b")),
        ),
    ]


def words(rule: dq.KeyRule, table: pa.Table) -> list[str]:
    return told(dq.RuleSet([rule]).validate(table))


def test_every_row_of_a_group_fails_or_all_but_the_first() -> None:
    table = pa.table({"id": ["a", "b", "a", None, "a", None]})
    all_of_them = ["duplicate", "passed", "duplicate", "skipped", "duplicate", "skipped"]
    assert words(dq.Unique("id"), table) == all_of_them
    assert words(dq.Unique("id", keep="first"), table) == ["passed", *all_of_them[1:]]


def test_the_finding_is_on_the_first_column() -> None:
    table = pa.table({"a": [1, 1], "b": [2, 2]})
    failures = dq.RuleSet([dq.Unique("b", "a")]).validate(table).failures()
    assert failures.column("column").to_pylist() == ["b", "b"]


# FP-27: what columns say together is not what their joined texts say.
@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("ab", "c"), ("a", "bc")),
        (("", "x"), ("x", "")),
        (("a\0", ""), ("a", "\0")),
        (("a", None), (None, "a")),
    ],
)
def test_composite_keys_do_not_run_together(left: tuple[str, str], right: tuple[str, str]) -> None:
    table = pa.table({"a": [left[0], right[0]], "b": [left[1], right[1]]})
    assert "duplicate" not in words(dq.Unique("a", "b"), table)


@pytest.mark.parametrize(
    ("type_", "values", "expected"),
    [
        (pa.float64(), [0.0, -0.0], True),
        (pa.float32(), [math.nan, -math.nan], True),
        (pa.float16(), np.array([1.5, 1.5], np.float16), True),
        (pa.float16(), np.array([1.5, 1.25], np.float16), False),
        (pa.int64(), [2**53, 2**53 + 1], False),
        (pa.uint64(), [2**63, 2**63 - 1], False),
        (pa.decimal128(20, 2), ["1.10", "1.10"], True),
        (pa.decimal256(60, 2), ["1.10", "1.11"], False),
        (pa.bool_(), [True, True], True),
        (pa.binary(3), [b"abc", b"abd"], False),
        (pa.time64("us"), [1, 1], True),
        (pa.duration("s"), [1, 2], False),
        (pa.timestamp("ns", "UTC"), [1, 2], False),
        (pa.string(), ["é", "e\u0301"], False),
        (pa.string(), ["A", "a"], False),
    ],
)
def test_equal_is_by_value_and_exact(type_: pa.DataType, values: list[object], expected: bool) -> None:
    array = pa.array(values).cast(type_) if pa.types.is_decimal(type_) else pa.array(values, type_)
    for encoded in [array, array.dictionary_encode() if not pa.types.is_float16(type_) else array]:
        assert words(dq.Unique("k"), pa.table({"k": encoded})) == ["duplicate" if expected else "passed"] * 2


@pytest.mark.parametrize("type_", [pa.list_(pa.int8()), pa.struct([("a", pa.int8())]), pa.binary()])
def test_what_cannot_be_a_key_is_refused(type_: pa.DataType) -> None:
    with pytest.raises(dq.DataError, match=r"'unique:k': column 'k' holds .*can be a key"):
        dq.RuleSet([dq.Unique("k")]).validate(pa.table({"k": pa.array([], type_)}))


def test_bad_parameters_are_named() -> None:
    for wrong in ({"keep": "last"}, {"keep": None}):
        with pytest.raises(dq.RuleError, match=r"keep is .*'none' or 'first'"):
            dq.Unique("a", **wrong)
    for columns in ((), (["a", "b"],), ("a", "a"), (1,), ("",)):
        with pytest.raises(dq.RuleError, match="columns"):
            dq.Unique(*columns)


@pytest.mark.parametrize("size", [1, 7, 8, 63, 64, 65, 1000])
def test_one_planted_repeat_is_found_wherever_it_stands(size: int) -> None:
    keys = [f"message-{number:012}" for number in range(128)]
    plants = random.Random(size).sample([(a, b) for a in EDGES for b in EDGES if a < b], 12)
    for first, later in plants:
        planted = list(keys)
        planted[later] = planted[first]
        expected = ["duplicate" if place in (first, later) else "passed" for place in range(128)]
        array = pa.array(planted)
        padded = pa.array(["before", *planted, "after"]).slice(1, 128)
        for encoded in [array, padded, *encodings(array)]:
            table = pa.table({"k": encoded}) if size > 1 else pa.table({"k": array})
            assert told(in_morsels(Subject(dq.Unique("k"), {}), table, size)) == expected


def test_keys_that_share_their_low_bits_are_told_apart() -> None:
    path = data_folder("adversarial", "generated", "hash", "int_keys_low_bits.txt")
    keys = [int(line) for line in path.read_text().split()]
    keys.append(keys[1000])
    found = words(dq.Unique("k"), pa.table({"k": pa.array(keys, pa.int64())}))
    expected = ["passed"] * len(keys)
    for place in {place for place, key in enumerate(keys) if keys.count(key) > 1}:
        expected[place] = "duplicate"
    assert found == expected


@pytest.mark.parametrize("keep", ["none", "first"])
def test_a_million_rows(keep: str) -> None:
    rows = 1_000_000
    every_row_repeats = pa.table({"k": pa.array(np.arange(rows) // 2)})
    report = dq.RuleSet([dq.Unique("k", keep=keep)]).validate(every_row_repeats)
    assert report.outcomes[0].counts.failed == (rows if keep == "none" else rows // 2)
    one_key = pa.table({"k": pa.array(np.zeros(rows, np.int64))})
    report = dq.RuleSet([dq.Unique("k", keep=keep)]).validate(one_key)
    assert report.outcomes[0].counts.failed == (rows if keep == "none" else rows - 1)
    assert dq.RuleSet([dq.Unique("k", keep=keep)]).validate(pa.table({"k": np.arange(rows)})).passed
