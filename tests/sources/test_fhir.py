"""FHIR as tables. Examples are ours; element names are those of R4 (4.0.1) and R5 (5.0.0)."""

from __future__ import annotations

import gzip
import json
import sys

import pyarrow as pa
import pytest

import dqcore as dq
from dqcore.cli import main
from dqcore.sources import fhir
from dqcore.sources.fhir.observations import OWN_COLUMNS
from dqcore.sources.results import COLUMNS, COUNTS, SCHEMA

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"


def observation(**held):
    return {"resourceType": "Observation", "status": "final", **held}


def rows(resource, name="a.json", **how):
    content = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    return fhir.parse(content, source=name, extra=True, **how).to_pylist()


def row(resource):
    (only,) = rows(resource)
    return only


def bundle(*resources, kind="collection", **held):
    entries = [
        resource if "resource" in resource or "request" in resource else {"resource": resource}
        for resource in resources
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": entries, **held}


def entry(url, resource):
    return {"fullUrl": url, "resource": resource}


def counts(table):
    return json.loads(table.schema.metadata[COUNTS])


def refused(content, reason, name="a.json"):
    """The one thing that is refused, with errors collected and raised alike."""
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    _, errors = fhir.parse(content, source=name, errors="collect")
    (only,) = errors.to_pylist()
    assert (only["source"], only["reason"]) == (name, reason)
    with pytest.raises(dq.DataError) as caught:
        fhir.parse(content, source=name)
    assert str(caught.value).startswith(f"{name}, position {only['position']}")
    assert caught.value.__cause__ is None
    assert "SECRET" not in str(caught.value) + only["message"]
    return only


def test_the_columns_are_those_of_the_contract():
    table = fhir.parse(json.dumps(observation()).encode())
    assert table.schema.equals(SCHEMA)
    assert fhir.parse(json.dumps(observation()).encode(), extra=True).column_names == [*COLUMNS, *OWN_COLUMNS]
    assert fhir.parse(b'{"resourceType": "Patient"}').num_rows == 0


def test_every_column_of_a_result():
    found = row(
        observation(
            id="o1",
            meta={"source": "urn:lab#1"},
            identifier=[{"value": "r-17"}],
            basedOn=[{"identifier": {"value": "P-1"}}],
            code={"coding": [{"system": "urn:own", "code": "GLU"}, {"system": LOINC, "code": "2345-7"}], "text": "Glucose"},
            subject={"identifier": {"system": "urn:mrn", "value": "0012", "type": {"coding": [{"code": "MR"}]}}},
            effectiveDateTime="2026-11-24T08:00:00+01:00",
            issued="2026-11-24T09:30:00.000+01:00",
            performer=[{"reference": "Practitioner/1"}, {"reference": "Organization/lab"}],
            valueQuantity={"value": 105, "unit": "mg/dl", "system": UCUM, "code": "mg/dL"},
            interpretation=[{"coding": [{"code": "H"}]}, {"text": "critical"}],
            specimen={"display": "tube 9"},
            device={"identifier": {"value": "DEV-3"}},
            referenceRange=[{"low": {"value": 70}, "high": {"value": 99}}],
            extension=[
                {"url": "http://hl7.org/fhir/StructureDefinition/observation-analysis-date-time", "valueDateTime": "2026-11-24T09:00:00+01:00"},
                {"url": "http://hl7.org/fhir/StructureDefinition/observation-v2-subid", "extension": [{"url": "original-sub-identifier", "valueString": "1.2"}]},
                {"url": "urn:unknown", "valueWhatever": {"a": [1, {"b": None}]}},
            ],
            unknownElement={"a": 1},
        )
    )  # fmt: skip
    assert found == {
        "source": "a.json", "position": 1, "message_id": "o1", "message_type": "Observation", "sent_at": None,
        "interface": "urn:lab#1", "facility": "Organization/lab", "patient_id": "0012", "patient_authority": "urn:mrn",
        "patient_id_type": "MR", "birth_date": None, "sex": None, "placer_order_id": "P-1", "filler_order_id": None,
        "specimen_id": "tube 9", "code": "2345-7", "code_text": "Glucose", "code_system": LOINC, "sub_id": "1.2",
        "value_type": "Quantity", "value_text": "105", "unit": "mg/dL", "reference_range": "70-99",
        "abnormal_flags": "H~critical", "status": "final", "collected_at": "2026-11-24T08:00:00+01:00",
        "specimen_received_at": None, "analyzed_at": "2026-11-24T09:00:00+01:00",
        "reported_at": "2026-11-24T09:30:00.000+01:00", "device_id": "DEV-3", "path": "Observation",
        "resource_id": "o1", "subject": "0012", "collected_until": None, "unit_text": "mg/dl", "unit_code": "mg/dL",
        "unit_system": UCUM, "value_code": None, "value_system": None, "data_absent_reason": None,
    }  # fmt: skip


QUANTITY = {"value": 6.5, "unit": "mmol/l", "system": UCUM, "code": "mmol/L"}
VALUES = [
    ({"valueQuantity": QUANTITY}, "Quantity", "6.5", "mmol/L"),
    ({"valueQuantity": {**QUANTITY, "comparator": "<"}}, "Quantity", "<6.5", "mmol/L"),
    ({"valueQuantity": {**QUANTITY, "comparator": ">="}}, "Quantity", ">=6.5", "mmol/L"),
    ({"valueQuantity": {**QUANTITY, "comparator": "ad"}}, "Quantity", "ad 6.5", "mmol/L"),
    ({"valueQuantity": {"value": 1, "unit": "tablet", "system": "urn:own", "code": "TAB"}}, "Quantity", "1", "tablet"),
    ({"valueQuantity": {"value": 1, "unit": "mg"}}, "Quantity", "1", "mg"),
    ({"valueQuantity": {"value": 1, "code": "mg"}}, "Quantity", "1", "mg"),
    ({"valueQuantity": {"value": 1, "unit": "x", "system": UCUM}}, "Quantity", "1", "x"),
    ({"valueQuantity": {"unit": "mg"}}, "Quantity", None, "mg"),
    ({"valueQuantity": {"value": 0}}, "Quantity", "0", None),
    ({"valueCodeableConcept": {"text": "Positive", "coding": [{"code": "POS"}]}}, "CodeableConcept", "Positive", None),
    ({"valueCodeableConcept": {"coding": [{"code": "POS", "display": "pos."}]}}, "CodeableConcept", "pos.", None),
    ({"valueCodeableConcept": {"coding": [{"code": "POS"}]}}, "CodeableConcept", "POS", None),
    ({"valueCodeableConcept": {}}, "CodeableConcept", None, None),
    ({"valueString": " seen \n"}, "string", " seen \n", None),
    ({"valueString": ""}, "string", "", None),
    ({"valueBoolean": True}, "boolean", "true", None),
    ({"valueBoolean": False}, "boolean", "false", None),
    ({"valueInteger": 0}, "integer", "0", None),
    ({"valueRange": {"low": {"value": 1.0, "unit": "m"}, "high": {"value": 2, "unit": "m"}}}, "Range", "1.0-2", "m"),
    ({"valueRange": {"low": {"value": 1, "unit": "m"}}}, "Range", ">=1", "m"),
    ({"valueRange": {"high": {"value": 2}}}, "Range", "<=2", None),
    ({"valueRange": {"low": {"value": 1, "unit": "m"}, "high": {"value": 2, "unit": "km"}}}, "Range", "1 m-2 km", None),
    ({"valueRange": {}}, "Range", None, None),
    ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "Ratio", "1:128", None),
    ({"valueRatio": {"numerator": {"value": 1, "comparator": "<"}, "denominator": {"value": 8}}}, "Ratio", "<1:8", None),
    ({"valueRatio": {"numerator": {"value": 3, "unit": "mg"}, "denominator": {"value": 1, "unit": "mL"}}}, "Ratio", "3:1", "mg/mL"),
    ({"valueRatio": {"numerator": {"value": 3, "unit": "mg"}, "denominator": {"value": 1, "unit": "a/b"}}}, "Ratio", "3:1", None),
    ({"valueRatio": {"numerator": {"value": 3}}}, "Ratio", "3:", None),
    ({"valueSampledData": {"origin": {"value": 0, "unit": "mV"}, "period": 10, "dimensions": 1, "data": "1 2 E"}}, "SampledData", "1 2 E", "mV"),
    ({"valueSampledData": {"origin": {"value": 0}, "interval": 10, "intervalUnit": "ms", "dimensions": 1}}, "SampledData", None, None),
    ({"valueTime": "08:30:00"}, "time", "08:30:00", None),
    ({"valueDateTime": "2026-02-30"}, "dateTime", "2026-02-30", None),
    ({"valuePeriod": {"start": "2026", "end": "2027"}}, "Period", "2026/2027", None),
    ({"valuePeriod": {"end": "2027"}}, "Period", "/2027", None),
    ({"valuePeriod": {}}, "Period", None, None),
    ({"valueAttachment": {"url": "urn:a", "title": "t"}}, "Attachment", "urn:a", None),
    ({"valueReference": {"reference": "MolecularSequence/1"}}, "Reference", "MolecularSequence/1", None),
    ({"valueNewType": {"a": [6.30, True]}}, "NewType", '{"a":["6.3",true]}', None),
    ({"valueNewPrimitive": 7}, "NewPrimitive", "7", None),
    ({"_valueString": {"extension": [{"url": "u", "valueCode": "unknown"}]}}, None, None, None),
    ({"valueString": None}, None, None, None),
    ({"dataAbsentReason": {"coding": [{"code": "unknown"}]}}, "dataAbsentReason", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("held", "kind", "text", "unit"), VALUES)
def test_values(held, kind, text, unit):
    own = row(observation(**held))
    assert (own["value_type"], own["value_text"], own["unit"]) == (kind, text, unit)
    part = row(observation(component=[held]))
    assert (part["value_type"], part["value_text"], part["unit"], part["sub_id"]) == (kind, text, unit, "1")


def test_numbers_stay_as_they_were_written():
    for number in ("6.30", "1e3", "1E400", "-0", "0.10000000000000000000000001", "9007199254740993", "100"):
        content = b'{"resourceType": "Observation", "valueQuantity": {"value": %s}}' % number.encode()
        assert row(content)["value_text"] == number


def test_why_there_is_no_value_is_told_beside_it():
    absent = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "not-performed"}]
    }
    found = row(observation(dataAbsentReason=absent))
    assert (found["value_text"], found["data_absent_reason"]) == (None, "not-performed")
    report = dq.RuleSet([dq.NotNull("value_text")]).validate(
        fhir.parse(json.dumps(observation(dataAbsentReason=absent)).encode())
    )
    assert not report.passed


