"""The law: what a monitor says of a batch's rows is what one validation says of them that has all earlier rows before
them, those alone that are still remembered."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import dqcore as dq

START = datetime(2026, 11, 24, tzinfo=UTC)
UTC_TIME = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        ("id", pa.string()), ("site", pa.string()), ("patient", pa.int32()), ("birth", pa.date32()), ("sex", pa.string()),
        ("code", pa.string()), ("value", pa.float64()), ("exact", pa.decimal128(9, 2)), ("status", pa.string()),
        ("at", UTC_TIME), ("wall", pa.timestamp("ms")), ("observed", UTC_TIME), ("device", pa.string()),
        ("analyte", pa.int16()), ("reference", UTC_TIME),
    ]
)  # fmt: skip


def minutes(n: int) -> datetime:
    return START + timedelta(minutes=n)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(strategy, strategy, strategy, strategy, st.none())


ROW = st.fixed_dictionaries(
    {
        "id": maybe(st.sampled_from(["a", "b", "c", "", "ab"])),
        "site": maybe(st.sampled_from(["north", "south"])),
        "patient": maybe(st.integers(0, 3)),
        "birth": maybe(st.sampled_from([START.date(), START.date() - timedelta(days=9)])),
        "sex": maybe(st.sampled_from(["F", "M"])),
        "code": maybe(st.sampled_from(["na", "k"])),
        "value": maybe(st.sampled_from([0.0, -0.0, 1.0, 1.05, 2.0, float("nan")])),
        "exact": maybe(st.sampled_from([Decimal("1.00"), Decimal("1.01"), Decimal("7.50")])),
        "status": maybe(st.sampled_from(["C", "F", "P", "X", "final", "C^corrected^HL70085", "P^preliminary"])),
        "at": maybe(st.integers(0, 60).map(minutes)),
        "wall": maybe(st.integers(0, 60).map(lambda n: minutes(n).replace(tzinfo=None))),
        "observed": st.integers(0, 60).map(minutes),
        "device": maybe(st.sampled_from(["d1", "d2"])),
        "analyte": maybe(st.sampled_from([1, 2, 3])),
        "reference": st.integers(0, 60).map(lambda n: minutes(n) + timedelta(seconds=1)),
    }
)
RULES = [
    dq.Unique("id"),
    dq.Unique("site", "id", keep="first", id="composite"),
    dq.Unique("value", id="of numbers", where="code = 'na'"),
    dq.Unique("at", id="of times", nulls="fail"),
    dq.Consistent("patient", ["birth", "sex"]),
    dq.Consistent(["site", "id"], "value", id="composite consistent", nulls="fail", where="patient < 3"),
    dq.Duplicates("patient", "code"),
    dq.Duplicates("patient", "code", value="value", status="status", at="at", within="5min", id="results"),
    dq.Duplicates("patient", value="exact", value_tolerance=0.01, at="wall", id="exact", where="code = 'k'"),
    dq.Duplicates("patient", "at", value="value", at="at", id="time in the key"),
    dq.Duplicates("site", value="value_g", status="status", value_tolerance="5%", id="written"),
    dq.ClockSkew("observed", reference="reference", by="device", tolerance="2s", min_rows=3),
    dq.Delta("value", by=["patient", "code"], at="at", max_change=0.5, within="10min"),
    dq.Delta("exact", by="patient", at="at", max_change="20%", id="delta of decimals"),
    dq.Related("low <= high", by="patient", analyte="code", value="value", terms={"low": "na", "high": ["k"]}),
    dq.Related(
        "low <= high", by="patient", analyte="analyte", value="exact", terms={"low": 1, "high": 2}, id="of numbers too"
    ),
    dq.Sequence("analyte", by="site"),
    dq.Sequence("patient", by=["site", "device"], at="at", where="code = 'k'", id="by time"),
    dq.Sequence("value", by="code", id="of floats"),
]
UNITS = dq.Units("value", unit=dq.lit("mg"), to="g", into=("value_g", "unit_g"))


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def encoded(data: pa.Table, encoding: int) -> pa.Table:
    """The same values in another form, and another order of columns."""
    if encoding == 0:
        return data
    if encoding == 1:
        data = data.select(data.column_names[::-1])
        return pa.table(
            {
                name: data[name].combine_chunks().dictionary_encode()
                if name in ("id", "code", "status")
                else data[name]
                for name in data.column_names
            }
        )
    types = {pa.string(): pa.large_string(), pa.int32(): pa.int64()}
    return data.cast(pa.schema([(item.name, types.get(item.type, item.type)) for item in data.schema]))


def told(report: Any, rule: str, rows: int) -> list[Any]:
    """Of the last rows what the rule says: True, False or None, and why."""
    found = dict(zip(*(report.failures(rule=rule)[name].to_pylist() for name in ("row", "reason")), strict=True))
    mask = report.mask(rule).to_pylist()
    return [(mask[row], found.get(row)) for row in range(len(mask) - rows, len(mask))]


def time_of(rule: Any, row: dict[str, Any], came: datetime) -> datetime | None:
    """How old a row is for a rule: its own time where the rule reads one."""
    column = getattr(rule, "at", None) or getattr(rule, "reference", None)
    if column is None:
        return came
    at = row[column]
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def check(
    batches: list[list[dict[str, Any]]],
    encodings: list[int],
    remember: timedelta | None,
    gap: int,
    details: bool = True,
) -> None:
    rules = dq.RuleSet([UNITS, *RULES], tz="UTC")
    with tempfile.TemporaryDirectory() as folder:
        state, key = Path(folder) / "state.db", Path(folder) / "key.bin"
        before: list[tuple[dict[str, Any], datetime]] = []
        for number, (rows, encoding) in enumerate(zip(batches, encodings, strict=True)):
            now = START + timedelta(minutes=number * gap)
            # Closed and opened again, so nothing is remembered but by the store.
            with rules.monitor(state, secret=key, create=True, remember=remember) as monitor:
                report = monitor.validate(encoded(table(rows), encoding), batch_id=str(number), now=now)
            for rule in RULES:
                kept = [
                    row for row, came in before
                    if remember is None or ((at := time_of(rule, row, came)) is not None and at >= now - remember)
                ]  # fmt: skip
                whole = dq.RuleSet([UNITS, rule], tz="UTC").validate(table([*kept, *rows]), now=now)
                assert told(report, rule.id, len(rows)) == told(whole, rule.id, len(rows)), (rule.id, number)
                if details:
                    check_details(report, whole, rule, rows)
            before += [(row, now) for row in rows]


def check_details(report: Any, whole: Any, rule: Any, rows: list[dict[str, Any]]) -> None:
    """The details are those of the keys that stand in the batch."""
    if rule.kind() == "clock_skew":
        columns = rule.by
    elif rule.kind() == "duplicates":
        columns = rule.columns
    else:
        return
    mask = report.mask(rule.id).to_pylist()
    counted = [row for row, said in zip(rows, mask, strict=True) if said is not None or rule.kind() == "clock_skew"]
    keys = {tuple(row[column] for column in columns) for row in counted}
    lines = [line for line in whole.details(rule.id).to_pylist() if tuple(line[column] for column in columns) in keys]
    order = [str(line) for line in lines], [str(line) for line in report.details(rule.id).to_pylist()]
    assert sorted(order[0]) == sorted(order[1]), rule.id


FOUND = (Phase.explicit, Phase.generate)
"""What is found is shown as it was found: to make it smaller takes minutes."""
BATCHES = st.lists(st.lists(ROW, max_size=12), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None, phases=FOUND)
@given(batches=BATCHES, data=st.data())
def test_earlier_rows_are_as_if_before_those_of_the_batch(batches: list[list[dict[str, Any]]], data: Any) -> None:
    encodings = data.draw(st.lists(st.integers(0, 2), min_size=len(batches), max_size=len(batches)))
    check(batches, encodings, None, 1)


@settings(max_examples=40, deadline=None, phases=FOUND)
@given(batches=BATCHES, gap=st.integers(0, 40), remember=st.integers(1, 60))
def test_what_is_older_is_forgotten(batches: list[list[dict[str, Any]]], gap: int, remember: int) -> None:
    check(batches, [0] * len(batches), timedelta(minutes=remember), gap)


def many(rows: int, seed: int) -> list[dict[str, Any]]:
    import random

    chosen = random.Random(seed)

    def one(values: list[Any]) -> Any:
        return chosen.choice([*values, *values, *values, None])

    return [
        {
            "id": one([f"m{n}" for n in range(rows)]), "site": one(["north", "south"]), "patient": one(list(range(rows // 20))),
            "birth": one([START.date()]), "sex": one(["F"] * 9 + ["M"]), "code": one(["na", "k", "cl"]),
            "value": one([1.0, 1.02, 1.5]), "exact": one([Decimal("1.00")] * 9 + [Decimal("3.00")]), "status": one(["P", "F", "C"]),
            "at": one([minutes(chosen.randrange(3000)) for _ in range(3)]),
            "wall": one([minutes(chosen.randrange(3000)).replace(tzinfo=None) for _ in range(3)]),
            "observed": (at := minutes(chosen.randrange(3000))), "device": one(["d1", "d2", "d3"]), "analyte": one([1, 2, 3]),
            "reference": at + timedelta(seconds=chosen.randrange(9)),
        }
        for _ in range(rows)
    ]  # fmt: skip


@pytest.mark.parametrize("remember", [None, timedelta(days=1)])
def test_many_rows(remember: timedelta | None) -> None:
    check([many(1_500, seed) for seed in range(3)], [0, 1, 2], remember, 300)


def test_details_come_in_an_order_that_does_not_hang_on_the_secret(tmp_path: Path) -> None:
    rules = dq.RuleSet(
        [
            dq.Duplicates("patient", "code"),
            dq.ClockSkew("observed", reference="reference", by="device", tolerance="2s", min_rows=3),
        ]
    )
    first, second = (table(many(300, seed)) for seed in (1, 2))
    found = []
    for number in range(4):
        with rules.monitor(tmp_path / f"{number}.db", secret=tmp_path / f"{number}.key", create=True) as monitor:
            monitor.validate(first, batch_id="1")
            report = monitor.validate(second, batch_id="2")
            found.append([report.details(rule.id).to_pylist() for rule in rules])
    assert found[0] == found[1] == found[2] == found[3]
    assert found[0][0]
    assert found[0][1]


def test_a_status_sent_as_a_coded_element_is_remembered_as_what_it_says(tmp_path: Path) -> None:
    rules = dq.RuleSet([dq.Duplicates("id", value="value", status="status")])

    def batch(*rows: tuple[str, float, str]) -> pa.Table:
        return pa.table(dict(zip(("id", "value", "status"), zip(*rows, strict=True), strict=True)))

    first = batch(("a", 1.0, "C^corrected^HL70085"), ("b", 1.0, "P^preliminary"))
    second = batch(("a", 2.0, "C"), ("b", 2.0, "F"))
    whole = rules.validate(pa.concat_tables([first, second]))
    with rules.monitor(tmp_path / "s.db", secret=tmp_path / "k", create=True) as monitor:
        monitor.validate(first, batch_id="1")
        report = monitor.validate(second, batch_id="2")
        corrections = [line["measures"] for line in monitor.history().to_pylist()]
    # A correction of a correction is a conflict; a final result after a preliminary one is none.
    assert told(report, "duplicates:id", 2) == told(whole, "duplicates:id", 2) == [(True, "conflict"), (False, None)]
    assert [sorted(measure["name"] for measure in line) for line in corrections] == [
        ["status=C", "status=P"], ["status=C", "status=F"]
    ]  # fmt: skip
