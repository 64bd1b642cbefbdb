"""Duplicates: domain cases as they come over the wire, the words of the rule against its oracle, and the edges."""

import math
import pickle
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import Laws, Subject, encodings, in_morsels, told
from oracle.duplicates import Question, details, duplicates
from realdata import data_folder

import dqcore as dq

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
EDGES = [0, 1, 7, 8, 9, 62, 63, 64, 65, 126, 127]
KEYS = st.sampled_from(["a", "b"])
STATUSES = st.sampled_from(["P", "F", "C", "X", "c", "", "CC", "C^", "F^final^HL70085", "^C", "É^"])
MINUTES = st.integers(0, 12).map(lambda minutes: START + timedelta(minutes=minutes))
TENTHS = st.integers(-12, 12).map(lambda tenths: tenths / 10)
FLOATS = st.one_of(TENTHS, st.sampled_from([-0.0, math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, 5e-324]))
WHOLE = st.sampled_from([0, 1, 2, 3, -1, -2, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)])


def subject(rule: dq.Duplicates, question: Question, **columns: tuple[pa.DataType, st.SearchStrategy[Any]]) -> Subject:
    return Subject(
        rule,
        columns={"k": (pa.string(), KEYS), **columns},
        meaning=lambda rows: duplicates(rows, question),
        name=repr(rule),
    )


SUBJECTS = [
    subject(dq.Duplicates("k"), Question(("k",))),
    subject(
        dq.Duplicates("k", "n", value="v", status="s"),
        Question(("k", "n"), "v", "s"),
        n=(pa.float64(), st.sampled_from([0.0, -0.0, math.nan])),
        v=(pa.string(), st.sampled_from(["5", "5.0", "neg"])),
        s=(pa.string(), STATUSES),
    ),
    subject(
        dq.Duplicates("k", value="v", status="s", at="t", within="5min", value_tolerance=0.1),
        Question(("k",), "v", "s", "t", timedelta(minutes=5), Decimal("0.1")),
        v=(pa.float64(), FLOATS),
        s=(pa.string(), STATUSES),
        t=(pa.timestamp("us", "UTC"), MINUTES),
    ),
    subject(
        dq.Duplicates("k", value="v", at="t", within="2min", value_tolerance="12.5%"),
        Question(("k",), "v", None, "t", timedelta(minutes=2), Decimal("0.125"), True),
        v=(pa.int64(), WHOLE),
        t=(pa.timestamp("s", "UTC"), MINUTES),
    ),
    subject(
        dq.Duplicates("k", value="v", at="t", value_tolerance=1.5),
        Question(("k",), "v", None, "t", None, Decimal("1.5")),
        v=(pa.int8(), st.integers(-128, 127)),
        t=(pa.timestamp("ms", "UTC"), MINUTES),
    ),
    subject(
        dq.Duplicates("k", value="v", value_tolerance="50%"),
        Question(("k",), "v", None, None, None, Decimal("0.5"), True),
        v=(pa.uint64(), st.sampled_from([0, 1, 2, 2**63, 2**64 - 1, 2**64 - 2])),
    ),
    subject(
        dq.Duplicates("k", value="v", value_tolerance=0.1),
        Question(("k",), "v", most=Decimal("0.1")),
        v=(pa.decimal128(9, 2), st.integers(-50, 50).map(lambda whole: Decimal(whole).scaleb(-2))),
    ),
    subject(
        dq.Duplicates("k", value="v", value_tolerance=0.1),
        Question(("k",), "v", most=Decimal("0.1")),
        v=(pa.float32(), st.integers(-12, 12).map(lambda tenths: float(f"{tenths / 10}"))),
    ),
]


