"""Which element becomes which column: PS3.6, names of the attributes as there."""

from __future__ import annotations

from collections.abc import Mapping

from .characters import codecs, decode
from .header import Malformed, Values, Wanted

PERSON, PLAIN, LOCAL = "person", "plain", "local"
"""A name of a person, a text of the default character set, and one of (0008,0005): PS3.5, 6.1.2.3."""

COLUMNS: Mapping[str, tuple[int, str]] = {
    "patient_id": (0x00100020, LOCAL),  # Patient ID
    "patient_authority": (0x00100021, LOCAL),  # Issuer of Patient ID
    "patient_name": (0x00100010, PERSON),  # Patient's Name
    "birth_date": (0x00100030, PLAIN),  # Patient's Birth Date
    "sex": (0x00100040, PLAIN),  # Patient's Sex
    "age": (0x00101010, PLAIN),  # Patient's Age
    "accession": (0x00080050, LOCAL),  # Accession Number
    "study_uid": (0x0020000D, PLAIN),  # Study Instance UID
    "series_uid": (0x0020000E, PLAIN),  # Series Instance UID
    "instance_uid": (0x00080018, PLAIN),  # SOP Instance UID
    "media_instance_uid": (0x00020003, PLAIN),  # Media Storage SOP Instance UID
    "class_uid": (0x00080016, PLAIN),  # SOP Class UID
    "media_class_uid": (0x00020002, PLAIN),  # Media Storage SOP Class UID
    "transfer_syntax_uid": (0x00020010, PLAIN),  # Transfer Syntax UID
    "character_set": (0x00080005, PLAIN),  # Specific Character Set
    "modality": (0x00080060, PLAIN),  # Modality
    "instance_number": (0x00200013, PLAIN),  # Instance Number
    "study_date": (0x00080020, PLAIN),
    "study_time": (0x00080030, PLAIN),
    "series_date": (0x00080021, PLAIN),
    "series_time": (0x00080031, PLAIN),
    "acquisition_date": (0x00080022, PLAIN),
    "acquisition_time": (0x00080032, PLAIN),
    "acquisition_at": (0x0008002A, PLAIN),  # Acquisition DateTime
    "content_date": (0x00080023, PLAIN),
    "content_time": (0x00080033, PLAIN),
    "created_date": (0x00080012, PLAIN),  # Instance Creation Date
    "created_time": (0x00080013, PLAIN),  # Instance Creation Time
    "zone_offset": (0x00080201, PLAIN),  # Timezone Offset From UTC
    "manufacturer": (0x00080070, LOCAL),  # Manufacturer
    "model": (0x00081090, LOCAL),  # Manufacturer's Model Name
    "serial": (0x00181000, LOCAL),  # Device Serial Number
    "software": (0x00181020, LOCAL),  # Software Versions
    "station": (0x00081010, LOCAL),  # Station Name
    "institution": (0x00080080, LOCAL),  # Institution Name
    "department": (0x00081040, LOCAL),  # Institutional Department Name
    "device_uid": (0x00181002, PLAIN),  # Device UID
    "calibration_date": (0x00181200, PLAIN),  # Date of Last Calibration
    "calibration_time": (0x00181201, PLAIN),  # Time of Last Calibration
}
SEQUENCES: Mapping[str, tuple[int, tuple[tuple[int, str], ...]]] = {
    # Issuer of Accession Number Sequence: Universal Entity ID, else Local Namespace Entity ID
    "accession_authority": (0x00080051, ((0x00400032, LOCAL), (0x00400031, LOCAL))),
    # UDI Sequence: Unique Device Identifier
    "udi": (0x0018100A, ((0x00181009, LOCAL),)),
}
"""Columns of a sequence's first item: the first of its elements that has a value."""
NAMES = (*COLUMNS, *SEQUENCES)
_CHARACTER_SET = 0x00080005

WANTED: Wanted = {
    **{tag: None for tag, _ in COLUMNS.values()},
    **{tag: {_CHARACTER_SET: None, **{inner: None for inner, _ in held}} for tag, held in SEQUENCES.values()},
}


def row(values: Values) -> tuple[str | None, ...]:
    """The columns of a header, in the order of `NAMES`; `Malformed` where a text is not of its character set."""
    named = _codecs(values, ["latin_1"])
    cells = [_cell(values, tag, kind, named) for tag, kind in COLUMNS.values()]
    for tag, inner in SEQUENCES.values():
        item = values.get(tag)
        item = item if isinstance(item, dict) else {}
        own = _codecs(item, named)
        found = (_cell(item, held, kind, own) for held, kind in inner)
        cells.append(next((cell for cell in found if cell is not None), None))
    return tuple(cells)


def _codecs(values: Values, outer: list[str]) -> list[str]:
    terms = _cell(values, _CHARACTER_SET, PLAIN, [])
    return outer if terms is None else codecs(terms)


def _cell(values: Values, tag: int, kind: str, named: list[str]) -> str | None:
    """A value as it was sent, without the padding of its end; null where nothing else is there."""
    value = values.get(tag)
    value = value.rstrip(b"\0 ") if isinstance(value, bytes) else b""
    if not value:
        return None
    if kind == PLAIN:
        return value.decode("latin_1")
    try:
        return decode(value, named, person=kind == PERSON)
    except (UnicodeDecodeError, Malformed):
        raise Malformed("character_set", "bytes that are not of the file's character set", tag=tag) from None
