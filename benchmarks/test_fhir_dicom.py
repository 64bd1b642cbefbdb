"""Observations and DICOM headers a second, beside fhir.resources and pydicom in the same run. The files are made here."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from dicomfile import body, element, file

from dqcore.sources import dicom, fhir

FILES = 500
OBSERVATION = {
    "resourceType": "Observation", "id": "r1", "status": "final",
    "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}], "text": "Glucose"},
    "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2026-11-24T08:00:00+01:00", "issued": "2026-11-24T09:30:00.000+01:00",
    "valueQuantity": {"value": 5.50, "unit": "mmol/l", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    "interpretation": [{"coding": [{"code": "N"}]}], "referenceRange": [{"low": {"value": 3.9}, "high": {"value": 5.6}}],
    "specimen": {"reference": "Specimen/s1"}, "device": {"reference": "Device/d1"},
}  # fmt: skip
LINE = json.dumps(OBSERVATION).encode()
LINES = 2000


def test_observations(benchmark: Any) -> None:
    content = b"\n".join([LINE] * LINES)
    assert benchmark(fhir.parse, content, source="a.ndjson").num_rows == LINES


def test_observations_by_fhir_resources(benchmark: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pytest.importorskip("fhir.resources.R4B.observation").Observation
    read = benchmark(lambda: [model.model_validate_json(line) for line in [LINE] * LINES])
    assert len(read) == LINES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dicom")
    rest = b"".join(element(0x00280000 + tag, "LO", "an element that nobody asked for") for tag in range(0x10, 0x80))
    for number in range(FILES):
        held = body(x00100010=("PN", "Doe^Jane"), x00181000=("LO", "SN9"), x00080050=("SH", f"A{number}"))
        (path / f"{number:05}.dcm").write_bytes(file(held + rest + element(0x7FE00010, "OB", bytes(1 << 16))))
    return path


@pytest.mark.parametrize("threads", [1, 16])
def test_headers(benchmark: Any, folder: Path, threads: int) -> None:
    assert benchmark(dicom.read, folder, threads=threads).num_rows == FILES


def test_headers_by_pydicom(benchmark: Any, folder: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    tags = [tag for tag, _ in dicom.columns.COLUMNS.values()]

    def read() -> list[list[Any]]:
        rows = []
        for path in sorted(folder.iterdir()):
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
            rows.append([header.get(tag) for tag in tags])
        return rows

    assert len(benchmark(read)) == FILES