class TestLaws(Laws):
    subjects = SUBJECTS

    @given(data=st.data())
    def test_details_count_every_row_once(self, subject: Subject, data: st.DataObject) -> None:
        question = subject.meaning.__closure__[0].cell_contents  # type: ignore[union-attr]
        assert isinstance(question, Question)
        row = st.fixed_dictionaries(
            {name: st.one_of(values, st.none()) for name, (_, values) in subject.columns.items()}
        )
        rows = data.draw(st.lists(row, max_size=20))
        table = pa.table({name: pa.array([r[name] for r in rows], t) for name, (t, _) in subject.columns.items()})
        found = in_morsels(subject, table, data.draw(st.integers(1, 9))).details(subject.rule.id)
        assert [_nan(row) for row in found.to_pylist()] == [_nan(row) for row in details(rows, question)]


def _nan(row: dict[str, Any]) -> dict[str, Any]:
    return {name: "NaN" if isinstance(cell, float) and math.isnan(cell) else cell for name, cell in row.items()}


def results(*rows: tuple[Any, ...]) -> pa.Table:
    """Results of one test of one specimen: minutes after the first, value, status, in the order given."""
    return pa.table(
        {
            "specimen": ["S1"] * len(rows),
            "code": ["718-7"] * len(rows),
            "at": [START + timedelta(minutes=row[0]) for row in rows],
            "value": [row[1] for row in rows],
            "status": pa.array([row[2] if len(row) > 2 else "F" for row in rows], pa.string()),
        }
    )


def words(table: pa.Table, **parameters: Any) -> list[str]:
    given = {"value": "value", "status": "status", "at": "at", "within": "30min", **parameters}
    return told(dq.RuleSet([dq.Duplicates("specimen", "code", **given)]).validate(table))


PASSED, AGAIN, CONFLICT = "passed", "retransmission", "conflict"


# The kinds of HL7 feeds that send a result more than once, and the statuses of HL7 v2 table 0085 (OBX-11).
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(0, 5.0), (1, 5.0)], [PASSED, AGAIN], id="replay without acknowledgement"),
        pytest.param([(0, 5.0, "P"), (9, 5.0, "F")], [PASSED, PASSED], id="preliminary then final, same value"),
        pytest.param([(0, 5.0, "P"), (9, 5.6, "F")], [PASSED, PASSED], id="preliminary then final, other value"),
        pytest.param([(0, 5.0, "F"), (9, 5.6, "C")], [PASSED, PASSED], id="correction"),
        pytest.param([(0, 5.0, "F"), (9, 5.0, "C")], [PASSED, PASSED], id="correction of something else"),
        pytest.param([(0, 5.0, "F"), (9, 5.6, "F")], [CONFLICT] * 2, id="silent overwrite"),
        pytest.param([(0, 5.0, "F"), (45, 5.6, "F")], [PASSED, PASSED], id="rerun after the window"),
        pytest.param([(0, 5.0, "F"), (1, 5.6, "C"), (2, 5.6, "C")], [PASSED, PASSED, AGAIN], id="correction replayed"),
        pytest.param(
            [(0, 5.0, "F"), (1, 5.6, "C"), (2, 5.6, "F")], [PASSED, PASSED, AGAIN], id="corrected, again as F"
        ),
        pytest.param([(0, 5.0, "F"), (1, 5.6, "C"), (2, 5.0, "F")], [CONFLICT] * 3, id="what was corrected comes back"),
        pytest.param([(0, 5.0, "P"), (1, 5.6, "F"), (2, 5.0, "P")], [CONFLICT] * 3, id="the preliminary comes back"),
        pytest.param([(0, 5.0, "F"), (1, 5.6, "C"), (2, 5.7, "C")], [CONFLICT] * 3, id="two corrections that differ"),
        pytest.param([(0, 5.0, "F"), (1, 5.0, "F"), (2, 5.6, "F")], [CONFLICT] * 3, id="conflict outweighs"),
        pytest.param([(0, 5.0, "F"), (1, 5.6, "P")], [CONFLICT] * 2, id="final then preliminary"),
        pytest.param([(0, 5.0, "C"), (1, 5.6, "F")], [CONFLICT] * 2, id="corrected then final"),
        pytest.param([(0, 5.0, "P"), (1, 5.6, "F"), (2, 5.8, "C")], [PASSED] * 3, id="the whole life of a result"),
        pytest.param([(0, 5.0, "F"), (1, 5.6, "c")], [CONFLICT] * 2, id="statuses count as sent: lower case"),
        pytest.param([(0, 5.0, "F"), (1, 5.6, "C^x")], [PASSED] * 2, id="a status sent as a coded element"),
        pytest.param([(0, 5.0, "F"), (1, 5.6, "^C")], [CONFLICT] * 2, id="a coded element without a code"),
        pytest.param([(0, 5.0, "F"), (1, 5.6, "C ")], [CONFLICT] * 2, id="statuses count as sent: blanks"),
        pytest.param([(0, 5.0, "F"), (1, 5.6, None)], [CONFLICT] * 2, id="a null status is no correction"),
        pytest.param([(0, 5.0, None), (1, 5.6, "C")], [PASSED] * 2, id="a null status can be corrected"),
        pytest.param([(0, 5.0, None), (1, 5.6, "F")], [CONFLICT] * 2, id="final after nothing is no correction"),
        pytest.param([(0, 5.0, "F"), (1, 5.6, "A")], [CONFLICT] * 2, id="other statuses are no corrections"),
    ],
)
def test_what_feeds_send(rows: list[tuple[Any, ...]], expected: list[str]) -> None:
    assert words(results(*rows)) == expected
    order = random.Random(1).sample(range(len(rows)), len(rows))
    assert words(results(*(rows[place] for place in order))) == [expected[place] for place in order]