def test_a_coded_value_keeps_its_code():
    found = row(
        observation(
            valueCodeableConcept={
                "text": "Negative",
                "coding": [{"system": "http://snomed.info/sct", "code": "260385009"}],
            }
        )
    )
    assert (found["value_text"], found["value_code"], found["value_system"]) == (
        "Negative",
        "260385009",
        "http://snomed.info/sct",
    )


def test_which_coding_stands_for_a_code():
    own, other, loinc = (
        {"system": "urn:o", "code": "A", "display": "a"},
        {"code": "B", "userSelected": True},
        {"system": LOINC, "code": "2345-7"},
    )
    assert row(observation(code={"coding": [own, other, loinc]}))["code"] == "2345-7"
    assert row(observation(code={"coding": [own, other]}))["code"] == "B"
    assert row(observation(code={"coding": [own]}))["code_text"] == "a"
    named = row(observation(code={"text": "Glucose"}))
    assert (named["code"], named["code_text"], named["code_system"]) == (None, "Glucose", None)
    assert row(observation())["code"] is None


def test_components_are_rows_beside_a_value_of_their_own():
    parts = [
        {"code": {"coding": [{"code": code}]}, "valueInteger": number}
        for code, number in (("8480-6", 120), ("8462-4", 80))
    ]
    assert [one["code"] for one in rows(observation(component=parts))] == ["8480-6", "8462-4"]
    panel = {"coding": [{"code": "85354-9"}]}
    found = rows(
        observation(code=panel, valueString="ok", component=parts, effectivePeriod={"start": "2026", "end": "2027"})
    )
    assert [(one["code"], one["sub_id"], one["value_text"]) for one in found] == [
        ("85354-9", None, "ok"),
        ("8480-6", "1", "120"),
        ("8462-4", "2", "80"),
    ]
    assert {one["collected_at"] for one in found} == {"2026"}
    assert {one["collected_until"] for one in found} == {"2027"}
    assert len(rows(observation(code=panel, component=parts, dataAbsentReason={"text": "x"}))) == 3
    assert len(rows(observation(code=panel, hasMember=[{"reference": "#a"}]))) == 1


