"""An Observation as rows: one for its own value, and one for each of its components."""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

from .elements import Element, code_or_text, coding, extensions, first, identifier, one, several, text, texts, wording
from .registries import device_name
from .resources import Found, Name, as_sent, name_of, named, resolve
from .values import Value, has_value, span, value_of

ANALYSIS = "http://hl7.org/fhir/StructureDefinition/observation-analysis-date-time"
SUB_ID = "http://hl7.org/fhir/StructureDefinition/observation-v2-subid"
"""Extensions to which HL7's map from version 2 takes OBX-19 and OBX-4 (hl7.fhir.uv.v2mappings 1.0.0)."""
OWN_COLUMNS = (
    "path", "resource_id", "subject", "collected_until", "unit_text", "unit_code", "unit_system", "value_code", "value_system",
    "data_absent_reason",
)  # fmt: skip
"""Columns of FHIR's own, after those of every source."""
Row = tuple[str | None, ...]


class Report(NamedTuple):
    """What a DiagnosticReport says about its results."""

    filler: str | None = None
    placer: str | None = None
    specimen: Element | None = None
    issued: str | None = None


def report_of(report: Element, found: Found) -> Report:
    """A DiagnosticReport that stands where `found` does."""
    specimens = several(report, "specimen")
    return Report(
        text(identifier(report, "FILL"), "value"),
        _placer(found, report),
        specimens[0] if len(specimens) == 1 else None,
        text(report, "issued"),
    )


def rows(found: Found) -> list[Row]:
    """The rows of an Observation, without where they were found; `Malformed` where it is none."""
    observation = found.resource
    components = several(observation, "component")
    parts: list[tuple[Element, str | None]] = []
    if has_value(observation) or not components:
        parts.append((observation, _sub_id(observation)))
    parts += [(component, str(place)) for place, component in enumerate(components, 1)]
    around = _around(found)
    return [_row(found, part, sub_id, around) for part, sub_id in parts]


class _Around(NamedTuple):
    """What the rows of an Observation share, in the order of the columns: before its code, after its flags, and the
    reader's own."""

    before: Row
    after: Row
    own: Row


def _around(found: Found) -> _Around:
    observation, bundle = found.resource, found.bundle
    subject = one(observation, "subject")
    patient = resolve(subject, found)
    known = found.remember(_known_patient, patient) if patient else _unknown_patient(subject)
    name = known or Name(as_sent(subject))
    report = _report(found)
    reference = first_of(one(observation, "specimen"), report.specimen)
    specimen = resolve(reference, found)
    message: Row = (text(observation, "id"), found.path.partition(".")[0], None, None, None)
    if bundle is not None:
        message = (bundle.message_id, bundle.kind, bundle.sent_at, *bundle.sender)
    collected, until = _collected(observation, specimen)
    return _Around(
        before=(
            *message[:3],
            first(message[3], text(one(observation, "meta"), "source")),
            first(message[4], _performer(found)),
            *name,
            text(patient, "birthDate") if patient else None,
            text(patient, "gender") if patient else None,
            first(_placer(found, observation), report.placer),
            first(report.filler, _filler(found, observation)),
            first(found.remember(_specimen_name, specimen) if specimen else None, as_sent(reference)),
        ),
        after=(
            text(observation, "status"),
            collected,
            text(specimen, "receivedTime"),
            next((text(extension, "valueDateTime") for extension in extensions(observation, ANALYSIS)), None),
            first(text(observation, "issued"), report.issued),
            device_name(one(observation, "device"), found),
        ),
        own=(found.path, text(observation, "id"), as_sent(subject), until),
    )


def _row(found: Found, part: Element, sub_id: str | None, around: _Around) -> Row:
    concept = one(part, "code")
    stands = coding(concept)
    value = value_of(part)
    flags = [code_or_text(flag) for flag in several(part, "interpretation")]
    return (
        *around.before,
        text(stands, "code"),
        wording(concept),
        text(stands, "system"),
        sub_id,
        value.kind,
        value.text,
        value.unit,
        _reference_range(part, value),
        "~".join(flag for flag in flags if flag is not None) or None,
        *around.after,
        *around.own,
        value.unit_text,
        value.unit_code,
        value.unit_system,
        value.code,
        value.system,
        value.absent,
    )


def first_of(*elements: Element | None) -> Element | None:
    return next((element for element in elements if element is not None), None)


