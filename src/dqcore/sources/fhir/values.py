"""`value[x]` as one text, its unit, and what stands behind the two (R4, 10.1.3; R5 adds Attachment and Reference)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from .elements import UCUM, Element, Malformed, coding, first, one, primitive, text, wording
from .resources import as_sent


class Value(NamedTuple):
    """A value as the columns of the table have it; None where it is absent."""

    kind: str | None = None
    """The type, as the name of the element ends: `Quantity`, `string`, …"""
    text: str | None = None
    unit: str | None = None
    unit_text: str | None = None
    unit_code: str | None = None
    unit_system: str | None = None
    code: str | None = None
    system: str | None = None
    absent: str | None = None
    """`dataAbsentReason`: why there is none."""


ABSENT = "dataAbsentReason"


def value_of(holder: Element) -> Value:
    """The value of an Observation or of one of its components; `Malformed` where it has two."""
    names = [name for name in holder if name[:5] == "value" and name[5:6].isupper() and holder[name] is not None]
    if len(names) > 1:
        raise Malformed("value[x] stands more than once, where one is meant")
    reason = one(holder, ABSENT)
    absent = None if reason is None else first(text(coding(reason), "code"), text(reason, "text"))
    if not names:
        return Value(ABSENT if reason else None, absent=absent)
    kind = names[0][5:]
    if kind in COMPLEX:
        element = one(holder, names[0])
        value = COMPLEX[kind](element or {})
    elif type(holder[names[0]]) in (str, bool):
        value = Value(text=primitive(holder[names[0]], "value[x]"))
    else:
        value = Value(text=_other(holder[names[0]]))
    return value._replace(kind=_PRIMITIVES.get(kind, kind), absent=absent)


def has_value(holder: Element) -> bool:
    """Whether an Observation says a value of its own, or why it has none."""
    return any(name == ABSENT or (name[:5] == "value" and name[5:6].isupper()) for name in holder)


_PRIMITIVES = {
    name[0].upper() + name[1:]: name for name in ("string", "boolean", "integer", "time", "dateTime", "instant")
}


def _other(held: object) -> str | None:
    """A type that no release has yet, or an element of a primitive that has no value: as JSON."""
    if type(held) is dict and not held.keys() <= {"id", "extension"}:
        return json.dumps(held, ensure_ascii=False, separators=(",", ":"))
    return primitive(held, "value[x]")


def unit_of(quantity: Element | None) -> str | None:
    """The unit that is meant: the code, where it is UCUM's; else the unit as displayed, else the code."""
    code, said = text(quantity, "code"), text(quantity, "unit")
    if code is not None and (said is None or text(quantity, "system") == UCUM):
        return code
    return said


def amount(quantity: Element | None) -> str | None:
    """The number with its comparator before it."""
    number = text(quantity, "value")
    comparator = text(quantity, "comparator")
    # `ad` (R5, enough to reach the amount) is a word, the others are signs.
    gap = " " if comparator and comparator.isalpha() else ""
    return number if number is None or comparator is None else f"{comparator}{gap}{number}"


def _quantity(quantity: Element) -> Value:
    return Value(
        text=amount(quantity),
        unit=unit_of(quantity),
        unit_text=text(quantity, "unit"),
        unit_code=text(quantity, "code"),
        unit_system=text(quantity, "system"),
    )


def _concept(concept: Element) -> Value:
    stands = coding(concept)
    return Value(text=wording(concept), code=text(stands, "code"), system=text(stands, "system"))


def span(low: Element | None, high: Element | None, row_unit: str | None) -> tuple[str | None, str | None]:
    """Two ends as HL7 v2 writes a range (OBX-7), `3.5-4.5`, or `>=3.5`, `<=4.5` where one is open, and their unit. Each
    end has its unit in the text where the two, or they and the row's, have different ones."""
    units = {unit_of(end) for end in (low, high) if end is not None} - {None}
    shown = len(units | {row_unit}) > 1 if row_unit is not None else len(units) > 1
    ends = [_end(end, shown) for end in (low, high)]
    unit = None if len(units) != 1 else units.pop()
    if ends[0] is None or ends[1] is None:
        sign = "<=" if ends[0] is None else ">="
        only = first(*ends)
        return (None if only is None else sign + only), unit
    return f"{ends[0]}-{ends[1]}", unit


def _end(quantity: Element | None, shown: bool) -> str | None:
    number, unit = amount(quantity), unit_of(quantity)
    return f"{number} {unit}" if shown and number is not None and unit is not None else number


def _range(held: Element) -> Value:
    said, unit = span(one(held, "low"), one(held, "high"), None)
    return Value(text=said, unit=unit)


def _ratio(held: Element) -> Value:
    """`1:128`; the unit is the numerator's, over the denominator's where that is one word."""
    above, below = one(held, "numerator"), one(held, "denominator")
    numbers = amount(above), amount(below)
    said = None if numbers == (None, None) else f"{numbers[0] or ''}:{numbers[1] or ''}"
    unit, per = unit_of(above), unit_of(below)
    if per is not None:
        unit = f"{unit or ''}/{per}" if not set(per) & set("/. ") else None
    return Value(text=said, unit=unit)


def _sampled(held: Element) -> Value:
    """The samples as sent; the unit is that of the origin, and R5 may name none but its code."""
    origin = one(held, "origin")
    return Value(
        text=text(held, "data"), unit=first(unit_of(origin), text(held, "intervalUnit") if not origin else None)
    )


def _period(held: Element) -> Value:
    """An interval of ISO 8601 (4.4.4.1): `start/end`, an open end left out."""
    return Value(text=interval(held))


def interval(held: Element | None) -> str | None:
    start, end = text(held, "start"), text(held, "end")
    return None if start is None and end is None else f"{start or ''}/{end or ''}"


def _attachment(held: Element) -> Value:
    return Value(text=first(text(held, "url"), text(held, "title")))


COMPLEX: dict[str, Callable[[Element], Value]] = {
    "Quantity": _quantity,
    "CodeableConcept": _concept,
    "Range": _range,
    "Ratio": _ratio,
    "SampledData": _sampled,
    "Period": _period,
    "Attachment": _attachment,
    "Reference": lambda held: Value(text=as_sent(held)),
}