def test_reference_ranges():
    def said(*ranges, **held):
        return row(observation(referenceRange=list(ranges), **held))["reference_range"]

    assert said({"text": "3,1 - 6,2"}, {"low": {"value": 3.10}}) == "3,1 - 6,2~>=3.1"
    assert said({"high": {"value": 5}}) == "<=5"
    assert said({}) is None
    unit = {"valueQuantity": {"value": 1, "unit": "mmol/L"}}
    assert said({"low": {"value": 1, "unit": "mmol/L"}, "high": {"value": 2, "unit": "mmol/L"}}, **unit) == "1-2"
    assert (
        said({"low": {"value": 70, "unit": "mg/dL"}, "high": {"value": 99, "unit": "mg/dL"}}, **unit)
        == "70 mg/dL-99 mg/dL"
    )


def test_times():
    assert row(observation(effectiveInstant="2026-01-01T00:00:00Z"))["collected_at"] == "2026-01-01T00:00:00Z"
    assert row(observation(effectiveTiming={"event": ["2026-01-01", "2026-01-02"]}))["collected_at"] == "2026-01-01"
    assert row(observation(effectiveTiming={"code": {"text": "BID"}}))["collected_at"] is None
    specimen = {"resourceType": "Specimen", "id": "s", "receivedTime": "2026-01-03", "identifier": [{"value": "S-1"}],
                "collection": {"collectedPeriod": {"start": "2026-01-01", "end": "2026-01-02"}}}  # fmt: skip
    found = row(observation(contained=[specimen], specimen={"reference": "#s"}))
    assert (found["specimen_id"], found["collected_at"], found["collected_until"], found["specimen_received_at"]) == (
        "S-1",
        "2026-01-01",
        "2026-01-02",
        "2026-01-03",
    )
    found = row(observation(contained=[specimen], specimen={"reference": "#s"}, effectiveDateTime="2025"))
    assert (found["collected_at"], found["collected_until"]) == ("2025", None)
    specimen = {"resourceType": "Specimen", "id": "s", "accessionIdentifier": {"value": "A-1"}}
    assert row(observation(contained=[specimen], specimen={"reference": "#s"}))["specimen_id"] == "A-1"


MARY = {"resourceType": "Patient", "id": "m", "birthDate": "1970-01-01", "gender": "female",
        "identifier": [{"value": "old", "use": "old"}, {"system": "urn:nhs", "value": "9434765919"},
                       {"system": "urn:mrn", "value": "0042", "type": {"coding": [{"code": "MR"}]}}]}  # fmt: skip
JOHN = {"resourceType": "Patient", "id": "j", "identifier": [{"value": "J", "assigner": {"display": "GP"}}]}


def patient(resource):
    *_, found = rows(resource)
    return found["patient_id"]


def test_a_patient_is_known_by_the_record_number_else_by_the_first_identifier():
    found = row(observation(contained=[MARY], subject={"reference": "#m"}))
    assert (found["patient_id"], found["patient_authority"], found["patient_id_type"]) == ("0042", "urn:mrn", "MR")
    assert (found["birth_date"], found["sex"], found["subject"]) == ("1970-01-01", "female", "#m")
    found = row(observation(contained=[JOHN], subject={"reference": "#j"}))
    assert (found["patient_id"], found["patient_authority"], found["patient_id_type"]) == ("J", "GP", None)
    nobody = {"resourceType": "Patient", "id": "n"}
    assert patient(observation(contained=[nobody], subject={"reference": "#n"})) == "#n"