def test_runs_are_cut_after_a_pause_longer_than_within() -> None:
    table = results((0, 5.0), (30, 5.0), (60, 5.0), (91, 6.0), (121, 6.0))
    assert words(table) == [PASSED, AGAIN, AGAIN, PASSED, AGAIN]
    assert words(table, within=timedelta(minutes=30)) == words(table)
    assert words(table, within="29.9min") == [PASSED] * 3 + [PASSED] * 2
    assert words(table, within=None) == [CONFLICT] * 5
    assert words(table, within="0s") == [PASSED] * 5


def test_a_pause_is_measured_to_the_microsecond() -> None:
    for pause, expected in ((30, [PASSED, AGAIN]), (30 + 1 / 60_000_000, [PASSED, PASSED])):
        assert words(results((0, 5.0), (pause, 5.0))) == expected


def test_without_a_value_all_are_equal() -> None:
    assert words(results((0, 5.0), (1, 9.0)), value=None) == [PASSED, AGAIN]
    assert words(results((0, 5.0, "P"), (1, 9.0, "F"), (2, 9.0, "F")), value=None) == [PASSED, PASSED, AGAIN]


def test_equal_times_keep_the_order_of_rows() -> None:
    assert words(results((0, 5.0, "P"), (0, 5.6, "F"))) == [PASSED, PASSED]
    assert words(results((0, 5.6, "F"), (0, 5.0, "P"))) == [CONFLICT, CONFLICT]


def test_rows_that_cannot_be_placed_are_skipped_and_absent() -> None:
    table = pa.table(
        {
            "k": [1, None, 1, 1, 1],
            "t": pa.array([1, 1, None, 3, 2], pa.timestamp("s")),
            "v": [5, 5, 5, None, 5],
        }
    )
    report = dq.RuleSet([dq.Duplicates("k", value="v", at="t", within="1h")]).validate(table)
    assert told(report) == ["passed", "skipped", "skipped", "skipped", "retransmission"]
    assert report.details("duplicates:k").to_pylist() == [
        {"k": 1, "rows": 2, "retransmissions": 1, "corrections": 0, "conflicts": 0}
    ]
    report = dq.RuleSet([dq.Duplicates("k", value="v", at="t", within="1h", nulls="fail")]).validate(table)
    assert report.failures().column("reason").to_pylist() == ["null", "null", "null", "retransmission"]
    assert report.failures().column("column").to_pylist() == ["k", "t", "v", "k"]