def _sub_id(observation: Element) -> str | None:
    parts = chain.from_iterable(several(extension, "extension") for extension in extensions(observation, SUB_ID))
    return next((text(part, "valueString") for part in parts if text(part, "url") == "original-sub-identifier"), None)


def _known_patient(patient: Element, _: Found) -> Name | None:
    """A Patient's medical record number (MR, table 0203), else the first identifier, if there is one; what is no Patient
    is nobody's identifier."""
    if patient.get("resourceType") != "Patient":
        return Name(None)
    found = identifier(patient, "MR")
    return name_of(found) if found else None


def _unknown_patient(subject: Element | None) -> Name:
    """A subject that is not at hand: the identifier of the reference, else the reference as sent."""
    logical = one(subject or {}, "identifier")
    if logical is not None and text(logical, "value") is not None:
        return name_of(logical)
    said, kind = text(subject, "reference"), text(subject, "type")
    known = kind or next((other for other in OTHER_SUBJECTS if said and f"{other}/" in said), "Patient")
    return Name(said if known == "Patient" else None)


OTHER_SUBJECTS = ("Group", "Device", "Location", "Organization", "Procedure", "Practitioner", "Medication", "Substance",
                  "BiologicallyDerivedProduct", "NutritionProduct")  # fmt: skip
"""What else an Observation may be about (R5, 10.1.4)."""


def _report(found: Found) -> Report:
    """The DiagnosticReport that holds or names an Observation."""
    if found.holder.get("resourceType") == "DiagnosticReport":
        return found.remember(report_of, found.holder)
    report = found.bundle.reports.get(id(found.holder)) if found.bundle else None
    return report.remember(report_of, report.resource) if report else Report()


def _orders(found: Found, resource: Element) -> list[tuple[Element, Element | None]]:
    return [(reference, resolve(reference, found)) for reference in several(resource, "basedOn")]


def _placer(found: Found, resource: Element) -> str | None:
    """The first order that a result is based on: its placer's number (PLAC), else its first, else as sent."""
    for reference, order in _orders(found, resource):
        number = found.remember(_numbers, order)[0] if order else None
        return as_sent(reference) if number is None else number
    return None


def _filler(found: Found, resource: Element) -> str | None:
    """The filler's number (FILL) of the first order that has one."""
    return first(*(found.remember(_numbers, order)[1] for _, order in _orders(found, resource) if order))


def _numbers(order: Element, _: Found) -> tuple[str | None, str | None]:
    """Of an order the placer's number, or else its first, and the filler's if it has one."""
    filler = identifier(order, "FILL")
    kinds = several(one(filler, "type") or {}, "coding")
    placed = text(identifier(order, "PLAC"), "value")
    return placed, text(filler, "value") if any(text(kind, "code") == "FILL" for kind in kinds) else None


def _performer(found: Found) -> str | None:
    """The first organization that answers for a result."""
    for reference in several(found.resource, "performer"):
        performer = resolve(reference, found)
        said = text(reference, "reference") or ""
        if performer is not None and performer.get("resourceType") == "Organization":
            return first(found.remember(named, performer), as_sent(reference))
        if text(reference, "type") == "Organization" or (performer is None and "Organization/" in said):
            return as_sent(reference)
    return None


def _specimen_name(specimen: Element, _: Found) -> str | None:
    return first(text(identifier(specimen), "value"), text(one(specimen, "accessionIdentifier"), "value"))


def _collected(observation: Element, specimen: Element | None) -> tuple[str | None, str | None]:
    """When, and until when: what the Observation says holds (`effective[x]`), else what its Specimen says."""
    period = one(observation, "effectivePeriod")
    timing = one(observation, "effectiveTiming")
    events = texts(timing, "event") if timing else []
    start = first(
        text(observation, "effectiveDateTime"),
        text(observation, "effectiveInstant"),
        text(period, "start"),
        *events[:1],
    )
    if start is not None or period is not None:
        return start, text(period, "end")
    collection = one(specimen or {}, "collection") or {}
    period = one(collection, "collectedPeriod")
    return first(text(collection, "collectedDateTime"), text(period, "start")), text(period, "end")


def _reference_range(part: Element, value: Value) -> str | None:
    """The ranges with `~` between them: the text of each, else its ends."""
    said = []
    for held in several(part, "referenceRange"):
        ends, _ = span(one(held, "low"), one(held, "high"), value.unit)
        said.append(first(text(held, "text"), ends))
    return "~".join(one_of for one_of in said if one_of is not None) or None
