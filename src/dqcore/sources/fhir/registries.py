"""Devices, their metrics, and patients: reference tables for `ValidAt`, `Match` and `UDI`."""

from __future__ import annotations

from typing import Any

from .elements import Element, code_or_text, coding, first, identifier, one, several, text, texts, wording
from .resources import Found, as_sent, name_of, resolve

Row = tuple[str | None, ...]

DEVICE_COLUMNS = (
    "reference", "device_id", "device_authority", "status", "udi", "udi_di", "udi_issuer", "manufacturer", "model",
    "serial", "lot", "name", "type_code", "type_text", "software_version", "firmware_version", "hardware_version",
    "other_versions", "manufactured_at", "expires_at", "owner", "location", "patient",
)  # fmt: skip
METRIC_COLUMNS = (
    "reference", "device_id", "type_code", "type_text", "unit", "operational_status", "category",
    "calibration_type", "calibration_state", "calibrated_at",
)  # fmt: skip
PATIENT_COLUMNS = (
    "reference", "patient_id", "patient_authority", "patient_id_type", "identifier_use", "identifier_since",
    "identifier_until", "family_name", "given_names", "birth_date", "sex", "active", "deceased", "replaced_by",
)  # fmt: skip
MDC = "urn:iso:std:iso:11073:10101"
"""The nomenclature of IEEE 11073, in which FHIR types metrics."""


def reference(found: Found) -> str | None:
    """A resource as others refer to it, `Device/17`; None where it has no id."""
    id_ = text(found.resource, "id")
    return None if id_ is None else f"{found.kind}/{id_}"


def device_name(device: Element | None, found: Found) -> str | None:
    """The device that a Reference means, as `read_devices` names it in `device_id`; as sent where it is not here. Of a
    DeviceMetric, the device that it measures for (`source`, from R5 on `device`)."""
    meant = resolve(device, found)
    if meant is not None and meant.get("resourceType") == "DeviceMetric":
        source = _source(meant)
        measured = resolve(source, found)
        return first(found.remember(_key, measured) if measured else None, as_sent(source), as_sent(device))
    return first(found.remember(_key, meant) if meant else None, as_sent(device))


def _source(metric: Element) -> Element | None:
    return one(metric, "source") or one(metric, "device")


def _key(device: Element, _: Found) -> str | None:
    """What names a device: its first identifier, else its serial number, else the device identifier of its UDI, else
    its type and id."""
    carriers = several(device, "udiCarrier")
    carrier = carriers[0] if carriers else {}
    id_ = text(device, "id")
    return first(
        text(identifier(device), "value"),
        text(device, "serialNumber"),
        text(carrier, "deviceIdentifier"),
        None if id_ is None else f"{device.get('resourceType')}/{id_}",
    )


def device_rows(found: Found) -> list[Row]:
    """A Device as one row, for each of its UDI carriers."""
    device = found.resource
    versions: dict[str, list[str]] = {}
    for version in several(device, "version"):
        value = text(version, "value")
        if value is not None:
            versions.setdefault(_kind_of(version), []).append(value)
    others = [f"{kind}={value}" for kind, values in versions.items() if kind not in VERSIONS for value in values]
    held_type = several(device, "type")
    name = name_of(identifier(device))
    shared: list[Any] = [
        text(device, "manufacturer"), first(text(device, "modelNumber"), text(device, "model")),
        text(device, "serialNumber"), text(device, "lotNumber"), _device_words(device),
        text(coding(held_type[0]), "code") if held_type else None, wording(held_type[0]) if held_type else None,
        *(";".join(versions.get(kind, ())) or None for kind in VERSIONS), ";".join(others) or None,
        text(device, "manufactureDate"), text(device, "expirationDate"),
        *(as_sent(one(device, who)) for who in ("owner", "location", "patient")),
    ]  # fmt: skip
    own = (reference(found), _key(device, found), name.authority, text(device, "status"))
    return [
        (*own, text(carrier, "carrierHRF"), text(carrier, "deviceIdentifier"), text(carrier, "issuer"), *shared)
        for carrier in several(device, "udiCarrier") or [{}]
    ]


VERSIONS = ("software", "firmware", "hardware")


def _kind_of(version: Element) -> str:
    """What a version is of; empty where it does not say."""
    kind = one(version, "type")
    said = first(wording(kind), text(coding(kind), "code")) or ""
    return next((known for known in VERSIONS if known in said.casefold()), said)


def _device_words(device: Element) -> str | None:
    """The name that users know: R4 has `deviceName.name`, R5 `name.value`."""
    names = several(device, "deviceName") or several(device, "name")
    friendly = [name for name in names if text(name, "type") == "user-friendly-name"] or names
    return first(text(friendly[0], "name"), text(friendly[0], "value")) if friendly else None


def metric_rows(found: Found) -> list[Row]:
    """A DeviceMetric as a row for each of its calibrations, or one without any."""
    metric = found.resource
    source = _source(metric)
    device = resolve(source, found)
    kind, unit = one(metric, "type"), one(metric, "unit")
    own = (
        reference(found), first(found.remember(_key, device) if device else None, as_sent(source)),
        text(coding(kind, MDC), "code"), wording(kind), code_or_text(unit),
        text(metric, "operationalStatus"), text(metric, "category"),
    )  # fmt: skip
    return [
        (*own, text(calibration, "type"), text(calibration, "state"), text(calibration, "time"))
        for calibration in several(metric, "calibration") or [{}]
    ]


def patient_rows(found: Found) -> list[Row]:
    """A Patient as a row for each identifier that has a value, or one without any."""
    patient = found.resource
    names = several(patient, "name")
    official = [name for name in names if text(name, "use") == "official"] or names
    name = official[0] if official else {}
    deceased = first(text(patient, "deceasedDateTime"), text(patient, "deceasedBoolean"))
    links = [one(link, "other") for link in several(patient, "link") if text(link, "type") == "replaced-by"]
    about = (
        first(text(name, "family"), text(name, "text")),
        " ".join(texts(name, "given")) or None,
        text(patient, "birthDate"), text(patient, "gender"), text(patient, "active"), deceased,
        as_sent(links[0]) if links else None,
    )  # fmt: skip
    rows: list[Row] = []
    for held in [held for held in several(patient, "identifier") if "value" in held] or [{}]:
        period = one(held, "period")
        since, until = text(period, "start"), text(period, "end")
        rows.append((reference(found), *name_of(held), text(held, "use"), since, until, *about))
    return rows