def test_decimals_beyond_a_float_are_compared_exactly() -> None:
    values = [Decimal(10**30), Decimal(10**30 + 5)]
    table = pa.table({"k": ["a", "a"], "v": pa.array(values, pa.decimal128(38, 0))})
    for tolerance, word in ((4, CONFLICT), (5, AGAIN)):
        assert told(dq.RuleSet([dq.Duplicates("k", value="v", value_tolerance=tolerance)]).validate(table))[1] == word


@pytest.mark.parametrize(
    ("values", "tolerance", "near"),
    [
        ([0.7, 0.8], 0.1, True),
        ([0.7, 0.801], 0.1, False),
        ([100.0, 101.0], "1%", True),
        ([100.0, 101.01], "1%", False),
        ([101.0, 100.0], "1%", True),
        ([99.0, 100.0], "1%", False),  # 1 % of the one that stands, 99, is 0.99
        ([-100.0, -101.0], "1%", True),
        ([0.0, 5e-324], "100%", False),
        ([math.nan, math.nan], 0.1, True),
        ([math.nan, 1.0], 0.1, False),
        ([1.0, math.nan], "1%", False),
        ([math.inf, math.inf], 0.1, True),
        ([math.inf, 1.0], "1%", False),
        ([math.inf, -math.inf], "100%", False),
        ([1.7e308, -1.7e308], "100%", False),
        ([1.7e308, 1.6e308], "1%", False),
        ([1.7e308, 1.6e308], "10%", True),
        ([0.0, -0.0], 0, True),
        ([0.1 + 0.2, 0.3], 0, False),
        ([2**53, 2**53 + 1], 0, False),
        ([2**53, 2**53 + 1], 0.9, False),
        ([2**53, 2**53 + 1], 1, True),
        ([2**63 - 1, -(2**63)], "100%", False),
        ([-(2**63), 2**63 - 1], 1e19, False),
        ([-(2**63), 2**63 - 1], 2e19, True),
        ([50, 51], "2%", True),
        ([50, 52], "2%", False),
        ([-50, -51], "2%", True),
        ([-50, -52], "2%", False),
    ],
)
def test_a_tolerance_includes_its_end_and_nothing_beyond(values: list[Any], tolerance: Any, near: bool) -> None:
    table = pa.table({"k": ["a"] * len(values), "v": values})
    report = dq.RuleSet([dq.Duplicates("k", value="v", value_tolerance=tolerance)]).validate(table)
    assert told(report) == (["passed", "retransmission"] if near else ["conflict", "conflict"])


def test_small_differences_do_not_add_up() -> None:
    table = pa.table({"k": ["a"] * 3, "v": [5.0, 5.04, 5.08]})
    report = dq.RuleSet([dq.Duplicates("k", value="v", value_tolerance=0.05)]).validate(table)
    assert told(report) == ["conflict"] * 3


def test_half_and_single_floats_are_within_what_they_print() -> None:
    for type_ in (np.float16, np.float32):
        values = pa.array(np.array([0.7, 0.8], type_))
        table = pa.table({"k": ["a", "a"], "v": values})
        assert told(dq.RuleSet([dq.Duplicates("k", value="v", value_tolerance=0.1)]).validate(table))[1] == AGAIN
        assert told(dq.RuleSet([dq.Duplicates("k", value="v", value_tolerance=0.09)]).validate(table))[1] == CONFLICT


def test_findings_name_the_key_or_the_value() -> None:
    table = pa.table({"k": ["a", "a", "b", "b"], "v": [1, 1, 1, 2]})
    failures = dq.RuleSet([dq.Duplicates("k", value="v")]).validate(table).failures()
    assert failures.column("reason").to_pylist() == ["retransmission", "conflict", "conflict"]
    assert failures.column("column").to_pylist() == ["k", "v", "v"]


