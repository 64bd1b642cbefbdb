"""The faults of the demo, planted at known rates; what each must be found as is written down as it is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.random import Generator
from numpy.typing import NDArray

from .people import DAY, START
from .results import SECOND, Results

Rows = NDArray[np.int64]
Truth = dict[tuple[str, str], set[int]]
"""The rows that must be found, by rule and reason; rows are known by their number in `Results`."""
DIGITS = "0123456789"


class Planter:
    """Hands out rows that are still clean, a share of all at a time, and keeps the truth."""

    def __init__(self, rng: Generator, made: Results, patients: pa.Table) -> None:
        self.rng, self.made, self.patients = rng, made, patients
        self.truth: Truth = {}
        # The first devices have faults of their own; the other faults go to rows of healthy ones.
        healthy = np.flatnonzero(made["device"] >= 10)
        counts = np.unique(made["accession"], return_inverse=True, return_counts=True)
        alone = counts[2][counts[1]][healthy] == 1
        self._rows = {True: list(rng.permutation(healthy[alone])), False: list(rng.permutation(healthy[~alone]))}

    def rows(self, share: float, single: bool = False) -> Rows:
        """Clean rows, `share` of all, at least three; with `single` each the only row of its specimen."""
        wanted = max(3, round(share * len(self.made)))
        pool = self._rows[single]
        taken, self._rows[single] = pool[:wanted], pool[wanted:]
        return np.array(taken, np.int64)

    def specimen(self, row: int) -> Rows:
        """All rows of the row's specimen."""
        return np.flatnonzero(self.made["accession"] == self.made["accession"][row])

    def found(self, rule: str, reason: str, rows: Any) -> None:
        self.truth.setdefault((rule, reason), set()).update(int(row) for row in rows)

    def put(self, column: str, rows: Rows, value: Any, rule: str, reason: str) -> None:
        self.made.columns[column][rows] = value
        self.found(rule, reason, rows)


def plant(rng: Generator, made: Results, patients: pa.Table) -> Planter:
    """All faults, in place; rows that are sent again are put at the end."""
    planter = Planter(rng, made, patients)
    # Specimens come last: all rows of one are found, those that were sent again among them.
    for fault in (cells, times, messages, record_numbers, units, clocks, calibration, repeats, specimens):
        fault(planter)
    return planter


def cells(plan: Planter) -> None:
    """Values that are missing, misspelt or out of their bounds."""
    not_null = "not_null:patient_id,code,collected_at,device_id"
    plan.put("patient_id", plan.rows(0.001), None, not_null, "null")
    blank = plan.rows(0.0003)
    plan.put("patient_id", blank, "  ", not_null, "blank")
    plan.found("identifier:patient_id", "bad_length", blank)
    rows = plan.rows(0.002)
    for row in rows:
        number = plan.made["patient_id"][row]
        plan.made["patient_id"][row] = number[:-1] + str((int(number[-1]) + 1) % 10)
    plan.found("identifier:patient_id", "bad_check_digit", rows)
    plan.put("patient_id", plan.rows(0.0003), "9990000018", "identifier:patient_id", "reserved")
    plan.put("patient_id", plan.rows(0.0003), "943476591O", "identifier:patient_id", "bad_character")
    plan.put("status", plan.rows(0.0005), "X", "one_of:status", "not_in_set")
    rows = plan.rows(0.0005)
    for row in rows:
        plan.made["accession"][row] = f"lb/{row}"
    plan.found("pattern:accession", "no_match", rows)
    plan.put("comment", plan.rows(0.001), "x" * 41, "length:comment", "too_long")
    plan.put("status", plan.rows(0.001), "C", "expression:corrections-say-why", "false")
    plan.put("swapped", plan.rows(0.001), True, "compare:reference_low,reference_high", "comparison")


def times(plan: Planter) -> None:
    """Texts that are no time, and times in the wrong order."""
    for text, reason in (
        ("DATE!", "unparseable"),
        ("20260230120000+0000", "unparseable"),
        ("20260329013000", "nonexistent_time"),
        ("20261025013000", "ambiguous_time"),
        ("20010101000000+0000", "epoch_default"),
        ("20251231235959+0000", "too_early"),
    ):
        plan.put("reported", plan.rows(0.0003), text, "timestamp:reported", reason)
    ordered = "ordered:collected_at,received_at,stored_at"
    rows = plan.rows(0.002)
    plan.put("collected_at", rows, plan.made["received_at"][rows] + 3_600 * SECOND, ordered, "out_of_order")
    rows = plan.rows(0.0005)
    plan.put("stored_at", rows, plan.made["received_at"][rows] + 4 * DAY, ordered, "gap_too_long")


def messages(plan: Planter) -> None:
    """Message numbers that are used twice."""
    rows = plan.rows(0.0005)
    for row, other in zip(rows[::2], rows[1::2], strict=False):
        plan.made["message_id"][other] = plan.made["message_id"][row]
        plan.found("unique:message_id", "duplicate", (row, other))


