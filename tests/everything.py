"""A rule set with every rule of the library, and data with planted faults for it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import dqcore as dq
from dqcore.demo.run import make

NOW = "2026-06-01T00:00:00Z"


def positive(values: pa.Array) -> pa.Array:
    """The function of a check: a value above a half."""
    return pc.greater(values, 0.5)


def few_codes(codes: pa.Array) -> pa.Array:
    """The function of a check of groups: a group of no more than four rows holds."""
    return pa.array([len(codes) <= 4] * len(codes), pa.bool_())


RULES = [
    dq.Schema({"n": "int64", "message_id": "text", "resulted_at": "timestamp[us, tz=UTC]"}),
    dq.RowCount(min=1, by="site", expect="sites", severity="error"),
    dq.RowCount(max=10**9, id="few"),
    dq.Freshness("stored_at", max_age="400d", by="site", severity="error"),
    dq.Share("status = 'F'", min="50%"),
    dq.Quantile("value", 0.5, max=50, by="code", severity="error"),
    dq.Drift("value", baseline="before", severity="warning"),
    dq.Drift("code", baseline="before", severity="warning"),
    dq.Unique("message_id"),
    dq.Unique("accession", "code", keep="first", id="unique:first", severity="warning", where="status <> 'P'"),
    dq.NotNull("patient_id", "code", "collected_at", "device_id", blank=True),
    dq.Identifier("patient_id", scheme="nhs_number", into="nhs"),
    dq.Identifier("code", scheme="loinc"),
    dq.Match("mrn", registry="patients", registry_key="mrn", max_edits=1, agree={"birth_date": "birth_date"}),
    dq.OneOf("status", ["P", "F", "C"]),
    dq.Pattern("accession", "[A-Z]{2}[0-9]{8}"),
    dq.Length("comment", max=40, severity="warning", min_evaluated=0),
    dq.Consistent("accession", "mrn"),
    dq.Units("value", unit="unit", analyte="code", to={"2345-7": "mmol/L"}, into=("value_std", "unit_std")),
    dq.Range("value_std", min=0.5, max=60, where="code = '2345-7'"),
    dq.Numeric("text", into=("number", "comparator")),
    dq.Expression("status <> 'C' OR comment IS NOT NULL", severity="warning"),
    dq.Compare("reference_low", "<", "reference_high"),
    dq.Timestamp("reported", format="hl7", into="reported_at", not_before="2026-01-01"),
    dq.Ordered("collected_at", "received_at", "stored_at", max_gap="3d"),
    dq.ClockSkew("resulted_at", reference="stored_at", by="device_id", tolerance="5s", max_drift_ppm=150),
    dq.Duplicates(
        "patient_id", "code", "collected_at", value="value", status="status", at="stored_at", within="5min"
    ),
    dq.ValidAt(
        "device_id", at="received_at", registry="devices", registry_key="device_id", since="calibrated",
        until="calibration_due",
    ),
    dq.Turnaround("received_at", "resulted_at", max="2h", by="code", severity="warning"),
    dq.Plausible("value", unit="unit", analyte="code"),
    dq.Delta("value_std", by=["mrn", "code"], at="reported_at", max_change=5, within="90d", severity="warning"),
    dq.Sequence("counter", by="site", severity="warning"),
    dq.Sequence("n", id="sequence:all", where="site <> 'SOUTH'", severity="warning"),
    dq.Related("gluc > crea", by="accession", analyte="code", value="value",
               terms={"gluc": "2345-7", "crea": "2160-0"}, severity="warning"),
    dq.UDI("udi"),
    dq.Check(positive, "value", id="check:positive"),
    dq.Check(few_codes, "code", by="accession", id="check:few", severity="warning"),
]  # fmt: skip


@cache
def data(rows: int = 1500, seed: int = 7) -> tuple[pa.Table, dict[str, pa.Table]]:
    """Rows in the order of `n`, and the registries of the rules."""
    tables, _ = make(rows, seed)
    table = tables.pop("results")
    rng = np.random.default_rng(seed)
    n = np.arange(table.num_rows)
    texts = np.array(["<5", "1,200", "NEG", "7.5", "x9", None], object)[rng.integers(0, 6, len(n))]
    devices = np.array(["(01)09506000134352", "(01)09506000134353", None], object)[rng.integers(0, 3, len(n))]
    counter = n // 5 + (rng.random(len(n)) < 0.02)
    registries = {**tables, "before": table.slice(0, 400).select(["value", "code"])}
    table = table.append_column("n", pa.array(n)).append_column("text", pa.array(texts, pa.string()))
    return table.append_column("udi", pa.array(devices, pa.string())).append_column(
        "counter", pa.array(counter)
    ), registries


def rule_set(**settings: Any) -> dq.RuleSet:
    given = {"name": "everything", "keys": ["n", "message_id"], "disclose": ["n", "code", "site", "device_id"]}
    return dq.RuleSet(RULES, **{**given, "tz": "Europe/London", **settings})


def in_memory(rules: dq.RuleSet, table: pa.Table | None = None) -> dq.Report:
    own, registries = data()
    return rules.validate(own if table is None else table, registries=registries, now=NOW)


def lines(table: pa.Table) -> list[str]:
    """Rows in an order of their own, as text: NaN equals NaN."""
    return sorted(repr(row) for row in table.to_pylist())