def test_details_have_the_key_as_it_came_in_the_order_of_first_rows() -> None:
    names = pa.chunked_array([["b", "a", None], ["b"], ["a", "b", "c"]]).dictionary_encode()
    table = pa.table({"k": names, "n": pa.array([1, 2, 2, 1, 2, 1, 2], pa.int8())})
    for size in (1, 2, 3, 100):
        found = in_morsels(Subject(dq.Duplicates("k", "n"), {}), table, size).details("duplicates:k,n")
        assert found.schema.names == ["k", "n", "rows", "retransmissions", "corrections", "conflicts"]
        assert found.schema.types == [pa.string(), pa.int8(), *[pa.int64()] * 4]
        assert [list(row.values()) for row in found.to_pylist()] == [
            ["b", 1, 3, 2, 0, 0],
            ["a", 2, 2, 1, 0, 0],
        ]
    nothing = dq.RuleSet([dq.Duplicates("k")]).validate(pa.table({"k": ["a", "b"]}))
    assert nothing.details("duplicates:k").num_rows == 0


# FP-27
def test_composite_keys_do_not_run_together() -> None:
    table = pa.table({"a": ["ab", "a"], "b": ["c", "bc"]})
    assert told(dq.RuleSet([dq.Duplicates("a", "b")]).validate(table)) == ["passed", "passed"]


def test_times_at_the_ends_of_int64_do_not_wrap() -> None:
    table = pa.table({"k": [1, 1], "t": pa.array([2**63 - 1, -(2**63)], pa.timestamp("us", "UTC"))})
    assert told(dq.RuleSet([dq.Duplicates("k", at="t", within="1d")]).validate(table)) == ["passed", "passed"]


def test_the_longest_span_is_measured_to_the_microsecond() -> None:
    for pause, expected in ((2**62, AGAIN), (2**62 + 1, PASSED)):
        times = [-(2**61), pause - 2**61, 2**63 - 1]
        table = pa.table({"k": [1, 1, 1], "t": pa.array(times, pa.timestamp("us", "UTC"))})
        rule = dq.Duplicates("k", at="t", within=f"{2**62}us")
        assert told(dq.RuleSet([rule]).validate(table)) == [PASSED, expected, PASSED]


SPARSE = Question(("k",), "v", "s", "t", timedelta(minutes=5), Decimal("0.5"))


@pytest.mark.parametrize("share", [0.002, 0.05, 0.9])
@pytest.mark.parametrize("near", [False, True])
def test_cells_are_looked_up_for_few_rows_as_for_many(share: float, near: bool) -> None:
    """Of 3,000 rows in morsels of 701, few or many have a key that comes again, out of the order of time."""
    rng = random.Random(str((share, near)))
    rows: list[dict[str, Any]] = [
        {
            "k": f"specimen-{rng.randrange(40) if rng.random() < share else 1000 + place:012}",
            "t": START + timedelta(seconds=rng.randrange(86_400)),
            "v": rng.choice([1.0, 1.4, 2.0, None]),
            "s": rng.choice(["P", "F", "F", "C", "corrected", None]),
        }
        for place in range(3000)
    ]
    question = SPARSE if near else SPARSE._replace(most=Decimal(0), within=None)
    rule = dq.Duplicates(
        "k", value="v", status="s", at="t", within="5min" if near else None, value_tolerance=0.5 if near else 0
    )
    columns = {name: pa.array([row[name] for row in rows]) for name in ("k", "v", "s")}
    expected, counted = duplicates(rows, question), details(rows, question)
    times = pa.array([row["t"] for row in rows], pa.timestamp("us", "UTC"))
    for key, value, status in zip(*(encodings(columns[name]) for name in ("k", "v", "s")), strict=False):
        table = pa.table({"k": key, "v": value, "s": status, "t": times})
        for data in (table, pa.concat_tables([table.slice(0, 1000), table.slice(1000)])):
            report = in_morsels(Subject(rule, {}), data, 701)
            assert told(report) == expected
            assert report.details(rule.id).to_pylist() == counted