def test_references_within_a_bundle():
    base = "https://a.example/fhir/"
    mary = entry(base + "Patient/m", MARY)
    about = lambda said, url=base + "Observation/1": bundle(mary, entry(url, observation(subject={"reference": said})))  # noqa: E731
    assert patient(about("Patient/m")) == "0042"
    assert patient(about(base + "Patient/m")) == "0042"
    assert patient(about("https://b.example/fhir/Patient/m")) == "https://b.example/fhir/Patient/m"
    assert patient(about("Patient/m", "https://b.example/fhir/Observation/1")) == "Patient/m"
    assert patient(about("Patient/x")) == "Patient/x"
    assert patient(about("Patient?identifier=urn:mrn|0042")) == "Patient?identifier=urn:mrn|0042"
    uuid = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    assert patient(bundle(entry(uuid, MARY), entry("urn:uuid:1", observation(subject={"reference": uuid})))) == "0042"
    assert patient(bundle(entry(uuid, MARY), observation(subject={"reference": "Patient/m"}))) == "0042"
    assert patient(bundle(MARY, observation(subject={"reference": "Patient/m"}))) == "0042"
    assert patient(bundle(JOHN, observation(contained=[MARY], subject={"reference": "#m"}))) == "0042"


def test_a_reference_that_could_mean_two_is_left_as_it_was_sent():
    other = {**MARY, "identifier": [{"value": "other"}]}
    for kind, said in (("collection", "Patient/m"), ("history", "0042")):
        about = observation(subject={"reference": "Patient/m"})
        assert patient(bundle(MARY, other, about, kind=kind)) == said
        url = "https://a.example/Patient/m"
        about = entry("https://a.example/Observation/1", about)
        assert patient(bundle(entry(url, MARY), entry(url, other), about, kind=kind)) == said
    same = bundle(MARY, dict(MARY), observation(subject={"reference": "Patient/m"}))
    assert patient(same) == "0042"
    twice = observation(contained=[MARY, other], subject={"reference": "#m"})
    assert patient(twice) == "#m"


def test_versions_of_what_is_referred_to():
    first, second = ({**MARY, "meta": {"versionId": v}, "identifier": [{"value": f"v{v}"}]} for v in "12")
    about = lambda said: bundle(second, first, observation(subject={"reference": said}), kind="history")  # noqa: E731
    assert patient(about("Patient/m/_history/1")) == "v1"
    assert patient(about("Patient/m/_history/2")) == "v2"
    assert patient(about("Patient/m/_history/3")) == "Patient/m/_history/3"
    assert patient(about("Patient/m")) == "v2"


def test_a_subject_that_is_no_patient_names_none():
    for said in ("Device/1", "https://a.example/Group/1", "Location/x"):
        found = row(observation(subject={"reference": said}))
        assert (found["patient_id"], found["subject"]) == (None, said)
    assert patient(observation(subject={"reference": "urn:uuid:1"})) == "urn:uuid:1"
    assert patient(observation(subject={"reference": "urn:uuid:1", "type": "Group"})) is None
    device = {"resourceType": "Device", "id": "d", "identifier": [{"value": "QC"}]}
    assert patient(bundle(device, observation(subject={"reference": "Device/d"}))) is None
    assert patient(observation(subject={"display": "Mary"})) is None
    assert patient(observation()) is None


def test_orders_and_reports():
    order = {"resourceType": "ServiceRequest", "id": "r", "identifier": [
        {"value": "F-1", "type": {"coding": [{"code": "FILL"}]}}, {"value": "P-1", "type": {"coding": [{"code": "PLAC"}]}}]}  # fmt: skip
    result = observation(id="o", basedOn=[{"reference": "ServiceRequest/r"}])
    found = rows(bundle(order, result))[0]
    assert (found["placer_order_id"], found["filler_order_id"]) == ("P-1", "F-1")
    report = {"resourceType": "DiagnosticReport", "id": "d", "identifier": [{"value": "R-9"}], "issued": "2026-01-02T00:00:00Z",
              "basedOn": [{"reference": "ServiceRequest/r"}], "result": [{"reference": "Observation/o"}],
              "specimen": [{"identifier": {"value": "S-1"}}]}  # fmt: skip
    found = rows(bundle(order, observation(id="o"), report))[0]
    assert (found["placer_order_id"], found["filler_order_id"], found["specimen_id"]) == ("P-1", "R-9", "S-1")
    assert found["reported_at"] == "2026-01-02T00:00:00Z"
    within = {
        **report,
        "contained": [observation(id="o", issued="2026-01-03T00:00:00Z")],
        "result": [{"reference": "#o"}],
    }
    found = rows(within)[0]
    assert (found["filler_order_id"], found["reported_at"], found["path"]) == (
        "R-9",
        "2026-01-03T00:00:00Z",
        "DiagnosticReport.contained[0]",
    )
    assert found["message_type"] == "DiagnosticReport"


