"""LIS2-A2 (ASTM E1394): every result record of an analyser's messages as a row of one table; see docs/sources.md.

Records come bare, one a line, or in frames (CLSI LIS01-A2, ASTM E1381), whose checksums and numbers are verified. Facts are
those of CLSI LIS2-A2 (2004) for separators, records and their fields, and of LIS01-A2 (2008) for frames.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, BinaryIO, Literal, NamedTuple, overload

import numpy as np
import pyarrow as pa

from .._native import messages as _native
from ..errors import DataError, RuleError
from .results import (
    BATCH_BYTES,
    BATCH_ROWS,
    BLOCK,
    MOST_MESSAGE_BYTES,
    MOST_ROW_BYTES,
    Log,
    Paths,
    Reading,
    Refused,
    Source,
    batch_of,
    chosen,
    field_map,
    named_files,
)

FIELDS: dict[str, tuple[str, ...]] = {
    "message_id": ("H-3",),
    "sent_at": ("H-14",),
    "interface": ("H-5",),
    "patient_id": ("P-3", "P-4", "P-5"),
    "birth_date": ("P-8",),
    "sex": ("P-9",),
    "specimen_id": ("O-3", "O-4", "O-4.3"),
    "code": ("R-3.1", "R-3.4", "R-3.5"),
    "code_text": ("R-3.2",),
    "code_system": ("R-3.3",),
    "value_text": ("R-4.*",),
    "unit": ("R-5",),
    "reference_range": ("R-6",),
    "abnormal_flags": ("R-7",),
    "status": ("R-9",),
    "collected_at": ("O-8",),
    "specimen_received_at": ("O-15",),
    "analyzed_at": ("R-13", "R-12"),
    "reported_at": ("O-23",),
    "device_id": ("R-14",),
}
"""Which field fills which column: the first of them that is not empty. Field 1 is a record's type. What is not here is null."""

MOST_FRAME_BYTES = 64_000
"""The longest frame (LIS01-A2)."""
WORDS = {
    "frame": "a frame that is none: STX, a number of 0 to 7, text, ETX or ETB, and two hexadecimal digits of its checksum",
    "checksum": "a frame's checksum is not that of its bytes",
    "sequence": "a frame is not the one that follows: one is missing, or came twice",
    "outside_frame": "bytes between frames",
    "no_header": "records that belong to no message: there is no H before them",
    "separators": "H-1 and H-2 declare no separators that can be: four signs of ASCII, each another",
    "record_type": "a record is none of H P O R C M S Q L, or no field separator follows its type",
    "truncated": "the message has no L at its end: it was cut off",
    "charset": "bytes that are no text in the character set; name it with charset=",
    "too_long": "the message, or what its rows would repeat, is longer than may be",
    "empty": "there is no message in it",
}
"""What is told of each reason for which something is refused."""

_STX, _ETX, _ETB = 0x02, b"\x03", b"\x17"
_FRAME = re.compile(rb"\x02([0-7])([^\x02\x03\x17]*)([\x03\x17])([0-9A-Fa-f]{2})")
_LINE, _LINE_END = re.compile(rb"[^\r\n]+"), re.compile(rb"[\r\n\x02\x04]")
_HEADER = re.compile(rb"H(?![A-Za-z0-9])")
_TRANSMISSION = b"\x04\x05"
"""EOT and ENQ: frames are numbered anew."""
_BETWEEN = b"\r\n\x04\x05\x06\x15"
"""Line ends, EOT, ENQ, ACK and NAK."""


class _Record(NamedTuple):
    text: bytes
    position: int
    fault: str
    """Why its frame is not to be trusted."""
    fault_at: int


@overload
def read(paths: Paths, *, errors: Literal["raise"] = "raise", **how: Any) -> pa.Table: ...
@overload
def read(paths: Paths, *, errors: Literal["collect"], **how: Any) -> tuple[pa.Table, pa.Table]: ...
def read(paths: Paths, *, errors: str = "raise", **how: Any) -> Any:
    """Every result record (R) of the messages in files, folders or globs as a row of one table.

    `errors` is as for `hl7v2.read`; for the other parameters see `stream`.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "one.astm"
    >>> _ = path.write_bytes(b"H|\\\\^&\\rP|1\\rO|1|S-1\\rR|1|^^^GLU|5.4|mmol/L\\rL|1|N\\r")
    >>> read(path).select(["specimen_id", "code", "value_text", "unit"]).to_pylist()
    [{'specimen_id': 'S-1', 'code': 'GLU', 'value_text': '5.4', 'unit': 'mmol/L'}]
    """
    reading = stream(paths, errors=errors, **how)
    table = reading.read_all()
    return (table, reading.errors) if errors == "collect" else table


