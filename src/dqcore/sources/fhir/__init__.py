"""FHIR (R4, R4B and R5) as tables: results, devices, calibrations and patients, from JSON, XML and bulk NDJSON."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Literal, overload

import pyarrow as pa

from ..results import COLUMNS, Paths, Source, chosen, named_files
from .elements import several
from .observations import OWN_COLUMNS, report_of, rows
from .reading import FhirReading, Row, Table
from .registries import DEVICE_COLUMNS, METRIC_COLUMNS, PATIENT_COLUMNS, device_rows, metric_rows, patient_rows
from .resources import Found, sender_of


@overload
def read(paths: Paths, *, errors: Literal["raise"] = "raise", extra: bool = False) -> pa.Table: ...
@overload
def read(paths: Paths, *, errors: Literal["collect"], extra: bool = False) -> tuple[pa.Table, pa.Table]: ...
def read(paths: Paths, *, errors: str = "raise", extra: bool = False) -> Any:
    """The results of files, folders or globs (JSON, XML, NDJSON by the names `.ndjson` and `.jsonl`, each also gzipped)
    as one table, a row per result, with the columns of `results.COLUMNS`.

    An Observation is a row for its value and a row for each component, wherever it stands: alone, in a Bundle of any
    type, in Parameters, contained. Every other resource is counted: the schema's metadata `dqcore:counts` tell how many
    resources were read, refused, and without results, by type. With `extra` there are columns of FHIR's own after the
    others: docs/sources-fhir.md. What cannot be read is a `DataError` that names the file and the position; with
    `errors="collect"` it is a row of a second table, both are given, and the rest is read.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "one.json"
    >>> _ = path.write_text('{"resourceType": "Observation", "valueQuantity": {"value": 6.30, "unit": "mmol/L"}}')
    >>> read(path).select(["value_text", "unit"]).to_pylist()
    [{'value_text': '6.30', 'unit': 'mmol/L'}]
    """
    return _whole(stream(paths, errors=errors, extra=extra), errors)


def stream(paths: Paths, *, errors: str = "raise", extra: bool = False) -> FhirReading:
    """As `read`, as a stream of record batches in bounded memory: a document, or a line of NDJSON, at a time."""
    return FhirReading(named_files(paths), _results(extra), chosen(errors))


def parse(content: bytes, *, source: str = "bytes", errors: str = "raise", extra: bool = False) -> Any:
    """As `read`, of bytes at hand, which are named `source`; a name that ends in `.ndjson` makes them lines.

    >>> parse(b'{"resourceType": "Observation", "status": "final"}')["status"].to_pylist()
    ['final']
    """
    sources: list[Source] = [(source, lambda: BytesIO(content))]
    return _whole(FhirReading(sources, _results(extra), chosen(errors)), errors)


def read_devices(paths: Paths, *, errors: str = "raise") -> Any:
    """The Devices of files as a reference table, a row per Device and UDI carrier; `device_id` is what `read` gives
    for a result of the device, `reference` what it gives where the device is not in the result's Bundle."""
    return _registry(paths, errors, Table(DEVICE_COLUMNS, {"Device": device_rows}))


def read_device_metrics(paths: Paths, *, errors: str = "raise") -> Any:
    """The DeviceMetrics of files as a reference table, a row per calibration (one without where there is none);
    `device_id` is that of the device that is measured for."""
    return _registry(paths, errors, Table(METRIC_COLUMNS, {"DeviceMetric": metric_rows}))


def read_patients(paths: Paths, *, errors: str = "raise") -> Any:
    """The Patients of files as a reference table, a row per identifier (one without where there is none)."""
    return _registry(paths, errors, Table(PATIENT_COLUMNS, {"Patient": patient_rows}))


def _registry(paths: Paths, errors: str, table: Table) -> Any:
    return _whole(FhirReading(named_files(paths), table, chosen(errors)), errors)


def _whole(reading: FhirReading, errors: str) -> Any:
    table = reading.read_all()
    return (table, reading.errors) if errors == "collect" else table


def _results(extra: bool) -> Table:
    columns = (*COLUMNS[2:], *(OWN_COLUMNS if extra else ()))
    return Table(columns, {"Observation": rows, "DiagnosticReport": _told_of, "MessageHeader": _told_of})


def _told_of(found: Found) -> list[Row]:
    """A resource that is no result, but tells of some: no row, and whole."""
    if found.kind == "DiagnosticReport":
        several(found.resource, "result")
        found.remember(report_of, found.resource)
    else:
        sender_of(found)
    return []