def test_a_message_says_who_sent_it():
    header = {
        "resourceType": "MessageHeader",
        "source": {"name": "LIS", "endpoint": "urn:e"},
        "sender": {"reference": "Organization/o"},
    }
    lab = {"resourceType": "Organization", "id": "o", "identifier": [{"value": "LAB7"}], "name": "The laboratory"}
    sent = bundle(
        header,
        lab,
        observation(),
        kind="message",
        id="b",
        identifier={"value": "MSG-1"},
        timestamp="2026-01-01T00:00:00Z",
    )
    found = rows(sent)[0]
    assert [found[name] for name in COLUMNS[2:7]] == ["MSG-1", "message", "2026-01-01T00:00:00Z", "LIS", "LAB7"]
    assert found["position"] == 3
    found = rows(bundle({"resourceType": "MessageHeader", "source": {"endpointUrl": "urn:r5"}}, observation(), id="b"))[
        0
    ]
    assert (found["message_id"], found["interface"], found["facility"]) == ("b", "urn:r5", None)


def test_a_device_is_known_by_the_same_name_as_in_its_registry(tmp_path):
    device = {"resourceType": "Device", "id": "d", "serialNumber": "SN1", "udiCarrier": [{"deviceIdentifier": "DI1"}]}
    metric = {"resourceType": "DeviceMetric", "id": "m", "source": {"reference": "Device/d"},
              "calibration": [{"type": "gain", "state": "calibrated", "time": "2026-01-01T00:00:00Z"}, {"state": "not-calibrated"}]}  # fmt: skip
    for known, name in (
        (device, "SN1"),
        ({**device, "identifier": [{"value": "ID"}]}, "ID"),
        ({**device, "serialNumber": None}, "DI1"),
        ({"resourceType": "Device", "id": "d"}, "Device/d"),
    ):
        sent = bundle(
            known,
            metric,
            observation(device={"reference": "Device/d"}),
            observation(device={"reference": "DeviceMetric/m"}),
        )
        assert [one["device_id"] for one in rows(sent)] == [name, name]
        path = tmp_path / "b.json"
        path.write_text(json.dumps(sent))
        assert fhir.read_devices(path)["device_id"].to_pylist() == [name]
        assert fhir.read_device_metrics(path)["device_id"].to_pylist() == [name, name]
    assert row(observation(device={"reference": "Device/x"}))["device_id"] == "Device/x"
    assert row(observation(device={"display": "scale"}))["device_id"] == "scale"
    r5 = {"resourceType": "DeviceMetric", "id": "m", "device": {"reference": "Device/d"}}
    assert rows(bundle(device, r5, observation(device={"reference": "DeviceMetric/m"})))[0]["device_id"] == "SN1"


def test_the_registry_of_devices(tmp_path):
    device = {
        "resourceType": "Device", "id": "d", "identifier": [{"system": "urn:inv", "value": "7"}], "status": "active",
        "udiCarrier": [{"deviceIdentifier": "00844588003288", "issuer": "http://hl7.org/fhir/NamingSystem/gs1", "carrierHRF": "(01)00844588003288"}, {"carrierHRF": "+X"}],
        "manufacturer": "Acme", "modelNumber": "M1", "serialNumber": "S1", "lotNumber": "L1", "manufactureDate": "2020-01-01",
        "expirationDate": "2030-01-01", "deviceName": [{"name": "m", "type": "model-name"}, {"name": "Scale", "type": "user-friendly-name"}],
        "type": {"coding": [{"code": "19892-9"}], "text": "scale"}, "owner": {"display": "biomed"}, "location": {"reference": "Location/1"},
        "version": [{"type": {"text": "Software version"}, "value": "1.2"}, {"type": {"coding": [{"code": "531974", "display": "MDC_ID_PROD_SPEC_FW firmware"}]}, "value": "9"}, {"value": "3"}],
    }  # fmt: skip
    path = tmp_path / "Device.ndjson"
    path.write_text(json.dumps(device) + "\n" + json.dumps({"resourceType": "Patient"}) + "\n")
    table, errors = fhir.read_devices(path, errors="collect")
    assert errors.num_rows == 0
    one, two = table.to_pylist()
    assert (one["udi"], one["udi_di"], two["udi"], two["udi_di"]) == (
        "(01)00844588003288",
        "00844588003288",
        "+X",
        None,
    )
    assert {name: one[name] for name in one if one[name] == two[name]} == {
        "source": str(path), "position": 1, "reference": "Device/d", "device_id": "7", "device_authority": "urn:inv", "status": "active",
        "manufacturer": "Acme", "model": "M1", "serial": "S1", "lot": "L1", "name": "Scale", "type_code": "19892-9", "type_text": "scale",
        "software_version": "1.2", "firmware_version": "9", "hardware_version": None, "other_versions": "=3",
        "manufactured_at": "2020-01-01", "expires_at": "2030-01-01", "owner": "biomed", "location": "Location/1", "patient": None,
    }  # fmt: skip
    assert counts(table)["without_results"] == {"Patient": 1}
    r5 = {"resourceType": "Device", "name": [{"value": "Pump", "type": "registered-name"}], "type": [{"text": "pump"}]}
    path.write_text(json.dumps(r5))
    (found,) = fhir.read_devices(path).to_pylist()
    assert (found["name"], found["type_text"], found["device_id"]) == ("Pump", "pump", None)