def slips(text: str) -> Iterator[str]:
    """Every text that is one insertion, deletion, substitution or transposition of a digit away."""
    for at in range(len(text) + 1):
        yield from (text[:at] + digit + text[at:] for digit in DIGITS)
    for at in range(len(text)):
        yield text[:at] + text[at + 1 :]
        yield from (text[:at] + digit + text[at + 1 :] for digit in DIGITS if digit != text[at])
        if at + 1 < len(text) and text[at] != text[at + 1]:
            yield text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def record_numbers(plan: Planter) -> None:
    """Record numbers with a slip of the keys, and numbers of nobody. A specimen's rows share their number, so these go
    to specimens of a single row."""
    known = set(plan.patients["mrn"].to_pylist())

    def near(text: str) -> int:
        return sum(other in known for other in set(slips(text)))

    for share, reason, fits in ((0.002, "near_match", 1), (0.0002, "ambiguous", 2)):
        rows = plan.rows(share, single=True)
        for row in rows:
            plan.made["mrn"][row] = _slip(plan.rng, plan.made["mrn"][row], known, near, fits)
        plan.found("match:mrn", reason, rows)
    rows = plan.rows(0.0005, single=True)
    for row in rows:
        text = next(text for text in _random_numbers(plan.rng) if text not in known and not near(text))
        plan.made["mrn"][row] = text
    plan.found("match:mrn", "not_found", rows)
    rows = plan.rows(0.001)
    plan.put("birth_date", rows, plan.made["birth_date"][rows] + 1, "match:mrn", "disagrees:birth_date")


def _slip(rng: Generator, number: str, known: set[str], near: Callable[[str], int], fits: int) -> str:
    """A slip of `number`, or of another known one, that has `fits` known numbers at one edit (two or more for 2)."""
    while True:
        for text in rng.permutation(sorted(set(slips(number)))):
            if text not in known and (near(text) >= 2 if fits == 2 else near(text) == 1):
                return str(text)
        number = str(rng.choice(sorted(known)))


def _random_numbers(rng: Generator) -> Iterator[str]:
    while True:
        yield str(rng.integers(10_000_000, 99_999_999))


def specimens(plan: Planter) -> None:
    """One specimen under two patients."""
    for row in plan.rows(0.0003):
        other = int(plan.rng.integers(plan.patients.num_rows))
        person = plan.patients.slice(other, 1).to_pylist()[0]
        if person["mrn"] == plan.made["mrn"][row]:
            continue
        plan.made["mrn"][row] = person["mrn"]
        plan.made["birth_date"][row] = plan.patients["birth_date"].cast(pa.int32())[other].as_py()
        plan.found("consistent:accession,mrn", "inconsistent", plan.specimen(row))


def units(plan: Planter) -> None:
    """Units that are missing, unknown or of another kind, codes with a slip, values that the unit makes absurd."""
    plan.put("unit", plan.rows(0.001), None, "units:value", "missing_unit")
    plan.put("unit", plan.rows(0.0003), " ", "units:value", "missing_unit")
    plan.put("unit", plan.rows(0.001), "furlong", "units:value", "unknown_unit")
    plan.put("unit", plan.rows(0.001), "mm Hg", "units:value", "wrong_dimension")
    rows = plan.rows(0.0005)
    plan.put("code", rows, "2345-6", "identifier:code", "bad_check_digit")
    plan.found("units:value", "unknown_analyte", rows)
    for value, reason in ((2.0, "below"), (2_000.0, "above")):
        rows = plan.rows(0.002)
        rows = rows[plan.made["code"][rows] == "2345-7"]
        plan.made["value"][rows], plan.made["unit"][rows] = value, "mg/dL"
        plan.found("range:glucose", reason, rows)


def clocks(plan: Planter) -> None:
    """Devices whose clock is wrong: set wrong, drifting, in another zone, stepped, fallen back to its epoch."""
    made, skew = plan.made, "clock_skew:resulted_at"
    start, middle = START, START + 5 * DAY

    def shift(device: int, by: Any, reason: str, since: int = 0) -> None:
        rows = np.flatnonzero((made["device"] == device) & (made["stored_at"] >= since))
        made["resulted_at"][rows] += by(made["stored_at"][rows]) if callable(by) else by
        plan.found(skew, reason, rows)

    shift(3, 95 * SECOND, "clock_offset")
    shift(4, lambda at: (at - start) * 400 // 1_000_000, "clock_drift")
    shift(5, 3_600 * SECOND, "time_zone_offset")
    shift(6, -240 * SECOND, "clock_step", middle)
    shift(7, -20_000 * DAY, "epoch_reset")
    rows = plan.rows(0.0005)
    plan.put("resulted_at", rows, made["stored_at"][rows] + 90 * SECOND, skew, "ahead_of_reference")


def calibration(plan: Planter) -> None:
    """Devices outside their calibration, and devices of nobody."""
    made, rule = plan.made, "valid_at:device_id"
    early = (made["device"] == 1) & (made["received_at"] < START + 4 * DAY)
    late = (made["device"] == 2) & (made["received_at"] >= START + 6 * DAY)
    plan.found(rule, "before_valid", np.flatnonzero(early))
    plan.found(rule, "after_valid", np.flatnonzero(late))
    rows = plan.rows(0.0003)
    plan.put("device", rows, 900 + np.arange(len(rows)) % 90, rule, "not_found")


def repeats(plan: Planter) -> None:
    """Results that are sent again: the same, corrected, and changed without a word."""
    duplicates = "duplicates:patient_id,code,collected_at"
    for share, status, change, reason in (
        (0.003, "F", 0.0, "retransmission"),
        (0.001, "F", 5.0, "conflict"),
        (0.001, "C", 5.0, None),
    ):
        rows = plan.rows(share)
        first = len(plan.made)
        again = plan.made.take(rows)
        again.columns["message_id"] = np.array([f"R{first + number:08}" for number in range(len(rows))], object)
        again.columns["stored_at"] = again["stored_at"] + 90 * SECOND
        again.columns["value"] = again["value"] + change
        again.columns["status"][:] = status
        again.columns["comment"][:] = "corrected" if status == "C" else None
        plan.made = plan.made.joined(again)
        sent = np.arange(first, len(plan.made))
        if reason == "retransmission":
            plan.found(duplicates, reason, sent)
        elif reason == "conflict":
            plan.found(duplicates, reason, [*rows, *sent])
