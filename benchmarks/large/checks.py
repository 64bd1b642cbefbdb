"""The twelve rules, and the same questions in SQL, asked of duckdb."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import dqcore as dq
from benchmarks import data, suites
from benchmarks.compare.peers.duckdb import texts

COLLECTED, RECEIVED, STORED = "collected_at", "received_at", "stored_at"
SENT = ("patient_id", "code", COLLECTED)
WITHIN_H = 4
KNOWN = suites.COMMON_NOT_NULL


class Check(NamedTuple):
    """A rule, and how SQL says it (None: it cannot).

    `fails` is a condition on a row, null where the row is skipped. `query` gives the numbers `i` of the rows that fail, out
    of the table `t`, and `skips` is the condition under which a row is skipped."""

    rule: Any
    fails: str | None = None
    query: str | None = None
    skips: str = "false"


def _nhs_number(column: str) -> str:
    """Mod 11 over ten digits (NHS Data Dictionary); numbers of 999, and one digit repeated, are nobody's."""
    weighted = " + ".join(f"{10 - place} * substr({column}, {place + 1}, 1)::int" for place in range(9))
    check = f"(11 - ({weighted}) % 11) % 11"
    return f"""
        case when {column} is null then null
             when not regexp_full_match({column}, '[0-9]{{10}}') then true
             when {column} like '999%' or {column} = repeat(left({column}, 1), 10) then true
             else {check} <> substr({column}, 10, 1)::int end
    """


def _units() -> str:
    """A unit is one of those in which the analyte's results are told here; the faults are of units that never are."""
    pairs = ", ".join(f"'{code}|{unit}'" for code, unit in data.PAIRS)
    told = "code || '|' || unit"
    return f"if(value is null or code is null, null, unit is null or {told} not in ({pairs}))"


def _ordered(*columns: str) -> str:
    """Each time against the next that is there; fewer than two say nothing."""
    present = " + ".join(f"({column} is not null)::int" for column in columns)
    wrong = [f"coalesce({early} > {late}, false)" for early, late in pairwise(columns)]
    first, middle, last = columns
    wrong.append(f"({middle} is null and coalesce({first} > {last}, false))")
    return f"if({present} < 2, null, {' or '.join(wrong)})"


def _repeated(columns: tuple[str, ...], known: str) -> str:
    return f"select {', '.join(columns)} from t where {known} group by all having count(*) > 1"


def _known(*columns: str) -> str:
    return " and ".join(f"{column} is not null" for column in columns)


def _unique(*columns: str) -> str:
    return f"select i from t semi join ({_repeated(columns, _known(*columns))}) using ({', '.join(columns)})"


def _duplicates(columns: tuple[str, ...], value: str, at: str, hours: int) -> str:
    """Rows of a key in order, cut where a pause is longer; in a run with one value all but the first are retransmissions,
    in a run with several all are in conflict."""
    key, known = ", ".join(columns), _known(*columns, value, at)
    return f"""
        with sent as (
            select i, {key}, {value}, {at} from t semi join ({_repeated(columns, known)}) using ({key}) where {known}
        ), cut as (
            select *, coalesce({at} - lag({at}) over w > interval {hours} hours, true) as begins
            from sent window w as (partition by {key} order by {at}, i)
        ), runs as (
            select *, sum(begins::int) over (partition by {key} order by {at}, i) as run from cut
        ), judged as (
            select i, row_number() over (partition by {key}, run order by {at}, i) as place,
                min({value}) over r <> max({value}) over r as differs
            from runs window r as (partition by {key}, run)
        )
        select i from judged where differs or place > 1
    """


def _consistent(determinant: str, dependent: str) -> str:
    known = _known(determinant, dependent)
    several = f"select {determinant} from t where {known} group by all having min({dependent}) <> max({dependent})"
    return f"select i from t semi join ({several}) using ({determinant}) where {dependent} is not null"


CLOCK = ["resulted_at", STORED, "device_id"]
SKEW = dq.ClockSkew(
    CLOCK[0], reference=CLOCK[1], by=CLOCK[2], tolerance=f"{suites.TOLERANCE_S}s", max_drift_ppm=suites.MAX_DRIFT_PPM
)  # fmt: skip
_HL7_DATE = "try_strptime(sent_hl7, '%Y%m%d')::timestamptz"
_HL7_TIME = "try_strptime(sent_hl7, ['%Y%m%d%H%M%S%z', '%Y%m%d%H%M%S.%g%z', '%Y%m%d%H%M%z'])"
CHECKS = (
    Check(dq.NotNull(*KNOWN), f"{' or '.join(f'{name} is null' for name in KNOWN)}"),
    Check(dq.Identifier("patient_id", scheme="nhs_number"), _nhs_number("patient_id")),
    Check(dq.OneOf("status", data.STATUSES), f"status not in ({texts(data.STATUSES)})"),
    Check(
        dq.Range("value", min=suites.LOW, max=suites.HIGH),
        f"value not between {suites.LOW} and {suites.HIGH} or isnan(value)",
    ),
    Check(dq.Units("value", unit="unit", analyte="code", into=("value_std", "unit_std")), _units()),
    Check(dq.Ordered(COLLECTED, RECEIVED, STORED), _ordered(COLLECTED, RECEIVED, STORED)),
    # A date among texts with an offset would be given the offset of the row before it by duckdb 2.0.
    Check(
        dq.Timestamp("sent_hl7", format="hl7", tz="UTC"),
        f"if(sent_hl7 is null, null, if(length(sent_hl7) = 8, {_HL7_DATE}, {_HL7_TIME}) is null)",
    ),
    Check(
        dq.Timestamp("sent_iso", format="iso8601", tz="UTC"),
        "if(sent_iso is null, null, try_cast(sent_iso as timestamptz) is null)",
    ),
    Check(
        dq.Unique("accession", "code"),
        query=_unique("accession", "code"),
        skips="accession is null or code is null",
    ),
    Check(
        dq.Duplicates(*SENT, value="value", at=RECEIVED, within=f"{WITHIN_H}h"),
        query=_duplicates(SENT, "value", RECEIVED, WITHIN_H),
        skips=f"not ({_known(*SENT, 'value', RECEIVED)})",
    ),
    Check(
        dq.Consistent("accession", "patient_id"),
        query=_consistent("accession", "patient_id"),
        skips="accession is null or patient_id is null",
    ),
    Check(SKEW),
)


def rules() -> dq.RuleSet:
    return dq.RuleSet([check.rule for check in CHECKS], name="large", keys=["accession"])


def in_sql() -> Iterator[Check]:
    return (check for check in CHECKS if check.fails or check.query)
