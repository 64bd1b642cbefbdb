"""Files of FHIR written by others, counted apart and read by another library; and what chance makes of files."""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
import tracemalloc
import warnings
import xml.etree.ElementTree as ET
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from realdata import data_folder

import dqcore as dq
from dqcore.sources import fhir
from dqcore.sources.fhir import json_text, xml_text
from dqcore.sources.fhir.elements import Malformed
from dqcore.sources.results import COUNTS

FOLDERS = [("clinical", "fhir", "r4_examples"), ("clinical", "fhir", "primitive_validation"),
           ("adversarial", "fhir-test-cases"), ("adversarial", "generated", "json")]  # fmt: skip


def held(value):
    """Every object that has a resourceType, however deep, without knowing where resources may stand."""
    if isinstance(value, dict):
        if "resourceType" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from held(one)


def results(observation):
    """How many results an Observation says: its components, and its value or else itself."""
    parts = observation.get("component", [])
    own = any(name == "dataAbsentReason" or (name.startswith("value") and name != "value") for name in observation)
    return len(parts) + (own or not parts)


def in_xml(content):
    """The same for XML: elements whose name begins with a capital are resources."""
    for element in ET.fromstring(content).iter():
        name = element.tag.rpartition("}")[2]
        if name[:1].isupper() and "hl7.org/fhir" in element.tag:
            children = [child.tag.rpartition("}")[2] for child in element]
            parts = [{}] * children.count("component")
            yield {"resourceType": name, **dict.fromkeys(children), **({"component": parts} if parts else {})}


def once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)


def counted(path):
    """Resources by type, results, and texts that are no resource, of one file, by the plainest means there are."""
    content = path.read_bytes()
    texts = [line for line in content.splitlines() if line.strip()] if path.name.endswith("ndjson") else [content]
    found, rows, wrong = Counter(), 0, 0
    for text in texts:
        try:
            if text.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
                resources = list(in_xml(text))
            else:
                loaded = json.loads(text, object_pairs_hook=once, parse_constant=lambda _: 1 / 0)
                resources = list(held(loaded)) if isinstance(loaded, dict) and "resourceType" in loaded else []
        except (ValueError, ZeroDivisionError, RecursionError, ET.ParseError):
            resources = []
        wrong += not resources
        found.update(one["resourceType"] for one in resources)
        rows += sum(results(one) for one in resources if one["resourceType"] == "Observation")
    return found, rows, wrong


@pytest.mark.parametrize("folder", FOLDERS, ids="/".join)
def test_nothing_is_lost(folder):
    for path in sorted(data_folder(*folder).rglob("*")):
        if path.is_file() and path.stat().st_size:
            table, errors = fhir.read(path, errors="collect")
            found, rows, wrong = counted(path)
            counts = json.loads(table.schema.metadata[COUNTS])
            assert counts["refused"] == errors.num_rows
            if path.name == "pat-security-bad-string2.xml":  # its text stands where FHIR has none
                assert errors["reason"].to_pylist() == ["xml"]
                continue
            assert (table.num_rows, errors.num_rows) == (rows, wrong), path
            assert counts["messages"] == found.total() + wrong, path
            found.pop("Observation", None)
            assert counts["without_results"] == found, path
            assert not errors.num_rows or errors["reason"].null_count == 0


