"""Elements of FHIR resources, taken out by name: one, several, or the text of a primitive.

A resource is a dict by the names of the specification, whether it came as JSON or as XML; texts and numbers are `str`,
as they were sent, and only booleans are not. XML does not say which elements repeat, and releases differ in it, so what
stands alone is a list of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Element = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
ABOUT_VALUES = {"id", "extension"}
"""What a primitive without a value may hold: R4, 2.1.0.7, "Extensibility"."""


class Malformed(Exception):
    """What was sent is no resource of FHIR: a word for why, and a message that names an element, never a value."""

    def __init__(self, message: str, reason: str = "element") -> None:
        super().__init__(message)
        self.reason = reason


def several(holder: Element, name: str) -> list[Element]:
    """The elements of a name; none where it is absent."""
    held = holder.get(name)
    if held is None:
        return []
    if type(held) is dict:
        return [held]
    if type(held) is list:
        found = [one for one in held if one is not None]
        if all(type(one) is dict for one in found):
            return found
    raise Malformed(f"{name} does not hold elements")


def one(holder: Element, name: str) -> Element | None:
    """The one element of a name; None where it is absent."""
    held = holder.get(name)
    if held is None or type(held) is dict:
        return held
    found = several(holder, name)
    if len(found) > 1:
        raise Malformed(f"{name} stands {len(found)} times, where one is meant")
    return found[0] if found else None


def text(holder: Element | None, name: str) -> str | None:
    """A primitive as it was sent; None where it, or its holder, is absent."""
    held = None if holder is None else holder.get(name)
    if held is None or type(held) is str:
        return held
    return primitive(held, name)


def primitive(held: Any, name: str) -> str | None:
    """A value of JSON or XML as the text of a primitive."""
    if held is None or type(held) is str:
        return held
    if type(held) is bool:
        return "true" if held else "false"
    if type(held) is dict and held.keys() <= ABOUT_VALUES:
        return None
    raise Malformed(f"{name} holds more than one value")


def texts(holder: Element, name: str) -> list[str]:
    """Primitives that may repeat, those that are there."""
    held = holder.get(name)
    found = [primitive(one, name) for one in (held if type(held) is list else [held])]
    return [one for one in found if one is not None]


def extensions(holder: Element, url: str) -> Iterator[Element]:
    """The extensions of a holder that have this URL."""
    for extension in several(holder, "extension"):
        if text(extension, "url") == url:
            yield extension


def coding(concept: Element | None, preferred: str = LOINC) -> Element:
    """Of a CodeableConcept, the coding that stands for it: one of the preferred system, else the one that the user
    picked (`userSelected`), else the first; empty where it has none."""
    codings = several(concept, "coding") if concept else []
    for found in codings:
        if text(found, "system") == preferred and "code" in found:
            return found
    for found in codings:
        if text(found, "userSelected") == "true":
            return found
    return codings[0] if codings else {}


def wording(concept: Element | None) -> str | None:
    """Of a CodeableConcept, its text, else the display of the coding that stands for it, else that one's code."""
    said = text(concept, "text")
    if said is None and concept is not None:
        stands = coding(concept)
        said = text(stands, "display")
        said = text(stands, "code") if said is None else said
    return said


def code_or_text(concept: Element | None) -> str | None:
    """Of a CodeableConcept, the code of the coding that stands for it, else its text."""
    code = text(coding(concept), "code")
    return text(concept, "text") if code is None else code


def identifier(holder: Element, kind: str = "", name: str = "identifier") -> Element:
    """Of a resource's identifiers that have a value and are not `old`, the first of a type (table 0203), else the
    first; empty where there is none."""
    found = [one for one in several(holder, name) if "value" in one and text(one, "use") != "old"]
    for one_of_kind in found if kind else ():
        if any(text(code, "code") == kind for code in several(one(one_of_kind, "type") or {}, "coding")):
            return one_of_kind
    return found[0] if found else {}


def authority(identifier: Element) -> str | None:
    """Who assigned an identifier: its system, else its assigner as displayed."""
    system = text(identifier, "system")
    return text(one(identifier, "assigner"), "display") if system is None else system


def first(*found: str | None) -> str | None:
    """The first that is there."""
    return next((one for one in found if one is not None), None)