def test_details_are_of_the_rows_that_were_judged() -> None:
    table = pa.table({"k": ["a", "a", "a", None, None, "b", "b"], "v": [1, 1, 1, 1, 1, 2, 3], "w": [1, 0, 1] + [1] * 4})
    rule = dq.Duplicates("k", value="v", where="w = 1")
    report = dq.RuleSet([rule]).validate(table)
    assert report.details(rule.id).to_pylist() == [
        {"k": "a", "rows": 2, "retransmissions": 1, "corrections": 0, "conflicts": 0},
        {"k": "b", "rows": 2, "retransmissions": 0, "corrections": 0, "conflicts": 2},
    ]
    # They hold values of the data, so a pickled report has none, whether they were made before or not.
    for once in (report, dq.RuleSet([rule]).validate(table)):
        with pytest.raises(dq.RuleError, match="has no details"):
            pickle.loads(pickle.dumps(once)).details(rule.id)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"within": "5min"}, "within needs at"),
        ({"at": "t", "within": "5 minutes"}, "within is '5 minutes'"),
        ({"at": "t", "within": timedelta(seconds=-1)}, "within is negative"),
        ({"value_tolerance": 1}, "value_tolerance needs value"),
        ({"value": "v", "value_tolerance": -1}, "value_tolerance is -1"),
        ({"value": "v", "value_tolerance": math.nan}, "value_tolerance is nan"),
        ({"value": "v", "value_tolerance": math.inf}, "value_tolerance is inf"),
        ({"value": "v", "value_tolerance": True}, "value_tolerance is True"),
        ({"value": "v", "value_tolerance": "1"}, "value_tolerance is '1'"),
        ({"value": "v", "value_tolerance": "101%"}, "value_tolerance is '101%'"),
        ({"value": "v", "value_tolerance": "-1%"}, "value_tolerance is '-1%'"),
        ({"value": ["v"]}, "value is"),
        ({"status": ""}, "status is"),
        ({"at": 1}, "at is 1"),
    ],
)
def test_bad_parameters_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(dq.RuleError, match=message):
        dq.Duplicates("k", **wrong)


@pytest.mark.parametrize(
    ("parameters", "column", "type_"),
    [
        ({"value": "v", "value_tolerance": "1%"}, "v", pa.string()),
        ({"value": "v", "value_tolerance": 1}, "v", pa.bool_()),
        ({"value": "v"}, "v", pa.list_(pa.int8())),
        ({"status": "v"}, "v", pa.int64()),
        ({"at": "v"}, "v", pa.string()),
        ({"at": "v"}, "v", pa.time64("us")),
    ],
)
def test_wrong_types_are_refused(parameters: dict[str, Any], column: str, type_: pa.DataType) -> None:
    table = pa.table({"k": pa.array([], pa.string()), column: pa.array([], type_)})
    with pytest.raises(dq.DataError, match=f"'duplicates:k': column '{column}' holds"):
        dq.RuleSet([dq.Duplicates("k", **parameters)]).validate(table)


def test_text_is_asked_for_numbers_and_times_only_where_they_are_read() -> None:
    assert dq.Duplicates("k", value="v", at="t").wants() == {"t": "time"}
    assert dq.Duplicates("k", value="v", at="t", value_tolerance="1%").wants() == {"t": "time", "v": "number"}
    assert dq.Duplicates("k", value="v", at="t", status="s").reads() == ("k", "v", "t")