def stream(
    paths: Paths,
    *,
    errors: str = "raise",
    charset: str = "utf-8",
    fields: Mapping[str, str | Sequence[str]] | None = None,
) -> Reading:
    """As `read`, as a stream of record batches in bounded memory.

    `charset`: the text encoding, of which ASCII is a part. `fields`: other fields for columns, as in
    `{"device_id": ("R-14", "H-5.7")}`."""
    return _reading(named_files(paths), errors, charset, fields)


def parse(content: bytes, *, source: str = "bytes", errors: str = "raise", **how: Any) -> Any:
    """As `read`, of bytes at hand, which are named `source`."""
    reading = _reading([(source, lambda: BytesIO(content))], errors, **how)
    table = reading.read_all()
    return (table, reading.errors) if errors == "collect" else table


def _reading(
    sources: list[Source],
    errors: str,
    charset: str = "utf-8",
    fields: Mapping[str, str | Sequence[str]] | None = None,
) -> Reading:
    try:
        if "H|\\^&\r\x02\x03".encode(charset) != b"H|\\^&\r\x02\x03":
            raise LookupError
        codecs.lookup(charset)
    except (LookupError, TypeError, UnicodeError):
        raise RuleError(
            f"charset is {charset!r}; give a text encoding that ASCII is a part of, such as 'cp1252'"
        ) from None
    paths = field_map(FIELDS, fields, _native.LIS2_SLOTS, shifted=_native.LIS2_SLOTS)

    def batches(given: list[Source], log: Log) -> Iterator[pa.RecordBatch]:
        return _Stream(_native.Lis2(paths, most_bytes=MOST_ROW_BYTES), charset, log).batches(given)

    return Reading(sources, batches, chosen(errors))