def test_the_registry_of_patients(tmp_path):
    held = {**MARY, "name": [{"family": "Nick", "use": "nickname"}, {"family": "Smith", "given": ["Mary", None, "Ann"], "use": "official"}],
            "active": True, "deceasedBoolean": False, "link": [{"type": "replaced-by", "other": {"reference": "Patient/9"}}]}  # fmt: skip
    path = tmp_path / "Patient.ndjson"
    path.write_text(json.dumps(held) + "\n" + json.dumps({"resourceType": "Patient", "name": [{"text": "J. Doe"}]}))
    table = fhir.read_patients(path)
    assert table["patient_id"].to_pylist() == ["old", "9434765919", "0042", None]
    assert table["identifier_use"].to_pylist() == ["old", None, None, None]
    assert table["patient_authority"].to_pylist() == [None, "urn:nhs", "urn:mrn", None]
    (found, other) = table.to_pylist()[2:]
    assert (found["family_name"], found["given_names"], found["birth_date"], found["sex"]) == (
        "Smith",
        "Mary Ann",
        "1970-01-01",
        "female",
    )
    assert (found["active"], found["deceased"], found["replaced_by"], found["reference"]) == (
        "true",
        "false",
        "Patient/9",
        "Patient/m",
    )
    assert (other["family_name"], other["reference"], other["position"]) == ("J. Doe", None, 2)


def test_results_against_registries_of_their_own(tmp_path):
    (tmp_path / "Patient.ndjson").write_text(json.dumps(MARY))
    metric = {
        "resourceType": "DeviceMetric",
        "source": {"reference": "Device/d"},
        "calibration": [{"time": "2026-01-01T00:00:00Z"}],
    }
    (tmp_path / "DeviceMetric.ndjson").write_text(json.dumps(metric))
    sent = [
        observation(subject={"reference": f"Patient/{who}"}, device={"reference": "Device/d"}, effectiveDateTime=at, valueQuantity=quantity,
                    code={"coding": [{"system": LOINC, "code": "14749-6"}]})
        for who, at, quantity in (
            ("m", "2026-02-01T00:00:00Z", QUANTITY),
            ("x", "2025-02-01T00:00:00Z", {"value": 5, "unit": "furlong", "system": UCUM, "code": "[fur_us]"}),
        )
    ]  # fmt: skip
    (tmp_path / "Observation.ndjson").write_text("\n".join(map(json.dumps, sent)))
    results = fhir.read(tmp_path / "Observation.ndjson")
    rules = dq.RuleSet(
        [
            dq.Numeric("value_text", into="value"),
            dq.Units("value", unit="unit", analyte="code"),
            dq.Match("patient_id", registry="patients", registry_key="reference"),
            dq.Timestamp("collected_at", "fhir", into="at"),
            dq.Timestamp("reported_at", "fhir", min_evaluated=0),
        ]
    )
    report = rules.validate(results, registries={"patients": fhir.read_patients(tmp_path / "Patient.ndjson")})
    found = {(one["row"], one["reason"]) for one in report.failures().to_pylist()}
    assert found == {(1, "wrong_dimension"), (1, "not_found")}