@pytest.mark.parametrize("size", [1, 7, 8, 63, 64, 65, 1000])
@pytest.mark.parametrize("word", ["retransmission", "conflict"])
def test_one_planted_repeat_is_found_wherever_it_stands(size: int, word: str) -> None:
    for first, later in random.Random(size).sample([(a, b) for a in EDGES for b in EDGES if a < b], 6):
        keys = [f"specimen-{number:012}" for number in range(128)]
        values = [float(number) for number in range(128)]
        keys[later] = keys[first]
        values[later] = values[first] + (word == "conflict")
        at = pa.array([128 - place for place in range(128)], pa.timestamp("s", "UTC"))
        status = ["F"] * 128
        expected = ["passed"] * 128
        expected[first] = word  # the first in the table is the later in time
        if word == "conflict":
            expected[later] = word
        rule = dq.Duplicates("k", value="v", status="s", at="t", within="1h", value_tolerance=0.5)
        for key, state in zip(encodings(pa.array(keys)), encodings(pa.array(status)), strict=True):
            for value in [pa.array(values), *encodings(pa.array(values))]:
                table = pa.table({"k": key, "v": value, "t": at, "s": state})
                assert told(in_morsels(Subject(rule, {}), table, size)) == expected


def test_real_results_repeat_or_contradict_themselves() -> None:
    laboratory = pl.read_csv(data_folder("clinical", "eicudemo", "lab.csv.gz"), infer_schema_length=None)
    key = ["patientunitstayid", "labname", "labresultoffset"]
    report = dq.RuleSet([dq.Duplicates(*key, value="labresult")]).validate(laboratory)
    values = laboratory.drop_nulls([*key, "labresult"]).group_by(key).agg("labresult").sort(key)
    expected = values.filter(pl.col("labresult").list.len() > 1).with_columns(
        differs=pl.col("labresult").list.n_unique() > 1
    )
    found = pl.from_arrow(report.details(report.outcomes[0].facts.id)).sort(key)
    assert isinstance(found, pl.DataFrame)
    assert found.select(key).equals(expected.select(key))
    assert found["rows"].to_list() == expected["labresult"].list.len().to_list()
    assert (found["conflicts"] > 0).to_list() == expected["differs"].to_list()
    assert (found["retransmissions"] > 0).to_list() == [not differs for differs in expected["differs"]]


def test_a_million_rows() -> None:
    rows = 1_000_000
    at = pa.array(np.arange(rows)[::-1].copy(), pa.timestamp("s", "UTC"))
    value = np.zeros(rows)
    rule = dq.Duplicates("k", value="v", at="t", within="1min", value_tolerance="1%")
    for key, repeats in (
        (np.zeros(rows, np.int64), rows - 1),
        (np.arange(rows) // 2, rows // 2),
        (np.arange(rows), 0),
    ):
        report = dq.RuleSet([rule]).validate(pa.table({"k": key, "v": value, "t": at}))
        assert report.outcomes[0].counts.failed == repeats
        assert sum(report.details("duplicates:k").column("retransmissions").to_pylist()) == repeats


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (["rows"], ["key_rows"]),
        (["conflicts", "id"], ["key_conflicts", "id"]),
        (["rows", "key_rows"], ["key_key_rows", "key_rows"]),
        (["key_rows", "rows"], ["key_rows", "key_key_rows"]),
        (["key_rows"], ["key_rows"]),
    ],
)
def test_a_key_that_is_named_as_a_count_is_told_apart_in_details(columns: list[str], told: list[str]) -> None:
    table = pa.table({name: ["SECRET", "SECRET", "b"] for name in columns})
    rule = dq.Duplicates(*columns)
    details = dq.RuleSet([rule]).validate(table).details(rule.id)
    assert details.column_names == [*told, "rows", "retransmissions", "corrections", "conflicts"]
    assert details.column(0).to_pylist() == ["SECRET"]
    assert details["rows"].to_pylist() == [2]
    for disclose, shown in (([], []), (columns[:1], told[:1])):
        report = dq.RuleSet([rule], disclose=disclose).validate(table).to_dict()
        line = report["rules"][0]["details"][0]
        assert [name for name in line if line[name] == "SECRET"] == shown
        assert {name: line[name] for name in ("rows", "conflicts")} == {"rows": 2, "conflicts": 0}
        assert ("SECRET" in str(report)) is bool(disclose)
