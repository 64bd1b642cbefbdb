"""The documented example on real rows finds what counting by hand finds."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import pytest
from realdata import ROOT, data_folder


def test_eicu() -> None:
    folder = data_folder("clinical", "eicudemo").parent
    path = Path(ROOT, "docs", "real_data.py")
    spec = importlib.util.spec_from_file_location("real_data", path)
    if spec is None or spec.loader is None or not path.exists():
        pytest.skip("the documentation is not here")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    table = example.rows(folder)
    report = example.validate(folder)
    found = Counter(report.failures().column("reason").to_pylist())
    drawn, revised = (table[name].to_pylist() for name in ("labresultoffset", "labresultrevisedoffset"))
    assert found["out_of_order"] == sum(int(b) < int(a) for a, b in zip(drawn, revised, strict=True)) == 199
    groups: dict[tuple[object, ...], list[float]] = {}
    for row in table.select(["patientunitstayid", "labname", "labresultoffset", "labresult"]).to_pylist():
        if row["labresult"] is not None:
            groups.setdefault((row["patientunitstayid"], row["labname"], row["labresultoffset"]), []).append(
                row["labresult"]
            )
    repeated = [values for values in groups.values() if len(values) > 1]
    same = sum(len(set(values)) == 1 for values in repeated)
    assert (len(repeated), same) == (50, 23)
    assert found["retransmission"] == 23
    assert found["conflict"] == sum(len(values) for values in repeated if len(set(values)) > 1) == 54
    assert found["null"] == sum(value is None for value in table["labresult"].to_pylist()) == 94
    assert found["below"] == sum(value is not None and value < 0 for value in table["labresult"].to_pylist())
    assert found["unknown_analyte"] == 0
