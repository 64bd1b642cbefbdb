"""Files of FHIR as texts, one a resource: JSON and XML documents, and NDJSON line by line, each also gzipped."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, BinaryIO, NamedTuple, cast

from . import json_text, xml_text
from .elements import Malformed

LINES = (".ndjson", ".jsonl")
LONGEST = 64 << 20
"""Bytes of a line of NDJSON: one resource."""
LARGEST = 256 << 20
"""Bytes of a document, which is held whole."""
_GZIP = b"\x1f\x8b"


class Document(NamedTuple):
    """The text of one resource."""

    line: int | None
    """The line of NDJSON, counted from 1; None for a document."""
    content: bytes
    parse: Callable[[bytes], Any]


def documents(name: str, file: BinaryIO) -> Iterator[Document]:
    """The documents of a file, in order. A name that ends in `.ndjson` or `.jsonl` is of lines, of which blank ones hold
    nothing; any other is one document, XML where it begins with `<`. Gzip is told by its first bytes, whatever the name.

    `Malformed` where the file cannot be read on: nothing after that point can be known."""
    try:
        zipped = file.read(2) == _GZIP
        file.seek(0)
        plain = cast("IO[bytes]", gzip.GzipFile(fileobj=file) if zipped else file)
        ending = os.path.basename(name).lower().removesuffix(".gz")
        yield from _lines(plain) if ending.endswith(LINES) else _whole(plain)
    except (OSError, EOFError, zlib.error) as error:
        number = error.errno if isinstance(error, OSError) else None
        why = "its gzip is cut off or damaged" if number is None else os.strerror(number)
        raise Malformed(f"the file cannot be read on: {why}", "unreadable") from None


def _lines(file: IO[bytes]) -> Iterator[Document]:
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise Malformed(f"line {number} is longer than {LONGEST} bytes", "too_long")
        if not line.isspace():
            yield Document(number, line, json_text.parse)


def _whole(file: IO[bytes]) -> Iterator[Document]:
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Malformed(f"longer than {LARGEST} bytes; bulk exports are NDJSON, a resource a line", "too_long")
    begins = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    # In UTF-16 a byte of the mark, or the zero of `<`, comes first.
    xml = begins.startswith(b"<") or content.startswith((b"\xff\xfe", b"\xfe\xff", b"\0<", b"<\0"))
    yield Document(None, content, xml_text.parse if xml else json_text.parse)
