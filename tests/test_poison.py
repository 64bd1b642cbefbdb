"""The poison test: in a table that is right, one cell at a time is made wrong, and exactly that row of exactly that
rule must fail, for exactly that reason; nothing else may change.

Every rule has columns of its own, so the wrong cells of a table are independent of each other, and a table takes
thousands of them. They stand on random rows and, by preference, where kernels have their edges: the first and the last
row, bits 7, 8, 63, 64 and 65, both sides of chunks and of morsels. Each column is in an encoding of its own, cut into
chunks of its own, and every chunk is a slice of an array that goes on with wrong cells on both sides.

`DQCORE_PLANTS` sets how many wrong cells there are in all; each table's seed is in the message of its failure.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import dqcore as dq

PLANTS = int(os.environ.get("DQCORE_PLANTS", "100000"))
TABLES = 16
LAYOUTS = ("whole", "chunked", "tiny")
MORSEL = 65_536

Rows = NDArray[np.int64]
DAY = datetime(2026, 11, 24)


@dataclass
class Column:
    """Cells as positions in a pool of values; `bad` are positions of wrong ones, for what lies outside a slice."""

    pool: pa.Array
    at: Rows
    bad: list[int]


@dataclass
class Poisoned:
    """The columns of a rule, and what the rule must say: the reason of each row that fails, and which are skipped."""

    columns: dict[str, Column]
    reasons: dict[int, str] = field(default_factory=dict)
    skipped: int = 0


Maker = Callable[[np.random.Generator, int, Rows], Poisoned]


@dataclass
class Case:
    rule: dq.Rule
    make: Maker


def drawn(rng: np.random.Generator, n: int, values: list[Any], type_: Any, bad: list[Any], null: bool) -> Column:
    """Cells from `values`, one in thirty of them null if `null`; `bad` stands behind them in the pool."""
    pool = pa.array([*values, *bad, None], type_)
    at = rng.integers(0, len(values), n)
    if null:
        at[rng.random(n) < 1 / 30] = len(pool) - 1
    return Column(pool, at, list(range(len(values), len(values) + len(bad))))


def nulls(column: Column) -> NDArray[np.bool_]:
    return column.at == len(column.pool) - 1


def cells(name: str, type_: Any, good: list[Any], bad: dict[Any, str], null: bool = True) -> Maker:
    """One column of `good` values; each planted row has a `bad` one, which tells the reason. A bad None is a null."""

    def make(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
        column = drawn(rng, n, good, type_, list(bad), null)
        which = rng.integers(0, len(bad), len(rows))
        column.at[rows] = np.asarray(column.bad)[which]
        given = list(bad.values())
        reasons = {int(row): given[number] for row, number in zip(rows, which, strict=True)}
        return Poisoned({name: column}, reasons, int(nulls(column).sum()))

    return make


def beside(cell: Maker, others: dict[str, tuple[Any, list[Any]]]) -> Maker:
    """A cell's rule that reads more columns, which are right and never null."""

    def make(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
        made = cell(rng, n, rows)
        for name, (type_, values) in others.items():
            made.columns[name] = drawn(rng, n, values, type_, [], False)
        return made

    return make


def filtered(cell: Maker, selector: str) -> Maker:
    """A third of the rows are left out by `where`, and half of those are wrong, which must not matter."""

    def make(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
        made = cell(rng, n, rows)
        (column,) = made.columns.values()
        out = rng.random(n) < 1 / 3
        out[rows] = False
        wrong = out & (rng.random(n) < 0.5)
        column.at[wrong] = column.bad[0]
        status = drawn(rng, n, ["F"], pa.string(), ["P"], False)
        status.at[out] = rng.choice([1, 2], int(out.sum()))
        made.columns[selector] = status
        made.skipped = int((nulls(column) | out).sum())
        return made

    return make


def partners(rng: np.random.Generator, n: int, rows: Rows, before: bool) -> Rows:
    """A row that is not planted for each that is, no two the same; an earlier one if asked for, -1 if there is none."""
    free = np.ones(n, np.bool_)
    free[rows] = False
    found = np.full(len(rows), -1)
    for number, row in enumerate(rows):
        for _ in range(50):
            other = int(rng.integers(0, row if before else n)) if not before or row else -1
            if other >= 0 and free[other]:
                free[other] = False
                found[number] = other
                break
    return found


def repeated(name: str, type_: Any, values: Callable[[int], list[Any]], reason: str, keep: str) -> Maker:
    """A column without repeats, in which each planted row repeats another."""

    def make(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
        column = Column(pa.array([*values(n), None], type_), rng.permutation(n), [0])
        others = partners(rng, n, rows, before=keep == "first")
        planted = others >= 0
        column.at[rows[planted]] = column.at[others[planted]]
        reasons = {int(row): reason for row in rows[planted]}
        if keep == "none":
            reasons |= {int(row): reason for row in others[planted]}
        return Poisoned({name: column}, reasons)

    return make


def repeated_elsewhere(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """As `repeated`, and rows that `where` leaves out repeat others at will, which must not matter to either."""
    keys = repeated("unique_where", pa.string(), lambda n: [f"{row:_>12}" for row in range(n)], "duplicate", "none")
    made = keys(rng, n, rows)
    (column,) = made.columns.values()
    out = rng.random(n) < 1 / 4
    out[list(made.reasons)] = False
    column.at[out] = rng.choice(column.at, int(out.sum()))
    status = drawn(rng, n, ["F"], pa.string(), ["P"], False)
    status.at[out] = rng.choice([1, 2], int(out.sum()))
    made.columns["unique_status"] = status
    made.skipped = int(out.sum())
    return made


def conflicting(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """Every sample is measured once; a planted row has the sample of a row before it and, by turns, its value."""
    made = repeated("dup_key", pa.int64(), lambda n: list(range(n)), "retransmission", "first")(rng, n, rows)
    key = made.columns["dup_key"]
    value = drawn(rng, n, [1.5, 2.5], pa.float64(), [7.0], False)
    first = {int(at): row for row, at in reversed(list(enumerate(key.at)))}
    for number, row in enumerate(list(made.reasons)):
        other = first[int(key.at[row])]
        value.at[row] = value.at[other]
        if number % 2:
            value.at[row] = value.bad[0]
            made.reasons[row] = made.reasons[other] = "conflict"
    made.columns["dup_value"] = value
    return made


def inconsistent(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """Rows in pairs that agree; where one is wrong both fail."""
    others = rng.permutation(n)
    pair = np.empty(n, np.int64)
    pair[others] = np.arange(n) // 2
    facility = pa.array([f"facility {number % 997}" for number in range(n // 2 + 1)] + ["another", None])
    dependent = Column(facility, pair.copy(), [n // 2 + 1])
    evens, odds = others[: n // 2 * 2 : 2].tolist(), others[1::2].tolist()
    mates = dict(zip(evens + odds, odds + evens, strict=True))
    planted = [int(row) for row in rows if int(row) in mates]
    dependent.at[planted] = n // 2 + 1
    reasons: dict[int, str] = {}
    for row in planted:
        if dependent.at[row] != dependent.at[mates[row]]:
            reasons[row] = reasons[mates[row]] = "inconsistent"
    determinant = Column(pa.array([f"ward {number}" for number in range(n // 2 + 1)] + [None]), pair, [0])
    return Poisoned({"determinant": determinant, "dependent": dependent}, reasons)


def changed(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """One patient, a result a minute, not in order; a planted one is far from the others, and so the next one fails, too."""
    minutes = rng.permutation(n)
    value = drawn(rng, n, [4.0, 4.5], pa.float64(), [9.0, 0.5], False)
    at_minute = np.argsort(minutes)
    value.at[rows] = np.asarray(value.bad)[rng.integers(0, 2, len(rows))]
    told = np.asarray(value.pool.to_pylist(), float)[value.at][at_minute]
    far = np.flatnonzero(np.abs(np.diff(told)) > 1) + 1
    time = Column(pa.array([*range(0, 60 * n, 60), None], pa.timestamp("s")), minutes, [])
    return Poisoned({"delta_time": time, "delta_value": value}, {int(at_minute[row]): "delta" for row in far})


def unrelated(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """Rows in pairs, a part and the whole; where one is wrong both fail."""
    others = rng.permutation(n)
    specimen, code = np.empty(n, np.int64), np.empty(n, np.int64)
    specimen[others], code[others] = np.arange(n) // 2, np.arange(n) % 2
    value = Column(pa.array([1.0, 2.0, 3.0, 0.5, None]), code.copy(), [2, 3])
    evens, odds = others[: n // 2 * 2 : 2].tolist(), others[1::2].tolist()
    mates = dict(zip(evens + odds, odds + evens, strict=True))
    reasons: dict[int, str] = {}
    for row in map(int, rows):
        if row in mates and mates[row] not in reasons:
            value.at[row] = 2 + code[row]
            reasons[row] = reasons[mates[row]] = "inconsistent"
    return Poisoned(
        {
            "related_specimen": Column(pa.array([*(f"S{number}" for number in range(n // 2 + 1)), None]), specimen, []),
            "related_code": Column(pa.array(["1968-7", "1975-2", None]), code, []),
            "related_value": value,
        },
        reasons,
        n % 2,
    )


def ahead(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """Readings of right clocks, a second each; a planted one is read an hour after it was stored. A clock of which many
    readings were wrong would be a wrong clock, so they are few and far apart."""
    planted = [int(row) for row, gap in zip(rows, np.diff(rows, prepend=-(10**6)), strict=True) if gap > 400]
    reference = np.arange(n, dtype=np.int64) * 1_000_000
    observed = reference - rng.integers(0, 400_000, n)
    observed[planted] += 3_600_000_000
    stamp = pa.timestamp("us", "UTC")
    columns = {
        "clock_observed": Column(pa.array([*observed, None], pa.int64()).cast(stamp), np.arange(n), [0]),
        "clock_reference": Column(pa.array([*reference, None], pa.int64()).cast(stamp), np.arange(n), [0]),
        "clock_device": Column(pa.array(["d1", None]), np.zeros(n, np.int64), [0]),
    }
    return Poisoned(columns, dict.fromkeys(planted, "ahead_of_reference"))


def agreeing(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """Patients of the registry with their birth dates; a planted row has a stranger, a slip of the pen, or another's
    date."""
    patient = drawn(rng, n, PATIENTS, pa.string(), ["nobody-at-all", "MRN-000_1"], True)
    born = Column(pa.array([*BIRTHS, datetime(1900, 1, 1), None], pa.date32()), patient.at.copy(), [len(PATIENTS)])
    born.at[patient.at == len(PATIENTS) + 2] = 0
    reasons = {}
    for number, row in enumerate(map(int, rows)):
        patient.at[row] = born.at[row] = number % len(PATIENTS)
        kind = number % 3
        if kind < 2:
            patient.at[row] = patient.bad[kind]
        else:
            born.at[row] = len(PATIENTS)
        reasons[row] = ("not_found", "near_match", "disagrees:match_born")[kind]
    return Poisoned({"match_id": patient, "match_born": born}, reasons, int(nulls(patient).sum()))


def compared(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """Each value is at most its limit, an integer against a double; a planted one is a half more, or is NaN."""
    left = drawn(rng, n, [0, 1, 2**53], pa.int64(), [2**53 + 1], True)
    right = drawn(rng, n, [2.0**53], pa.float64(), [-1.0, float("nan")], True)
    left.at[rows], right.at[rows] = 0, 0
    kind = rng.integers(0, 3, len(rows))
    left.at[rows[kind == 0]] = left.bad[0]
    right.at[rows[kind == 1]] = right.bad[0]
    right.at[rows[kind == 2]] = right.bad[1]
    reasons = {int(row): "not_a_number" if k == 2 else "comparison" for row, k in zip(rows, kind, strict=True)}
    return Poisoned({"cmp_left": left, "cmp_right": right}, reasons, int((nulls(left) | nulls(right)).sum()))


def ordered(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """Three times in order, with nulls between; a planted row has its last before its first."""
    stamp = pa.timestamp("ms")
    first = drawn(rng, n, [DAY, DAY + timedelta(hours=1)], stamp, [DAY + timedelta(days=9)], False)
    middle = drawn(rng, n, [DAY + timedelta(hours=1)], stamp, [DAY], True)
    last = drawn(rng, n, [DAY + timedelta(hours=2)], stamp, [DAY - timedelta(milliseconds=1)], False)
    last.at[rows] = last.bad[0]
    return Poisoned(
        {"ord_first": first, "ord_middle": middle, "ord_last": last}, {int(row): "out_of_order" for row in rows}
    )


def counted_up(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """Interfaces, null among them, that count their messages; after one that is counted wrong the next of its interface
    may look wrong too. Some rows have no number."""
    site = drawn(rng, n, [f"interface {number}" for number in range(40)], pa.string(), ["another"], True)
    absent = rng.random(n) < 1 / 30
    absent[rows] = False
    slips = dict(zip(rows.tolist(), rng.integers(-1, 2, len(rows)).tolist(), strict=True))
    numbers, reasons = np.zeros(n, np.int64), {}
    last: dict[int, int] = {}
    for row in np.flatnonzero(~absent).tolist():
        before = last.get(int(site.at[row]))
        now = 5 if before is None else max(before + slips[row] * 2, 0) if row in slips else before + 1
        if before is not None and now != before + 1:
            reasons[row] = "repeat" if now == before else "gap" if now > before else "backwards"
        last[int(site.at[row])] = numbers[row] = now
    pool = pa.array([*range(int(numbers.max()) + 1), None], pa.int64())
    numbers[absent] = len(pool) - 1
    columns = {"seq_number": Column(pool, numbers, [0]), "seq_site": site}
    return Poisoned(columns, reasons, int(absent.sum()))


def turned_around(rng: np.random.Generator, n: int, rows: Rows) -> Poisoned:
    """Results within the hour; a planted one took a microsecond more, or came before its sample."""
    stamp, hour, micro = pa.timestamp("us"), timedelta(hours=1), timedelta(microseconds=1)
    start = drawn(rng, n, [DAY], stamp, [DAY - timedelta(days=9)], True)
    end = drawn(rng, n, [DAY, DAY + hour], stamp, [DAY + hour + micro, DAY - micro], True)
    start.at[rows] = 0
    which = rng.integers(0, 2, len(rows))
    end.at[rows] = np.asarray(end.bad)[which]
    reasons = {int(row): ("late", "negative")[kind] for row, kind in zip(rows, which, strict=True)}
    return Poisoned({"took_start": start, "took_end": end}, reasons, int((nulls(start) | nulls(end)).sum()))


def nhs_numbers(count: int) -> list[str]:
    made = []
    for number in range(400_000_000, 400_000_000 + 2 * count):
        digits = str(number)
        check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11
        if check != 10:
            made.append(digits + str(check % 11))
    return made[:count]


NHS = nhs_numbers(200)
PATIENTS = [f"MRN-{number:05}" for number in range(0, 5_000, 11)]
BIRTHS = [datetime(1950, 1, 1) + timedelta(days=number) for number in range(len(PATIENTS))]
DEVICES = pa.table(
    {
        "id": [f"dev{number}" for number in range(40)],
        "due": pa.array([DAY + timedelta(days=30 + number) for number in range(40)], pa.timestamp("us")),
    }
)
REGISTRIES = {
    "patients": pa.table({"mrn": PATIENTS, "born": pa.array(BIRTHS, pa.date32())}),
    "devices": DEVICES,
}
NAN, INF = float("nan"), float("inf")
LONG = "a text that is longer than a view holds inline"


def even(values: pa.Array) -> pa.Array:
    return pa.array([None if value is None else value % 2 == 0 for value in values.to_pylist()], pa.bool_())


CASES = [
    Case(dq.NotNull("not_null"), cells("not_null", pa.string(), ["", "a", LONG], {None: "null"}, null=False)),
    Case(
        dq.NotNull("blank", blank=True),
        cells("blank", pa.string(), ["a", LONG], {" ": "blank", "": "blank"}, null=False),
    ),
    Case(
        dq.Range("range_int", min=-5, max=2**53 + 1),
        cells("range_int", pa.int64(), [-5, 0, 2**53 + 1], {-6: "below", 2**53 + 2: "above", -(2**63): "below"}),
    ),
    Case(
        dq.Range("range_unsigned", max=2**64 - 2),
        cells("range_unsigned", pa.uint64(), [0, 2**63, 2**64 - 2], {2**64 - 1: "above"}),
    ),
    Case(
        dq.Range("range_double", min=0, max=1, inclusive="left"),
        cells(
            "range_double",
            pa.float64(),
            [0.0, -0.0, 0.5],
            {NAN: "not_a_number", 1.0: "above", -5e-324: "below", INF: "above"},
        ),
    ),
    Case(
        dq.Range("range_small", min=1, nulls="fail"),
        cells("range_small", pa.int8(), [1, 127], {0: "below", -128: "below", None: "null"}, null=False),
    ),
    Case(
        dq.Range("range_time", min="2026-01-01", max="2026-12-31T23:59:59.999999"),
        cells(
            "range_time",
            pa.timestamp("us"),
            [DAY, datetime(2026, 1, 1)],
            {datetime(2025, 12, 31, 23, 59, 59, 999999): "below", datetime(2027, 1, 1): "above"},
        ),
    ),
    Case(
        dq.Range("range_filtered", max=10, where="range_status = 'F'"),
        filtered(cells("range_filtered", pa.float32(), [1.0, 10.0], {10.5: "above"}), "range_status"),
    ),
    Case(
        dq.OneOf("one_of", ["NM", "ST", "é", LONG]),
        cells(
            "one_of",
            pa.string(),
            ["NM", "ST", "é", LONG],
            {"": "not_in_set", "nm": "not_in_set", LONG + "!": "not_in_set", "e\u0301": "not_in_set"},
        ),
    ),
    Case(
        dq.OneOf("one_of_int", [1, 2, 2**40]),
        cells("one_of_int", pa.int64(), [1, 2, 2**40], {0: "not_in_set", 2**40 + 1: "not_in_set"}),
    ),
    Case(
        dq.Pattern("pattern", "[A-Z]{2}[0-9]{4}"),
        cells(
            "pattern", pa.string(), ["AB1234", "ZZ0000"], {"AB1234\n": "no_match", "AB123": "no_match", "": "no_match"}
        ),
    ),
    Case(
        dq.Length("length", min=1, max=46),
        cells("length", pa.string(), ["a", "é" * 46, LONG], {"": "too_short", "é" * 47: "too_long"}),
    ),
    Case(
        dq.Identifier("nhs", scheme="nhs_number"),
        cells(
            "nhs",
            pa.string(),
            NHS,
            {
                NHS[0][:-1] + str((int(NHS[0][-1]) + 1) % 10): "bad_check_digit",
                NHS[1][:9]: "bad_length",
                NHS[2][:9] + "x": "bad_character",
            },
        ),
    ),
    Case(
        dq.Numeric("number", into=("number_value", "number_comparator")),
        cells(
            "number",
            pa.string(),
            ["7", "140.5", "<0.01", "1,200", "-3", " 5 ", "123456789.25", "^7.4"],
            {
                "": "not_numeric",
                "1,20": "not_numeric",
                "7 H": "not_numeric",
                "NEG": "not_numeric",
                "12:5": "not_numeric",
            },
        ),
    ),
    Case(
        dq.Timestamp("stamp", format="hl7"),
        cells(
            "stamp",
            pa.string(),
            ["20261124101500+0000", "20240229"],
            {"20260229": "unparseable", "": "unparseable", "2026112410150": "unparseable"},
        ),
    ),
    Case(
        dq.Timestamp("fhir", format="fhir"),
        cells(
            "fhir",
            pa.string(),
            ["2026-11-24T10:15:00Z", "2024-02-29", "2026-11-24T10:15:00.123+01:00"],
            {
                "2026-11-24T10:15:00": "unparseable",
                "2026-11-24T10:15:00z": "unparseable",
                "2026-02-29": "unparseable",
                "1970-01-01T00:00:00Z": "epoch_default",
            },
        ),
    ),
    Case(
        dq.Timestamp("dicom", format="dicom"),
        cells(
            "dicom",
            pa.string(),
            ["20261124", "20261124101500.123456+0100", "1997.04.24", "20261124101500-0500 "],
            {"101500": "unparseable", "20261124101500-0000": "unparseable", "20261124101500": "no_timezone"},
        ),
    ),
    Case(
        dq.Timestamp("lis2", format="lis2", tz="Europe/London"),
        cells(
            "lis2",
            pa.string(),
            ["20261124101500", "20261124"],
            {"20261124101500Z": "unparseable", "202611": "unparseable", "20261025013000": "ambiguous_time"},
        ),
    ),
    Case(
        dq.Timestamp("written", format="any", tz="Europe/London"),
        cells(
            "written",
            pa.string(),
            ["24 Nov 2026 10:15", "2026-11-24T10:15:00Z", "24/11/2026"],
            {"01/02/2026": "ambiguous_time", "Nov 24": "unparseable", "10:15": "unparseable"},
        ),
    ),
    Case(
        dq.Units("units_value", unit="units_unit", analyte=dq.lit("2345-7")),
        beside(
            cells(
                "units_unit",
                pa.string(),
                ["mg/dL", "mmol/L"],
                {"furlong": "unknown_unit", "": "missing_unit", "mm[Hg]": "wrong_dimension", None: "missing_unit"},
                null=False,
            ),
            {"units_value": (pa.float64(), [1.5, 90.0])},
        ),
    ),
    Case(dq.Compare("cmp_left", "<=", "cmp_right"), compared),
    Case(dq.Ordered("ord_first", "ord_middle", "ord_last"), ordered),
    Case(dq.Turnaround("took_start", "took_end", "1h"), turned_around),
    Case(
        dq.Expression("sql_value IS NULL OR NOT (sql_value > 10 OR sql_value < 0)"),
        cells("sql_value", pa.float64(), [0.0, -0.0, 10.0], {NAN: "false", 10.5: "false", -INF: "false"}, null=False),
    ),
    Case(
        dq.Expression(
            "CASE WHEN sql_text LIKE 'R%' THEN LENGTH(sql_text) = 3 ELSE sql_text IN ('x', 'yy') END",
            where="sql_status = 'F'",
        ),
        filtered(
            cells("sql_text", pa.string(), ["Rab", "x", "yy"], {"Rabc": "false", "": "false", "X": "false"}),
            "sql_status",
        ),
    ),
    Case(
        dq.Match("match_id", registry="patients", registry_key="mrn", max_edits=1, agree={"match_born": "born"}),
        agreeing,
    ),
    Case(
        dq.ValidAt("valid_id", at="valid_at", registry="devices", registry_key="id", until="due"),
        beside(
            cells(
                "valid_id",
                pa.string(),
                [f"dev{number}" for number in range(40)],
                {"dev40": "not_found", "": "not_found"},
            ),
            {"valid_at": (pa.timestamp("us"), [DAY])},
        ),
    ),
    Case(dq.Check(even, "check"), cells("check", pa.int16(), [0, 2, 400], {1: "failed", -3: "failed"})),
    Case(
        dq.Unique("unique_text"),
        repeated(
            "unique_text", pa.string(), lambda n: [f"message {number}" for number in range(n)], "duplicate", "none"
        ),
    ),
    Case(
        dq.Unique("unique_first", keep="first"),
        repeated("unique_first", pa.int64(), lambda n: list(range(-5, n - 5)), "duplicate", "first"),
    ),
    Case(dq.Unique("unique_where", where="unique_status = 'F'"), repeated_elsewhere),
    Case(dq.Consistent("determinant", "dependent"), inconsistent),
    Case(dq.Duplicates("dup_key", value="dup_value"), conflicting),
    Case(dq.Sequence("seq_number", by="seq_site"), counted_up),
    Case(
        dq.Delta("delta_value", by="delta_patient", at="delta_time", max_change=1),
        beside(changed, {"delta_patient": (pa.string(), ["p"])}),
    ),
    Case(
        dq.Related(
            "part <= whole",
            by="related_specimen",
            analyte="related_code",
            value="related_value",
            terms={"part": "1968-7", "whole": "1975-2"},
        ),
        unrelated,
    ),
    Case(dq.ClockSkew("clock_observed", reference="clock_reference", by="clock_device", tolerance="2s"), ahead),
]


def places(rng: np.random.Generator, n: int, cuts: Rows, count: int) -> Rows:
    """Rows to plant, without repeats and in order, half of them at edges."""
    edges = [row + bit for row in (0, 64, 4_096, MORSEL - 64, MORSEL, n - 66) for bit in (0, 7, 8, 63, 64, 65)]
    edges += [row + shift for row in (*cuts, MORSEL, n) for shift in (-65, -64, -9, -8, -1, 0, 1, 7, 8, 63, 64)]
    near = np.unique([row for row in edges if 0 <= row < n])
    some = rng.choice(near, min(count // 2, len(near)), replace=False)
    rest = rng.choice(n, count, replace=False)
    return np.unique(np.concatenate([some, rest])[:count])


def encoded(rng: np.random.Generator, column: Column, low: int, high: int) -> pa.Array:
    """Rows low to high in an encoding by chance, sliced out of an array that goes on with wrong cells."""
    pad = int(rng.integers(0, 70))
    outside = rng.choice(column.bad, 2 * pad) if column.bad else np.zeros(2 * pad, np.int64)
    at = pa.array(np.concatenate([outside[:pad], column.at[low:high], outside[pad:]]))
    pool = column.pool
    text = pa.types.is_string(pool.type)
    kind = rng.integers(0, 5 if text else 3)
    if text and rng.random() < 0.5:
        pool = pool.cast(pa.large_string() if rng.random() < 0.5 else pa.string_view())
    if kind == 0:
        # Null is a null index, or an index of a null.
        null = np.asarray(at) == len(pool) - 1 if rng.random() < 0.5 else None
        made = pa.DictionaryArray.from_arrays(pa.array(np.asarray(at), pa.int32(), mask=null), pool)
    elif kind == 1 and not pa.types.is_string_view(pool.type):
        changes = np.flatnonzero(np.diff(np.asarray(at))) + 1
        ends = np.append(changes, len(at))
        made = pa.RunEndEncodedArray.from_arrays(pa.array(ends, pa.int32()), pool.take(at.take(pa.array(ends - 1))))
    elif pa.types.is_string_view(pool.type):
        made = pool.cast(pa.string()).take(at).cast(pa.string_view())
    else:
        made = pool.take(at)
    return made.slice(pad, high - low)


def laid_out(rng: np.random.Generator, columns: dict[str, Column], n: int, layout: str, cuts: Rows) -> pa.Table:
    """The columns as a table, the chunks of each in one type, as Arrow wants it."""
    arrays = []
    for column in columns.values():
        own = np.array([], np.int64) if layout == "whole" else cuts[rng.random(len(cuts)) < 0.7]
        edges = [0, *own.tolist(), n]
        seed = int(rng.integers(2**32))
        chunks = [encoded(np.random.default_rng(seed), column, low, high) for low, high in pairwise(edges)]
        arrays.append(pa.chunked_array(chunks))
    return pa.Table.from_arrays(arrays, names=list(columns))


@pytest.mark.parametrize("number", range(TABLES))
def test_exactly_what_was_planted_fails(number: int) -> None:
    rng = np.random.default_rng([2026, number])
    layout, threads = LAYOUTS[number % 3], 1 + number % 2
    count = -(-PLANTS // TABLES // len(CASES)) + 40
    n = MORSEL + int(rng.integers(70, 5_000)) if layout == "whole" else int(rng.integers(8 * count, 10 * count))
    cuts = np.unique(rng.integers(1, n, {"whole": 0, "chunked": 5, "tiny": 60}[layout]))
    want: set[tuple[str, int, str]] = set()
    skipped: dict[str, int] = {}
    columns: dict[str, Column] = {}
    for case in CASES:
        made = case.make(rng, n, places(rng, n, cuts, count))
        columns |= made.columns
        want |= {(case.rule.id, row, reason) for row, reason in made.reasons.items()}
        skipped[case.rule.id] = made.skipped
    data = laid_out(rng, columns, n, layout, cuts)
    report = dq.RuleSet([case.rule for case in CASES]).validate(data, registries=REGISTRIES, threads=threads)
    failures = report.failures()
    got = set(zip(*(failures.column(name).to_pylist() for name in ("rule", "row", "reason")), strict=True))
    where = f"table {number} ({layout}, {n} rows, {threads} threads)"
    missed, extra = sorted(want - got), sorted(got - want)
    assert not missed, f"{where}: {len(missed)} missed, among them {missed[:5]}"
    assert not extra, f"{where}: {len(extra)} too many, among them {extra[:5]}"
    assert failures.num_rows == len(got), where
    summary = report.summary().to_pylist()
    assert {line["rule"]: line["skipped"] for line in summary} == skipped, where
    assert all(line["evaluated"] + line["skipped"] == n for line in summary), where
    assert len(want) >= PLANTS // TABLES, where
