"""The resources of a document: itself, those that a Bundle or Parameters hold, and those contained in others, each with
what its references mean there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from .elements import Element, Malformed, authority, first, identifier, one, several, text

REST = re.compile(
    r"(https?://.*/|)([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?", re.DOTALL
)
"""A reference by which a server holds a resource: its base, its type and id, its version (R4, 2.3.0.5)."""
NO_RESOURCE = "(no resource)"
"""What an entry of a Bundle is counted as that holds none: a request to delete, an answer."""
TELLING = ("Bundle", "Observation", "DiagnosticReport", "Parameters", "Device", "DeviceMetric", "Patient")
T = TypeVar("T")
_NAME = re.compile(r"[A-Z][A-Za-z]{1,63}")


class Found(NamedTuple):
    """A resource, where it stands, and what is around it."""

    path: str
    """As FHIRPath says it: `Bundle.entry[2].resource`."""
    kind: str
    """Its type, `NO_RESOURCE`, or empty where it cannot be read."""
    resource: Element
    holder: Element
    """The resource that holds what `#id` means here; itself unless it is contained."""
    base: str
    """Where the server is that relative references mean; empty where that is not known."""
    bundle: Scope | None
    memo: dict[Any, Any]
    """What was found out about resources of this document, which many others may refer to."""
    problem: Malformed | None = None
    """Why it cannot be read."""

    def remember(self, make: Callable[[Element, Found], T], element: Element) -> T:
        """What `make` finds out about an element of this document, found out once, `Malformed` too."""
        key = make, id(element)
        if key not in self.memo:
            try:
                self.memo[key] = make(element, self), None
            except Malformed as error:
                self.memo[key] = None, error
        known, problem = self.memo[key]
        if problem is not None:
            raise Malformed(str(problem), problem.reason)
        found: T = known
        return found


def kind_of(resource: Element) -> str:
    """The type of a resource; `Malformed` where it has none that could be."""
    kind = resource.get("resourceType")
    if type(kind) is not str or not _NAME.fullmatch(kind):
        raise Malformed("no resourceType, or one that is no name of a type", "resource_type")
    for known in TELLING:
        if kind != known and kind.casefold() == known.casefold():
            raise Malformed(f"the resourceType is written otherwise than {known}", "resource_type")
    return kind


def walk(resource: object) -> Iterator[Found]:
    """The resource of a document and all that it holds, in document order."""
    return _walk(resource, Found("", "", {}, {}, "", None, {}))


def _walk(resource: object, around: Found) -> Iterator[Found]:
    """A resource and all that it holds; `around` has its path and what is around it."""
    try:
        if type(resource) is not dict:
            raise Malformed("no resource: FHIR's JSON is an object", "resource_type")
        kind = kind_of(resource)
        here = around._replace(path=around.path or kind, kind=kind, resource=resource, holder=resource)
        scope = Scope(here) if kind == "Bundle" else None
    except Malformed as error:
        yield around._replace(problem=error)
        return
    yield here
    if scope is not None:
        yield from _several(here, "entry", here._replace(bundle=scope, base=""), _entry)
    elif kind == "Parameters":
        yield from _several(here, "parameter", here, _parameter)
    if "contained" in resource:
        yield from _several(here, "contained", here, _contained)


def _several(
    here: Found, name: str, around: Found, each: Callable[[Element, Found], Iterator[Found]]
) -> Iterator[Found]:
    """What each element of a name holds; the elements may be none."""
    around = around._replace(kind="", resource={}, holder={})
    try:
        elements = several(here.resource, name)
    except Malformed as error:
        yield around._replace(problem=error)
        return
    for place, element in enumerate(elements):
        yield from each(element, around._replace(path=f"{here.path}.{name}[{place}]", holder=here.resource))


def _entry(entry: Element, around: Found) -> Iterator[Found]:
    if entry.get("resource") is None:
        yield around._replace(kind=NO_RESOURCE)
    else:
        path = f"{around.path}.resource"
        yield from _walk(entry["resource"], around._replace(path=path, base=base_of(entry)))


def _parameter(parameter: Element, around: Found) -> Iterator[Found]:
    if parameter.get("resource") is not None:
        yield from _walk(parameter["resource"], around._replace(path=f"{around.path}.resource"))
    if "part" in parameter:
        yield from _several(around._replace(resource=parameter), "part", around, _parameter)


def _contained(resource: Element, around: Found) -> Iterator[Found]:
    holder = around.holder
    for found in _walk(resource, around):
        # A contained resource holds none itself (R4, 2.3.0.6.1); what it refers to stands beside it.
        yield found._replace(holder=holder) if found.resource is resource else found


def base_of(entry: Element) -> str:
    """The server of an entry, by its full URL; empty where that is none of a server's."""
    url = entry.get("fullUrl")
    match = REST.fullmatch(url) if type(url) is str else None
    return match[1] if match else ""


class Sender(NamedTuple):
    """Who sent a message: the application, and where it runs."""

    interface: str | None = None
    facility: str | None = None


def sender_of(found: Found) -> Sender:
    """Of a MessageHeader: the name of its source, else its endpoint, and its sender."""
    source, sender = one(found.resource, "source"), one(found.resource, "sender")
    known = resolve(sender, found)
    return Sender(
        first(text(source, "name"), text(source, "endpoint"), text(source, "endpointUrl")),
        first(found.remember(named, known) if known else None, text(sender, "display"), text(sender, "reference")),
    )