def test_against_another_library():
    """fhir.resources (R4B) on the same Observations: status, codes, numbers as decimals, texts, times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("fhir.resources.R4B.observation")
    path = data_folder("clinical", "fhir", "r4_examples", "Observation.ndjson")
    lines = path.read_bytes().splitlines()
    rows = [row for row in fhir.read(path, extra=True).to_pylist() if row["sub_id"] is None]
    own = {row["position"]: row for row in rows}
    compared = 0
    for number, line in enumerate(lines, 1):
        other = module.Observation.model_validate_json(line)
        if number not in own:
            assert other.component
            continue
        row = own[number]
        assert row["status"] == other.status
        codes = {(code.system, code.code) for code in other.code.coding or []}
        assert not codes or (row["code_system"], row["code"]) in codes
        if other.valueQuantity is not None and other.valueQuantity.value is not None:
            comparator = other.valueQuantity.comparator or ""
            assert Decimal(row["value_text"].removeprefix(comparator)) == other.valueQuantity.value
            assert (row["unit_text"], row["unit_code"]) == (other.valueQuantity.unit, other.valueQuantity.code)
        elif other.valueString is not None:
            assert row["value_text"] == other.valueString
        elif other.valueBoolean is not None:
            assert row["value_text"] == str(other.valueBoolean).lower()
        elif other.valueCodeableConcept is not None:
            said = {code.code for code in other.valueCodeableConcept.coding or []}
            assert row["value_code"] in said | {None}
        compared += 1
    assert compared > 50


def test_json_as_others_test_it():
    for path in sorted(data_folder("adversarial", "JSONTestSuite").rglob("*.json")):
        try:
            json_text.parse(path.read_bytes())
            read = True
        except Malformed:
            read = False
        if path.name.startswith("y_"):
            # RFC 8259, 4: what a name that stands twice means is for each reader to choose; we refuse it.
            assert read == ("duplicated_key" not in path.name), path
        elif path.name.startswith("n_"):
            assert not read, path


def test_xml_as_others_attack_it():
    for path in sorted(data_folder("adversarial", "defusedxml").rglob("*.xml")):
        with pytest.raises(Malformed):
            xml_text.parse(path.read_bytes())


SAMPLE = {
    "resourceType": "Bundle", "id": "b", "type": "collection", "timestamp": "2026-11-24T08:00:00Z",
    "entry": [
        {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:mrn", "value": "CANARY-7"}], "birthDate": "1970-01-01"}},
        {"fullUrl": "urn:uuid:2", "resource": {
            "resourceType": "Observation", "status": "final", "subject": {"reference": "urn:uuid:1"}, "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
            "component": [{"code": {"text": "systolic"}, "valueQuantity": {"value": 120.50, "unit": "mm[Hg]"}}, {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 2}}}],
            "contained": [{"resourceType": "Device", "id": "d", "serialNumber": "CANARY-8"}], "device": {"reference": "#d"}, "referenceRange": [{"low": {"value": 90}}]}},
        {"resource": {"resourceType": "DiagnosticReport", "result": [{"reference": "urn:uuid:2"}], "identifier": [{"value": "CANARY-9"}]}},
        {"request": {"method": "DELETE", "url": "Observation/1"}},
    ],
}  # fmt: skip


def as_xml(name, value):
    """The XML of the sample; the parser does not ask for the order of the elements."""
    if isinstance(value, list):
        return "".join(as_xml(name, one) for one in value)
    if not isinstance(value, dict):
        return f'<{name} value="{value}"/>'
    inner = "".join(as_xml(key, one) for key, one in value.items() if key != "resourceType")
    if "resourceType" in value:
        kind = value["resourceType"]
        inner = f"<{kind}>{inner}</{kind}>"
    return f"<{name}>{inner}</{name}>"


def whole_xml(resource):
    inner = as_xml("x", resource)[3:-4].replace("<Bundle>", '<Bundle xmlns="http://hl7.org/fhir">', 1)
    return ('<?xml version="1.0" encoding="UTF-8"?>' + inner).encode()


def test_xml_and_json_give_the_same_rows():
    plain = {**SAMPLE, "entry": SAMPLE["entry"][:3]}
    assert fhir.parse(whole_xml(plain), extra=True).equals(fhir.parse(json.dumps(plain).encode(), extra=True))
    assert fhir.parse(whole_xml(plain).decode().replace("UTF-8", "UTF-16").encode("utf-16")).num_rows == 2
    latin = (
        whole_xml(plain).decode().replace("UTF-8", "ISO-8859-1").replace("systolic", "syst\xf6lic").encode("latin-1")
    )
    assert fhir.parse(latin)["code_text"].to_pylist() == ["syst\xf6lic", None]


DOCTYPE = '<!DOCTYPE o [{}]><Observation xmlns="http://hl7.org/fhir"><valueString value="{}"/></Observation>'
FHIR = '<Observation xmlns="http://hl7.org/fhir">{}</Observation>'
BAD_XML = [
    DOCTYPE.format('<!ENTITY s "SECRET">', "&s;"), DOCTYPE.format('<!ENTITY s SYSTEM "file:///etc/hostname">', "x"),
    DOCTYPE.format('<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;', "x"), DOCTYPE.format("", "x"),
    '<!DOCTYPE Observation SYSTEM "http://127.0.0.1/x"><Observation xmlns="http://hl7.org/fhir"/>',
    FHIR.format("&secret;"), FHIR.format("<status>SECRET</status>"), FHIR.format("<status value='a' value='b'/>"), FHIR.format("<![CDATA[SECRET]]>"),
    "<Observation/>", "<Observation xmlns='urn:SECRET'/>", FHIR[:-3], "<", "<?xml version='1.0' encoding='SECRET'?><a/>", "<?xml version='1.0' encoding='utf-7'?><a/>",
    FHIR.format("<extension>" * 64 + "</extension>" * 64), "<a>" * 100_000,
    FHIR.format("<contained><Patient/><Device/></contained>"),
]  # fmt: skip


@pytest.mark.parametrize("content", BAD_XML, ids=range(len(BAD_XML)))
def test_xml_that_is_not_read(content):
    with pytest.raises(dq.DataError) as caught:
        fhir.parse(content.encode(), source="a.xml")
    assert "SECRET" not in str(caught.value)
    assert "a.xml" in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_xml_has_beside_elements_of_fhir():
    said = """<!-- c --><?pi x?><Observation xmlns="http://hl7.org/fhir" xmlns:x="urn:x" x:a="1">
        <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">a <b>SECRET</b> &lt;</div></text>
        <extension url="http://hl7.org/fhir/StructureDefinition/observation-analysis-date-time"><valueDateTime value="2026"/></extension>
        <valueString id="a" value="b&amp;c"><extension url="u"/></valueString></Observation>"""
    (row,) = fhir.parse(said.encode()).to_pylist()
    assert (row["value_text"], row["analyzed_at"], row["value_type"]) == ("b&c", "2026", "string")
    (row,) = fhir.parse(FHIR.format("<valueString/><status><extension url='u'/></status>").encode()).to_pylist()
    assert (row["value_text"], row["status"]) == (None, None)


def mutated(content, chance):
    """A few bytes of a file changed, left out, doubled or cut."""
    changed = bytearray(content)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] = (
                chance.choice(b'{}[]",:0129eE-+.tfn\\u<>&/ \n\x00\x80\xff')
                if chance.random() < 0.7
                else chance.randrange(256)
            )
        elif kind == 1:
            del changed[at : at + chance.randrange(1, 40)]
        elif kind == 2:
            changed[at:at] = changed[at : at + chance.randrange(1, 60)]
        elif kind == 3:
            other = chance.randrange(len(changed) + 1)
            changed[at:at] = changed[other : other + chance.randrange(1, 60)]
        elif chance.random() < 0.2:
            del changed[at:]
    return bytes(changed)


def test_whatever_chance_makes_of_a_file_is_read_or_refused(tmp_path):
    plain = json.dumps(SAMPLE).encode()
    lines = b"\n".join(json.dumps(entry.get("resource", SAMPLE)).encode() for entry in SAMPLE["entry"])
    chance = random.Random(int(os.environ.get("DQCORE_FUZZ_SEED", "20261124")))
    seen = Counter()
    for number in range(int(os.environ.get("DQCORE_FUZZ", "1500"))):
        name, content = chance.choice(
            (("a.json", plain), ("a.ndjson", lines), ("a.xml", whole_xml(SAMPLE)), ("a.ndjson", gzip.compress(lines)))
        )
        content = mutated(content, chance)
        table, errors = fhir.parse(content, source=name, errors="collect", extra=True)
        counts = json.loads(table.schema.metadata[COUNTS])
        table.validate(full=True)
        assert counts["refused"] == errors.num_rows
        assert counts["messages"] >= sum(counts["without_results"].values())
        assert "CANARY" not in str(errors.to_pylist()), number
        if errors.num_rows:
            with pytest.raises(dq.DataError) as caught:
                fhir.parse(content, source=name)
            assert "CANARY" not in str(caught.value)
        seen[bool(table.num_rows), bool(errors.num_rows)] += 1
    assert min(seen[True, False], seen[False, True], seen[True, True]) > 30, seen


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "#p", "Patient/p", "CANARY"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["reference", "coding", "code", "value", "identifier", "low", "high", "text", "system", "valueString", "extension", "url", "type", "use", "resourceType", "contained", "id", "resource", "entry", "part"]
    ), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip
NAMES = [
    "code",
    "component",
    "valueQuantity",
    "valueCodeableConcept",
    "valueRange",
    "valueRatio",
    "valuePeriod",
    "valueSampledData",
    "valueFoo",
    "subject",
    "specimen",
    "device",
    "basedOn",
    "performer",
    "interpretation",
    "referenceRange",
    "dataAbsentReason",
    "contained",
    "extension",
    "meta",
    "issued",
    "effectivePeriod",
    "effectiveTiming",
    "status",
    "entry",
    "parameter",
    "result",
    "identifier",
    "udiCarrier",
    "version",
    "deviceName",
    "type",
    "name",
    "link",
    "calibration",
    "source",
    "sender",
    "timestamp",
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["Observation", "Bundle", "DiagnosticReport", "Parameters", "Device", "DeviceMetric", "Patient", "MessageHeader", "Basic"]),
    st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=5),
)  # fmt: skip
def test_whatever_an_element_holds_is_read_or_refused(kind, elements):
    resource = {"resourceType": kind, "id": "p", **elements}
    sent = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource}, {"resource": {"resourceType": "Observation", "valueInteger": 1}}],
    }
    for content in (json.dumps(resource), json.dumps(sent)):
        table, errors = fhir.parse(content.encode(), errors="collect")
        assert "CANARY" not in str(errors["message"].to_pylist())
    assert table.num_rows >= 1


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=6))
def test_whatever_a_registry_holds_is_read_or_refused(tmp_path_factory, elements):
    path = tmp_path_factory.mktemp("fhir") / "r.json"
    for kind, read in (
        ("Device", fhir.read_devices),
        ("DeviceMetric", fhir.read_device_metrics),
        ("Patient", fhir.read_patients),
    ):
        path.write_text(json.dumps({"resourceType": kind, **elements}))
        table, errors = read(path, errors="collect")
        assert table.num_rows or errors["segment"].to_pylist() == [kind]


def calls(content):
    """How many functions are called while a document is read."""
    count = 0

    def tell(frame, event, _):
        nonlocal count
        count += event == "call"

    sys.setprofile(tell)
    try:
        table, errors = fhir.parse(content, errors="collect")
    finally:
        sys.setprofile(None)
    return count, table.num_rows + errors.num_rows


def many_in_one(number):
    patients = [{"resourceType": "Patient", "id": f"p{n}"} for n in range(number)]
    results = [{"resourceType": "Observation", "subject": {"reference": f"#p{n}"}} for n in range(number)]
    return json.dumps({"resourceType": "List", "contained": patients + results}).encode()


def one_for_many(number):
    identifiers = [{"value": str(n)} for n in range(number)]
    held = [{"resourceType": "Patient", "id": "p", "identifier": identifiers}, {"resourceType": "DiagnosticReport", "identifier": identifiers, "specimen": "x",
            "result": [{"reference": f"Observation/{n}"} for n in range(number)]}]  # fmt: skip
    held += [{"resourceType": "Patient", "id": "twice", "identifier": [{"value": str(n % 2)}]} for n in range(number)]
    held += [
        {"resourceType": "Observation", "id": str(n), "subject": {"reference": f"Patient/{who}"}}
        for n in range(number)
        for who in ("p", "twice")
    ]
    return json.dumps({"resourceType": "Bundle", "entry": [{"resource": one} for one in held]}).encode()


@pytest.mark.parametrize("make", [many_in_one, one_for_many], ids=lambda make: make.__name__)
def test_what_many_refer_to_is_found_out_once(make):
    """Ten times as much is ten times the work; its square would be a hundred times."""
    (short, few), (long, many) = calls(make(30)), calls(make(300))
    assert long < 12 * short
    assert many >= 9 * few


def test_a_text_that_is_never_closed_is_gone_through_once():
    """Where each of its quotes was tried, this would take hours."""
    refused = b"[" + b"[]," * 70 + b'"' + b'\\"' * 2_000_000
    for content in (refused, refused + b"\\"):
        _, errors = fhir.parse(content, errors="collect")
        assert errors["reason"].to_pylist() == ["json"]


def test_a_stream_holds_a_document_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("dqcore.sources.fhir.reading.BATCH_BYTES", 1 << 20)
    path = tmp_path / "a.ndjson.gz"
    line = json.dumps({"resourceType": "Observation", "valueString": "x" * 10_000}).encode() + b"\n"
    with gzip.open(path, "wb", 1) as sink:
        for _ in range(3000):
            sink.write(line)
    tracemalloc.start()
    try:
        rows = sum(batch.num_rows for batch in fhir.stream(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows == 3000
    assert peak < 8 << 20 < 3000 * len(line)
