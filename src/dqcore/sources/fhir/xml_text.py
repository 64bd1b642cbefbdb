"""One FHIR resource in XML (R4, 2.6.1) as the dict that its JSON would be, by the expat of the standard library.

No document type, and so no entity, is let in: nothing is expanded, fetched or looked up."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from .elements import Malformed

FHIR = "http://hl7.org/fhir"
DEEPEST = 64


def parse(content: bytes) -> Any:
    """What a document holds; repeated elements are lists, and one alone stands for itself.

    `Malformed`, with line and column and without a value, for what is no XML, has a document type or is nested deeper
    than 64, or whose root is not of FHIR's namespace. The narrative, which is XHTML, is passed over."""
    return _Document().read(content)


class _Document:
    """Elements as they open and close; the innermost is the last of each stack: its name, what it holds (None where it
    is of another namespace), and the value that it has as an attribute, which makes it a primitive."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.held: list[dict[str, Any] | None] = []
        self.values: list[str | None] = []
        self.depth = 0
        self.root: dict[str, Any] = {}
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartDoctypeDeclHandler = self.refuse
        self.parser.EntityDeclHandler = self.refuse
        self.parser.ExternalEntityRefHandler = self.refuse
        self.parser.StartElementHandler = self.open
        self.parser.EndElementHandler = self.close
        self.parser.CharacterDataHandler = self.words

    def read(self, content: bytes) -> Any:
        try:
            self.parser.Parse(content, True)
        except expat.ExpatError as error:
            why = expat.ErrorString(error.code)
            raise Malformed(f"no XML: {why} at line {error.lineno}, column {error.offset + 1}", "xml") from None
        except (LookupError, ValueError):
            # Of encodings: of one that Python does not know or that has more than a byte a character.
            raise Malformed("the XML is in an encoding that is not read; FHIR is UTF-8", "xml") from None
        return self.root

    def refuse(self, *_: Any) -> int:
        raise Malformed(f"the XML has a document type or an entity at {self.place()}, which FHIR does not allow", "xml")

    def place(self) -> str:
        return f"line {self.parser.CurrentLineNumber}, column {self.parser.CurrentColumnNumber + 1}"

    def open(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Malformed(f"the XML nests deeper than {DEEPEST} at {self.place()}", "too_deep")
        space, _, own = name.rpartition(" ")
        if space != FHIR:
            if self.depth == 1:
                raise Malformed(f"the root of the XML is not of the namespace {FHIR}", "xml")
            self.held.append(None)
        elif self.held and self.held[-1] is None:
            self.held.append(None)
        else:
            # `value` is kept apart: elements have children of that name.
            held: dict[str, Any] = {key: said for key, said in attributes.items() if key == "url"}
            self.held.append({"resourceType": own, **held} if own[:1].isupper() else held)
        self.names.append(own)
        self.values.append(attributes.get("value"))

    def words(self, words: str) -> None:
        # What is said stands in attributes; what stands beside them would be lost.
        if self.held and self.held[-1] is not None and not words.isspace():
            raise Malformed(f"text between the elements at {self.place()}, where FHIR has attributes", "xml")

    def close(self, _: str) -> None:
        self.depth -= 1
        name, held, value = self.names.pop(), self.held.pop(), self.values.pop()
        if held is None:
            return
        if not self.held:
            self.root = held
            return
        holder = self.held[-1]
        if holder is None:
            return
        if "resourceType" in held and name == held["resourceType"]:
            # `contained`, `resource` and the like hold a resource by its type; JSON has it in their place.
            if holder:
                raise Malformed(f"an element beside a resource in the one that holds it at {self.place()}", "xml")
            holder.update(held)
            return
        made: Any = held if value is None else value
        if name not in holder:
            holder[name] = made
        elif type(holder[name]) is list:
            holder[name].append(made)
        else:
            holder[name] = [holder[name], made]