def test_where_results_stand_and_what_is_counted():
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "a", "resource": observation()},
            {"name": "b", "part": [{"name": "c", "resource": observation()}]},
        ],
    }
    order = {"resourceType": "ServiceRequest", "contained": [observation(id="fasting")]}
    sent = bundle(
        observation(contained=[observation(id="inner", subject={"reference": "#"})]),
        {"request": {"method": "DELETE", "url": "Observation/5"}},
        entry("urn:uuid:1", bundle(observation(), kind="searchset", id="inner")),
        parameters,
        order,
        kind="batch",
        id="outer",
    )
    table = fhir.parse(json.dumps(sent).encode(), extra=True)
    assert table["path"].to_pylist() == [
        "Bundle.entry[0].resource",
        "Bundle.entry[0].resource.contained[0]",
        "Bundle.entry[2].resource.entry[0].resource",
        "Bundle.entry[3].resource.parameter[0].resource",
        "Bundle.entry[3].resource.parameter[1].part[0].resource",
        "Bundle.entry[4].resource.contained[0]",
    ]
    assert table["position"].to_pylist() == [1, 1, 3, 4, 4, 5]
    assert table["message_type"].to_pylist() == ["batch", "batch", "searchset", "batch", "batch", "batch"]
    assert counts(table) == {
        "files": 1, "messages": 11, "rows": 6, "refused": 0,
        "without_results": {"(no resource)": 1, "Bundle": 2, "Parameters": 1, "ServiceRequest": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    "kind", ["document", "message", "transaction", "transaction-response", "batch", "batch-response", "history", "searchset", "collection", "subscription-notification"]
)  # fmt: skip
def test_bundles_of_every_type(kind):
    sent = bundle(
        observation(), {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}, kind=kind
    )
    assert [one["message_type"] for one in rows(sent)] == [kind]


def test_lines(tmp_path):
    lines = [observation(id=str(number)) for number in range(3)]
    text = "\n\n  \n".join(map(json.dumps, lines)) + "\r\n"
    for name, content in (
        ("a.ndjson", text.encode()),
        ("A.NDJSON.GZ", gzip.compress(text.encode())),
        ("b.jsonl.gz", b"\xef\xbb\xbf" + text.encode()),
    ):
        (tmp_path / name).write_bytes(content)
        table = fhir.read(tmp_path / name)
        assert table["message_id"].to_pylist() == ["0", "1", "2"]
        assert table["position"].to_pylist() == [1, 4, 7]
    assert fhir.read(tmp_path).num_rows == 9
    assert (
        fhir.read([tmp_path / "a.ndjson", str(tmp_path / "b.*")])["source"].to_pylist()
        == [str(tmp_path / "a.ndjson")] * 3 + [str(tmp_path / "b.jsonl.gz")] * 3
    )


def test_a_bundle_on_a_line():
    found = rows(json.dumps(bundle(MARY, observation())).encode() + b"\n", "a.ndjson")
    assert [(one["position"], one["path"]) for one in found] == [(1, "Bundle.entry[1].resource")]


NO_JSON = [
    (b"", "json"), (b" ", "json"), (b"SECRET", "json"), (b'{"a": 1} {"b": 2}', "json"), (b'{"a": 1,}', "json"),
    (b'{"resourceType": "Observation", "id": "SECRET", "id": "SECRET"}', "json"), (b"{'a': 1}", "json"),
    (b'{"resourceType": "Observation", "valueInteger": NaN}', "json"), (b'{"a": -Infinity}', "json"),
    (b'{"a": "SECRET\x01"}', "json"), (b'{"a": "SECRET', "json"), (b'{"a": 01}', "json"),
    (b'{"a": "\xff"}', "utf8"), (b'{"a": "\xed\xa0\x80"}', "utf8"), (rb'{"resourceType": "Observation", "id": "\ud800"}', "utf8"),
    (b'{"a": ' * 65 + b"1" + b"}" * 65, "too_deep"), (b"[" * 100_000, "too_deep"), (b'{"a":[' * 50_000, "too_deep"),
    (b"[]", "resource_type"), (b"[1]", "resource_type"), (b"null", "resource_type"), (b"{}", "resource_type"),
    (b'{"resourceType": "SECRET 1"}', "resource_type"), (b'{"resourceType": ["SECRET"]}', "resource_type"),
    (b'{"resourceType": "observation"}', "resource_type"), (b'{"resourceType": "BUNDLE"}', "resource_type"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), NO_JSON)
def test_what_is_no_json_of_fhir(content, reason):
    assert refused(content, reason)["position"] == 1


def test_brackets_within_texts_are_not_depth():
    assert row(observation(valueString='[{"' * 100 + "\\"))["value_text"] == '[{"' * 100 + "\\"
    deep = observation(extension=[{"url": "u"}])
    for _ in range(20):
        deep = observation(contained=[deep])
    assert len(rows(deep)) == 21


def test_depth_does_not_depend_on_the_stack_of_the_caller():
    content = b'{"a":' * 64 + b"1" + b"}" * 64

    def deeper(levels):
        return deeper(levels - 1) if levels else refused(content, "resource_type")

    deeper(200)
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(10**6)
        refused(b'{"a":' * 100_000, "too_deep")
    finally:
        sys.setrecursionlimit(limit)


NO_RESOURCE = [
    {"component": "SECRET"}, {"component": ["SECRET"]}, {"code": "SECRET"}, {"code": [{}, {}]}, {"code": {"coding": "SECRET"}},
    {"code": {"coding": [{"code": {"a": "SECRET"}}]}}, {"status": {"a": "SECRET"}}, {"status": ["a", "SECRET"]},
    {"subject": "SECRET"}, {"subject": {"reference": {"a": 1}}}, {"valueQuantity": "SECRET"}, {"valueQuantity": {"value": {"a": 1}}},
    {"valueQuantity": {"value": 1}, "valueString": "SECRET"}, {"valueString": "SECRET", "valueInteger": 1}, {"valueString": ["a", "SECRET"]}, {"valueSECRET": [1, 2]}, {"valueSECRET": {}, "valueOther": 1},
    {"interpretation": [{"coding": 7}]}, {"referenceRange": {"low": "SECRET"}}, {"effectivePeriod": "SECRET"}, {"extension": "SECRET"},
    {"contained": [{"resourceType": "Patient", "id": "p", "identifier": "SECRET"}], "subject": {"reference": "#p"}},
    {"component": [{"valueString": "fine"}, {"valueRange": ["SECRET"]}], "valueString": "fine"},
    {"basedOn": "SECRET"}, {"performer": [["SECRET"]]}, {"specimen": [1]}, {"device": True}, {"dataAbsentReason": "SECRET"},
    {"meta": "SECRET"}, {"issued": [["SECRET"]]},
]  # fmt: skip


@pytest.mark.parametrize("held", NO_RESOURCE)
def test_what_is_no_observation_is_refused_alone(held):
    sent = [observation(**held), observation(valueString="SECRET")]
    content = "\n".join(map(json.dumps, sent)).encode()
    table, errors = fhir.parse(content, source="a.ndjson", errors="collect")
    assert table["position"].to_pylist() == [2]
    told = errors.to_pylist()
    assert [(one["position"], one["reason"], one["segment"]) for one in told] == [(1, "element", "Observation")]
    assert "SECRET" not in str(told)
    table, errors = fhir.parse(json.dumps(bundle(*sent)).encode(), errors="collect")
    assert [(one["position"], one["segment"]) for one in errors.to_pylist()] == [(1, "Bundle.entry[0].resource")]
    assert table.num_rows == 1
    assert counts(table)["messages"] == (4 if "contained" in held else 3)


def test_what_a_bundle_cannot_hold():
    for held in ("SECRET", [1], ["SECRET"], [[]]):
        refused({"resourceType": "Bundle", "entry": held, "id": "b"}, "element")
    for resource in ("SECRET", [1], {"id": "SECRET"}):
        refused(bundle({"resource": resource}), "resource_type")
    refused({"resourceType": "Parameters", "parameter": "SECRET"}, "element")
    refused({"resourceType": "Patient", "contained": "SECRET"}, "element")
    refused({"resourceType": "Bundle", "timestamp": ["SECRET", "b"]}, "element")


@pytest.mark.parametrize(
    "told",
    [{"resourceType": "DiagnosticReport", "result": "SECRET"}, {"resourceType": "MessageHeader", "source": "SECRET"}],
)
def test_what_only_tells_of_results_is_refused_alone(told):
    table, errors = fhir.parse(json.dumps(bundle(told, *[observation()] * 3)).encode(), errors="collect")
    assert table.num_rows == 3
    assert [(one["position"], one["reason"]) for one in errors.to_pylist()] == [(1, "element")]
    assert counts(table) == {"files": 1, "messages": 5, "rows": 3, "refused": 1, "without_results": {"Bundle": 1}}


def test_a_text_beyond_what_fhir_allows():
    refused(observation(valueString="x" * (2**20 + 1)), "too_long")
    assert len(row(observation(valueString="x" * 2**20))["value_text"]) == 2**20


def test_a_file_that_cannot_be_read_on(tmp_path):
    lines = ("\n".join(json.dumps(observation(id=str(number))) for number in range(4_000))).encode()
    packed = gzip.compress(lines)
    for name, content in (
        ("cut.ndjson.gz", packed[:-100]),
        ("flipped.ndjson.gz", packed[:-8] + bytes(8)),
        ("more.ndjson.gz", packed + b"SECRET"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(dq.DataError, match="gzip") as caught:
            fhir.read(tmp_path / name)
        assert name in str(caught.value)
        table, errors = fhir.read(tmp_path / name, errors="collect")
        assert [one["reason"] for one in errors.to_pylist()] == ["unreadable"]
        assert table.num_rows + 1000 > errors["position"][0].as_py() >= table.num_rows
    (tmp_path / "cut.ndjson").write_bytes(lines[:-3])
    table, errors = fhir.read(tmp_path / "cut.ndjson", errors="collect")
    assert (table.num_rows, errors["position"].to_pylist(), errors["reason"].to_pylist()) == (
        3_999,
        [4_000],
        ["json"],
    )
    with pytest.raises(dq.DataError, match="no file or folder"):
        fhir.read(tmp_path / "nothing.json")


def test_limits_of_lines_and_documents(monkeypatch):
    monkeypatch.setattr("dqcore.sources.fhir.documents.LONGEST", 100)
    monkeypatch.setattr("dqcore.sources.fhir.documents.LARGEST", 100)
    lines = b'{"resourceType": "Observation"}\n' + json.dumps(observation(valueString="x" * 100)).encode()
    table, errors = fhir.parse(lines, source="a.ndjson", errors="collect")
    assert (table.num_rows, errors["reason"].to_pylist()) == (1, ["too_long"])
    refused(observation(valueString="x" * 100), "too_long")


def test_a_stream_gives_what_was_read_before_what_cannot_be(tmp_path):
    path = tmp_path / "a.ndjson"
    line = json.dumps(observation(component=[{"valueInteger": number} for number in range(1000)]))
    path.write_text("\n".join([line] * 70 + ["broken"]))
    reading = fhir.stream(path)
    batches = iter(reading)
    first = next(batches)
    assert first.num_rows == 66_000
    assert reading.schema == first.schema
    with pytest.raises(dq.DataError, match="position 71"):
        list(batches)
    reading = fhir.stream(path, errors="collect")
    assert pa.table(reading).num_rows == sum(batch.num_rows for batch in reading) == 70_000
    assert reading.errors["position"].to_pylist() == [71]
    assert reading.counts.rows == 70_000


def test_batches_are_bounded_by_what_their_rows_repeat(monkeypatch):
    monkeypatch.setattr("dqcore.sources.fhir.reading.BATCH_BYTES", 10_000)
    held = observation(id="x" * 1000, component=[{"valueInteger": number} for number in range(100)])
    content = "\n".join([json.dumps(held)] * 10).encode()
    table = fhir.parse(content, source="a.ndjson")
    assert table["message_id"].num_chunks == 10


def test_bad_parameters(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(observation()))
    with pytest.raises(dq.RuleError, match="errors"):
        fhir.read(tmp_path / "a.json", errors="ignore")


def test_rules_take_a_stream(tmp_path):
    """And are told what cannot be read in it, and where."""
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps(observation()) + "\n" + json.dumps(observation(status=None)))
    assert dq.RuleSet([dq.NotNull("status")]).validate(fhir.stream(path)).failures()["row"].to_pylist() == [1]
    path.write_text(json.dumps(observation()) + "\nbroken")
    with pytest.raises(dq.DataError, match="position 2"):
        dq.RuleSet([dq.NotNull("status")]).validate(fhir.stream(path))


def test_the_command_line_converts(tmp_path, capsys):
    (tmp_path / "a.ndjson").write_text(json.dumps(observation(valueInteger=1)) + "\nSECRET\n" + json.dumps(MARY))
    out, told = str(tmp_path / "out.arrow"), str(tmp_path / "errors.csv")
    assert main(["convert", str(tmp_path / "a.ndjson"), out, "--source", "fhir"]) == 3
    assert main(["convert", str(tmp_path / "a.ndjson"), out, "--source", "fhir", "--errors", told]) == 3
    assert pa.ipc.open_file(out).read_all()["value_text"].to_pylist() == ["1"]
    assert "SECRET" not in "".join(capsys.readouterr()) + (tmp_path / "errors.csv").read_text()
    (tmp_path / "a.ndjson").write_text(json.dumps(observation(valueInteger=1)))
    assert main(["convert", str(tmp_path / "a.ndjson"), out, "--source", "fhir"]) == 0