class _Records:
    """The records of one source, in frames or bare, in bounded memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._buffer = b""
        self._base = 0
        self._final = False
        self._framed = False
        self._number = -1
        self._parts: list[tuple[bytes, int]] = []
        self._held = 0
        self._fault = ("", 0)

    def __iter__(self) -> Iterator[_Record]:
        while not self._final:
            block = self._file.read(BLOCK)
            self._final = not block
            at = len(codecs.BOM_UTF8) if not self._base and block.startswith(codecs.BOM_UTF8) else 0
            self._buffer += block
            while at < len(self._buffer):
                step, records = self._one(at)
                yield from records
                if not step:
                    break
                at += step
            self._base += at
            self._buffer = self._buffer[at:]
        yield from self._ended(True)

    def _one(self, at: int) -> tuple[int, list[_Record]]:
        """How many bytes from `at` are dealt with (0: more are needed), and the records that they ended."""
        byte = self._buffer[at]
        if byte in _BETWEEN:
            if byte not in _TRANSMISSION:
                return 1, []
            self._number = -1
            return 1, self._ended(True)
        return self._frame(at) if byte == _STX else self._bare(at)

    def _bare(self, at: int) -> tuple[int, list[_Record]]:
        """A line, up to its end or the frame that begins in it."""
        end = _LINE_END.search(self._buffer, at)
        if end is None and not self._final and len(self._buffer) - at <= MOST_MESSAGE_BYTES:
            return 0, []
        stop = end.start() if end else len(self._buffer)
        place = self._base + at
        fault = "outside_frame" if self._framed else ""
        return stop - at, [*self._ended(True), _Record(self._buffer[at:stop], place, fault, place)]

    def _frame(self, at: int) -> tuple[int, list[_Record]]:
        self._framed = True
        found, place = _FRAME.match(self._buffer, at), self._base + at
        if found is not None and found.end() - at <= MOST_FRAME_BYTES:
            number, text, end, told = found.groups()
            ended = self._check(int(number), text, int(told, 16) == sum(found[0][1:-2]) & 0xFF, place)
            return len(found[0]), ended + self._joined(text, place, end == _ETX)
        following = self._buffer.find(b"\x02", at + 1)
        if following < 0 and not self._final and len(self._buffer) - at <= MOST_FRAME_BYTES:
            return 0, []
        stop = following if following > 0 else len(self._buffer)
        self._number, self._fault = -1, ("frame", place)
        # Its text may begin a message all the same, which is to be counted.
        return stop - at, self._joined(self._buffer[at + 2 : stop], place, True)

    def _check(self, number: int, text: bytes, sound: bool, place: int) -> list[_Record]:
        """Notes what is wrong with a frame; gives what went before it, where it does not go on with that."""
        follows = number == (1 if self._number < 0 else (self._number + 1) % 8)
        begins = number == 1 and text.startswith(b"H")
        self._number = number
        ended = [] if follows else self._ended(True)
        if not self._fault[0] and not (sound and (follows or begins)):
            self._fault = ("sequence" if sound else "checksum", place)
        return ended

    def _joined(self, text: bytes, place: int, whole: bool) -> list[_Record]:
        self._parts.append((text, place + 2))
        self._held += len(text)
        if self._held > MOST_MESSAGE_BYTES:
            self._fault = ("too_long", place)
            return self._ended(True)
        return self._ended(True) if whole else self._ended(False) if _LINE_END.search(text) else []

    def _ended(self, whole: bool) -> list[_Record]:
        """The records of the frames so far; the last one goes on in the next frame unless `whole`."""
        text = b"".join(part for part, _ in self._parts)
        stop = len(text) if whole else max(text.rfind(b"\r"), text.rfind(b"\n")) + 1
        found = [_Record(line[0], self._place(line.start()), *self._fault) for line in _LINE.finditer(text, 0, stop)]
        if whole and not found and self._fault[0]:
            found = [_Record(b"", self._fault[1], *self._fault)]
        rest = text[stop:]
        self._parts = [(rest, self._place(stop))] if rest else []
        self._held = len(rest)
        if whole:
            self._fault = ("", 0)
        return found

    def _place(self, offset: int) -> int:
        """Where in the source a byte of the joined frames is."""
        for part, place in self._parts:
            if offset < len(part):
                return place + offset
            offset -= len(part)
        return self._base


class _Stream:
    """One run over all sources: records to messages, and each whole message to rows."""

    def __init__(self, native: _native.Lis2, charset: str, log: Log) -> None:
        self._native = native
        self._charset = charset
        self._log = log
        self._source = ""
        self._open: list[_Record] = []
        self._size = 0
        self._between = ""

    def batches(self, sources: list[Source]) -> Iterator[pa.RecordBatch]:
        for name, opened in sources:
            try:
                with opened() as file:
                    yield from self._of_one(name, file)
            except OSError as error:
                raise DataError(f"{name} cannot be read whole ({error.strerror or type(error).__name__})") from None
        yield from self._taken()

    def _of_one(self, name: str, file: BinaryIO) -> Iterator[pa.RecordBatch]:
        self._source, self._between = name, ""
        self._log.counts.files += 1
        self._native.begin(name.encode(errors="backslashreplace"))
        before = (self._log.counts.messages, len(self._log.refused))
        for record in _Records(file):
            self._add(record)
            rows, size = self._native.size
            if rows >= BATCH_ROWS or size >= BATCH_BYTES:
                yield from self._taken()
        self._close()
        if (self._log.counts.messages, len(self._log.refused)) == before:
            self._refuse("empty", 0)

    def _taken(self) -> Iterator[pa.RecordBatch]:
        rows, positions, columns = self._native.take()
        if rows:
            yield batch_of(rows, positions, columns)

    def _add(self, record: _Record) -> None:
        if _HEADER.match(record.text):
            self._close()
            self._log.counts.messages += 1
            self._between, self._size = "", 0
        elif not self._open:
            reason = record.fault or "no_header"
            # Once for all that stand together.
            if reason != self._between:
                self._refuse(reason, record.fault_at if record.fault else record.position)
            self._between = reason
            return
        self._size += len(record.text) + 1
        if self._size <= MOST_MESSAGE_BYTES:
            self._open.append(record)
        elif self._open[-1].fault != "too_long":
            self._open = [self._open[0], _Record(b"", record.position, "too_long", record.position)]
        if record.text.startswith(b"L"):
            self._close()

    def _close(self) -> None:
        """The message at hand has ended: it makes rows, has no results, or is refused."""
        records, self._open = self._open, []
        if not records:
            return
        reason, at, kind = self._read(records)
        if reason:
            self._log.counts.refused += 1
            self._refuse(reason, at, kind)

    def _read(self, records: list[_Record]) -> tuple[str, int, str]:
        for record in records:
            if record.fault:
                return record.fault, record.fault_at, ""
        if not records[-1].text.startswith(b"L"):
            return "truncated", records[-1].position, ""
        try:
            texts = [record.text if record.text.isascii() else self._utf8(record) for record in records]
        except _NotTextError as error:
            return "charset", error.args[0], ""
        at = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) + 1 for text in texts], out=at[1:])
        starts = np.array([record.position for record in records], np.int64)
        reason, bad = self._native.message(b"\r".join([*texts, b""]), at, starts)
        if not reason:
            kinds = {text[:1] for text in texts}
            if b"R" not in kinds:
                self._log.without_results("query" if b"Q" in kinds else "order" if b"O" in kinds else "other")
        return reason, records[bad].position, "H" if reason == "separators" else ""

    def _utf8(self, record: _Record) -> bytes:
        try:
            return record.text.decode(self._charset).encode()
        except UnicodeError:
            # The error holds the text.
            raise _NotTextError(record.position) from None

    def _refuse(self, reason: str, position: int, segment: str = "") -> None:
        field = 2 if segment == "H" else 0
        self._log.refuse(Refused(self._source, position, reason, segment, field, WORDS[reason]))


class _NotTextError(Exception):
    """Of a record, whose place it has."""