class Scope:
    """A Bundle as what is around its entries: the message they came in, and what references mean among them."""

    def __init__(self, found: Found) -> None:
        resource = found.resource
        self.resource, self.memo = resource, found.memo
        self.known: dict[tuple[str, str | None], Element | None] = {}
        self.kind = text(resource, "type")
        self.sent_at = text(resource, "timestamp")
        self.message_id = first(text(one(resource, "identifier"), "value"), text(resource, "id"))

    @cached_property
    def sender(self) -> Sender:
        """Who sent a message, as its MessageHeader says; of nobody where it has none that can be read."""
        for entry, header in self._held():
            if header.get("resourceType") == "MessageHeader":
                try:
                    return sender_of(self.at(entry, header))
                except Malformed:  # which the header is told to be where it stands
                    break
        return Sender()

    def at(self, entry: Element, resource: Element) -> Found:
        """The resource of an entry, where it stands."""
        return Found("", "", resource, resource, base_of(entry), self, self.memo)

    def _held(self) -> Iterator[tuple[Element, Element]]:
        """The entries with a resource that could be one."""
        entries = self.resource.get("entry")
        for entry in entries if type(entries) is list else [entries]:
            if type(entry) is dict and type(entry.get("resource")) is dict:
                yield entry, entry["resource"]

    @cached_property
    def _by_url(self) -> dict[str, list[Element]]:
        """The resources by full URL, and where that is none of a server's, by type and id too."""
        urls: dict[str, list[Element]] = {}
        for entry, found in self._held():
            url, id_ = entry.get("fullUrl"), found.get("id")
            if type(url) is str:
                urls.setdefault(url, []).append(found)
            if not base_of(entry) and type(id_) is str:
                urls.setdefault(f"{found.get('resourceType')}/{id_}", []).append(found)
        return urls

    def find(self, reference: str, base: str) -> Element | None:
        """What a reference of an entry of this base means (R4, 2.36.4.1); None where it is not here, or not one only."""
        match = REST.fullmatch(reference)
        if match is None:
            return self._one(reference, None)
        if match[1] or not base:
            return self._one(match[1] + match[2], match[3])
        found = self._one(base + match[2], match[3])
        return self._one(match[2], match[3]) if found is None else found

    def _one(self, url: str, version: str | None) -> Element | None:
        if (url, version) not in self.known:
            self.known[url, version] = self._only(url, version)
        return self.known[url, version]

    def _only(self, url: str, version: str | None) -> Element | None:
        found = self._by_url.get(url, [])
        if version is not None:
            found = [one_of for one_of in found if _version(one_of) in (None, version)]
        if len(found) > 1 and self.kind == "history":
            return found[0]  # the newest comes first (R4, 3.1.0.7)
        # Of two that differ, which one is meant is not for us to say.
        return found[0] if found and all(other == found[0] for other in found) else None

    @cached_property
    def reports(self) -> dict[int, Found]:
        """The DiagnosticReport of each result that one refers to, the first if there are several."""
        reports: dict[int, Found] = {}
        for entry, report in self._held():
            if report.get("resourceType") == "DiagnosticReport":
                here = self.at(entry, report)
                try:
                    results = [resolve(reference, here) for reference in several(report, "result")]
                except Malformed:  # which the report is told to be where it stands
                    continue
                for result in results:
                    if result is not None:
                        reports.setdefault(id(result), here)
        return reports


def _version(resource: Element) -> str | None:
    return text(one(resource, "meta"), "versionId")


def resolve(reference: Element | None, found: Found) -> Element | None:
    """The resource that a Reference means: contained beside it, or in its Bundle; None where it is not here."""
    said = text(reference, "reference")
    if not said:
        return None
    if said == "#":
        return found.holder
    if said.startswith("#"):
        meant = found.remember(_by_id, found.holder).get(said[1:], [])
        return meant[0] if len(meant) == 1 else None
    return found.bundle.find(said, found.base) if found.bundle else None


def _by_id(holder: Element, _: Found) -> dict[str | None, list[Element]]:
    """The resources contained in one, by their id."""
    known: dict[str | None, list[Element]] = {}
    for resource in several(holder, "contained"):
        known.setdefault(text(resource, "id"), []).append(resource)
    return known


def named(resource: Element, _: Found) -> str | None:
    """An Organization and its like by identifier, else by name."""
    return first(text(identifier(resource), "value"), text(resource, "name"))


def as_sent(reference: Element | None) -> str | None:
    """A Reference that is not resolved: its identifier's value, else the reference, else what is displayed."""
    return first(
        text(one(reference or {}, "identifier"), "value"), text(reference, "reference"), text(reference, "display")
    )


class Name(NamedTuple):
    """An identifier with who assigned it and its type (table 0203)."""

    value: str | None
    authority: str | None = None
    type: str | None = None


def name_of(identifier: Element) -> Name:
    """An identifier of a resource, or of a Reference."""
    kinds = one(identifier, "type")
    codes = several(kinds, "coding") if kinds else []
    kind = first(*(text(code, "code") for code in codes), text(kinds, "text"))
    return Name(text(identifier, "value"), authority(identifier), kind)
