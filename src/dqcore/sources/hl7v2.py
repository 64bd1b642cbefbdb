"""HL7 v2: every OBX of every message as a row of one table; see docs/sources.md for the map of its fields.

Messages come one or many to a file, in batches (FHS, BHS, BTS, FTS) or MLLP frames, with whatever separators MSH declares,
ended by CR, LF or CRLF. Facts are those of HL7 v2.5.1 (2007): chapter 2 (encoding), 2.10.3 (batches), 2.15.9.18 and table
0211 (character sets), 3.4.2 (PID), 4.5.1 (ORC), 4.5.3 (OBR), 7.4.2 (OBX), 7.4.3 (SPM); PRT came with v2.7.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import chain
from typing import Any, BinaryIO, Literal, overload

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
    "message_id": ("MSH-10",),
    "message_type": ("MSH-9",),
    "sent_at": ("MSH-7",),
    "interface": ("MSH-3.1", "MSH-3.2"),
    "facility": ("MSH-4.1", "MSH-4.2"),
    "patient_id": ("PID-3.1",),
    "patient_authority": ("PID-3.4.1", "PID-3.4.2"),
    "patient_id_type": ("PID-3.5",),
    "birth_date": ("PID-7",),
    "sex": ("PID-8",),
    "placer_order_id": ("OBR-2", "ORC-2"),
    "filler_order_id": ("OBR-3", "ORC-3"),
    "specimen_id": ("SPM-2.1.1", "SPM-2.2.1"),
    "code": ("OBX-3.1",),
    "code_text": ("OBX-3.2",),
    "code_system": ("OBX-3.3",),
    "sub_id": ("OBX-4",),
    "value_type": ("OBX-2",),
    "value_text": ("OBX-5.*",),
    "unit": ("OBX-6",),
    "reference_range": ("OBX-7",),
    "abnormal_flags": ("OBX-8",),
    "status": ("OBX-11",),
    "collected_at": ("OBX-14", "OBR-7", "SPM-17.1.1"),
    "specimen_received_at": ("SPM-18", "OBR-14"),
    "analyzed_at": ("OBX-19",),
    "reported_at": ("OBR-22",),
    "device_id": ("OBX-18", "PRT-10", "MDS-18"),
}
"""Which field fills which column: the first of them that is not empty. MDS is the OBX of the medical device system that a
row's OBX-4 lies in (IEEE 11073 containment)."""

CHARSETS = {
    "ASCII": "ascii", "ISO IR6": "ascii", "US-ASCII": "ascii",
    **{f"8859/{part}": f"iso8859_{part}" for part in (*range(1, 12), *range(13, 17))},
    **{f"ISO-8859-{part}": f"iso8859_{part}" for part in (*range(1, 12), *range(13, 17))},
    "ISO IR14": "iso2022_jp_ext", "ISO IR87": "iso2022_jp_ext", "ISO IR159": "iso2022_jp_ext",
    "GB 18030-2000": "gb18030", "KS X 1001": "euc_kr", "BIG-5": "big5",
    "UNICODE": "utf-8", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8", "UTF8": "utf-8",
    "UNICODE UTF-16": "utf-16", "UNICODE UTF-32": "utf-32",
    "WINDOWS-1252": "cp1252", "CP1252": "cp1252",
}  # fmt: skip
"""MSH-18: the names of table 0211 that Python decodes, and others that cannot be mistaken."""
_WIDE = ("UNICODE", "UNICODE UTF-16", "UNICODE UTF-32")
_STARTS = (
    (rb"\xef\xbb\xbf", ""),
    (rb"\xff\xfe\0\0|(?=[\x0b-~]\0\0\0)", "utf-32-le"),
    (rb"\0\0\xfe\xff|(?=\0\0\0[\x0b-~])", "utf-32-be"),
    (rb"\xff\xfe|(?=[\x0b-~]\0[!-~]\0)", "utf-16-le"),
    (rb"\xfe\xff|(?=\0[\x0b-~]\0[!-~])", "utf-16-be"),
)
"""How a source begins: a byte order mark, which is no part of its text, or ASCII in two or four bytes."""
WORDS = {
    "no_header": "what stands here belongs to no message: there is no MSH before it",
    "separators": "MSH-1 and MSH-2 declare no separators that can be: signs of ASCII, each another",
    "message_type": "MSH-9 is empty: a message says what it is",
    "segment_name": "a segment begins with no name of three characters and the field separator after it",
    "line_ends": "a line end within a message whose other segments end otherwise; CR, LF or CRLF ends all of them",
    "charset": "bytes that are no text in the character set of the message; MSH-18 names it, charset= where MSH-18 is empty",
    "charset_unknown": "MSH-18 names a character set that is not known",
    "truncated": "the message ends within a segment, or before its results: it was cut off",
    "unterminated": "the last segment has no end: the message may have been cut off",
    "too_long": "the message, or what its rows would repeat, is longer than may be",
    "batch_count": "BTS-1 says {said} messages, {found} are there",
    "batch_open": "the batch before it has no BTS: it may have been cut off",
    "file_count": "FTS-1 says {said} batches, {found} are there",
    "file_open": "the file that began with FHS has no FTS: it may have been cut off",
    "empty": "there is no message in it",
}
"""What is told of each reason for which something is refused."""

_UNENDED = {"judge": 0, "refuse": 1, "accept": -1}


@overload
def read(paths: Paths, *, errors: Literal["raise"] = "raise", **how: Any) -> pa.Table: ...
@overload
def read(paths: Paths, *, errors: Literal["collect"], **how: Any) -> tuple[pa.Table, pa.Table]: ...
def read(paths: Paths, *, errors: str = "raise", **how: Any) -> Any:
    """Every OBX of the messages in files, folders or globs as a row of one table (columns: `results.COLUMNS`).

    `errors="raise"`: what cannot be read is a `DataError` naming file and position. `errors="collect"`: it is a row of a
    second table, and both are given. For the other parameters see `stream`. The schema's metadata `dqcore:counts` tell how
    many messages were read, refused, and without an OBX, by type.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "one.hl7"
    >>> _ = path.write_bytes(b"MSH|^~\\\\&|LAB|||||| ORU^R01|1|P|2.5\\rOBX|1|NM|2345-7^Glucose^LN||105|mg/dL|||||F\\r")
    >>> read(path).select(["code", "value_text", "unit"]).to_pylist()
    [{'code': '2345-7', 'value_text': '105', 'unit': 'mg/dL'}]
    """
    reading = stream(paths, errors=errors, **how)
    table = reading.read_all()
    return (table, reading.errors) if errors == "collect" else table


def stream(
    paths: Paths,
    *,
    errors: str = "raise",
    patient_authority: str | None = None,
    patient_id_type: str | None = None,
    charset: str | None = None,
    fields: Mapping[str, str | Sequence[str]] | None = None,
    unterminated: str = "judge",
) -> Reading:
    """As `read`, as a stream of record batches in bounded memory.

    `patient_authority`, `patient_id_type`: which repetition of PID-3 is meant, by PID-3.4 (its name or its universal id) and
    PID-3.5; where none is such the patient columns are null. Without them the first is taken. `charset`: what messages are
    in that name no character set, a name of table 0211 (default: UTF-8, and so ASCII). `fields`: other fields for columns, as
    in `{"collected_at": ("SPM-17", "OBR-7")}`. `unterminated`: a last segment without its end, as files without a last line end have it, is taken (`accept`), refused
    (`refuse`) or, the default, refused where it cannot be the end of its message (`judge`)."""
    return _reading(named_files(paths), errors, patient_authority, patient_id_type, charset, fields, unterminated)


def parse(content: bytes, *, source: str = "bytes", errors: str = "raise", **how: Any) -> Any:
    """As `read`, of bytes at hand, which are named `source`."""
    reading = _reading([(source, lambda: BytesIO(content))], errors, **how)
    table = reading.read_all()
    return (table, reading.errors) if errors == "collect" else table


def _reading(
    sources: list[Source],
    errors: str,
    patient_authority: str | None = None,
    patient_id_type: str | None = None,
    charset: str | None = None,
    fields: Mapping[str, str | Sequence[str]] | None = None,
    unterminated: str = "judge",
) -> Reading:
    if unterminated not in _UNENDED:
        raise RuleError(f"unterminated is {unterminated!r}; it is one of {', '.join(_UNENDED)}")
    for name, wanted in (("patient_authority", patient_authority), ("patient_id_type", patient_id_type)):
        if wanted is not None and (not isinstance(wanted, str) or not wanted):
            raise RuleError(f"{name} is {wanted!r}; give the text that PID-3 has there, such as 'MR'")
    if charset is not None and charset.upper() not in CHARSETS:
        raise RuleError(f"charset is {charset!r}; give a name of HL7 table 0211 such as '8859/1' or 'UNICODE UTF-8'")
    default = CHARSETS[(charset or "UNICODE UTF-8").upper()]
    settings: dict[str, Any] = {
        "paths": field_map(FIELDS, fields, _native.HL7_SLOTS, shifted=("MSH",)),  # MSH-1 is the separator itself
        "authority": None if patient_authority is None else patient_authority.encode(),
        "id_type": None if patient_id_type is None else patient_id_type.encode(),
        "longest": MOST_MESSAGE_BYTES,
        "most_bytes": MOST_ROW_BYTES,
        "full_bytes": BATCH_BYTES,
        "most_rows": BATCH_ROWS,
        "utf8_unless_said": default == "utf-8",
        "unended_is": _UNENDED[unterminated],
    }

    def batches(given: list[Source], log: Log) -> Iterator[pa.RecordBatch]:
        return _Stream(_native.Hl7(**settings), default, log).batches(given)

    return Reading(sources, batches, chosen(errors))


class _Stream:
    """One run over all sources; the kernel finds and checks messages, and stops for what is to be done here."""

    def __init__(self, native: _native.Hl7, default: str, log: Log) -> None:
        self._native = native
        self._default = default
        self._log = log
        self._source = ""
        self._wide = False

    def batches(self, sources: list[Source]) -> Iterator[pa.RecordBatch]:
        for name, opened in sources:
            try:
                with opened() as file:
                    yield from self._of_one(name, file)
            except OSError as error:
                raise DataError(f"{name} cannot be read whole ({error.strerror or type(error).__name__})") from None
        yield from self._taken()

    def _of_one(self, name: str, file: BinaryIO) -> Iterator[pa.RecordBatch]:
        self._source = name
        counts = self._log.counts
        counts.files += 1
        start, blocks = self._opened(file)
        before = (self._native.messages, len(self._log.refused))
        self._native.begin(name.encode(errors="backslashreplace"), self._wide)
        buffer, base, at, final = b"", start, 0, False
        while True:
            event, at = self._native.next(buffer, at, base, final)
            counts.messages, counts.refused = self._native.messages, self._native.refused
            if event == _native.MORE:
                if final:
                    break
                block = next(blocks)
                final = not block
                base, buffer, at = base + at, buffer[at:] + block, 0
            elif event == _native.FULL:
                yield from self._taken()
            else:
                self._deal_with(event, buffer, base)
        if (self._native.messages, len(self._log.refused)) == before:
            self._refuse("empty", 0)

    def _taken(self) -> Iterator[pa.RecordBatch]:
        rows, positions, columns = self._native.take()
        if rows:
            yield batch_of(rows, positions, columns)

    def _opened(self, file: BinaryIO) -> tuple[int, Iterator[bytes]]:
        """Where the text begins, and its blocks, the last one empty; what is UTF-16 or UTF-32 comes as UTF-8."""
        first = file.read(max(BLOCK, 8))
        begins = ((re.match(start, first), encoding) for start, encoding in _STARTS)
        found, encoding = next(((found, encoding) for found, encoding in begins if found), (None, ""))
        start = found.end() if found else 0
        blocks = chain((first[start:],) if first[start:] else (), iter(partial(file.read, BLOCK), b""), (b"",))
        self._wide = bool(encoding)
        return (0, self._transcoded(blocks, encoding)) if encoding else (start, blocks)

    def _transcoded(self, blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(encoding)()
        place = 0
        for block in blocks:
            try:
                text = decoder.decode(block, final=not block).encode()
            except UnicodeDecodeError as error:
                # What comes before is text; a message that is open there is not whole.
                text = error.object[: error.start].decode(encoding).encode()
                self._native.break_off()
                self._refuse("charset", place + len(text))
                block = b""
            place += len(text)
            if text:
                yield text
            if not block:
                break
        yield b""

    def _deal_with(self, event: int, buffer: bytes, base: int) -> None:
        if event == _native.CHARSET:
            event = self._decode(buffer, base)
        if event == _native.FAULT:
            fault = self._native.fault
            self._refuse(fault.reason, fault.position, fault.segment, fault.field, fault.said, fault.found)
        elif event == _native.EMPTY:
            self._log.without_results(_type_of(self._native.text))
        self._log.counts.refused = self._native.refused

    def _decode(self, buffer: bytes, base: int) -> int:
        """The message that the kernel could not take as it is, now as UTF-8; the event that it makes."""
        names = [self._native.text]
        if self._native.repetition:
            names = names[0].split(self._native.repetition)
        message, place = buffer[self._native.extent], base + self._native.extent.start
        encoding = self._encoding([name.decode("ascii", "replace").strip().upper() for name in names])
        if encoding is None:
            self._native.refuse()
            self._refuse("charset_unknown", self._native.position, "MSH", 18)
            return _native.MORE
        plain = encoding != "iso2022_jp_ext" and message.isascii() and b"\x1b" not in message
        if encoding == "utf-8" or plain:
            event: int = self._native.decoded(message, None, place, encoding == "utf-8")
            return event
        segments, starts = _segments(message, place)
        decoded = []
        for segment, start in zip(segments, starts, strict=True):
            try:
                decoded.append(segment.decode(encoding))
            except UnicodeError:
                self._native.refuse()
                found = re.match(rb"[A-Z][A-Z0-9]{2}(?=[^A-Za-z0-9])", segment)
                self._refuse("charset", start, found[0].decode() if found else "")
                return _native.MORE
        text = "\r".join([*decoded, ""]).encode(errors="surrogatepass")
        event = self._native.decoded(text, np.array(starts, np.int64), place, False)
        return event

    def _encoding(self, names: list[str]) -> str | None:
        """The Python encoding of a message whose MSH-18 has these names; None where one is unknown."""
        if self._wide:
            return "utf-8" if all(name in ("", *_WIDE) for name in names) else None
        if any(name and name not in CHARSETS for name in names):
            return None
        encodings = [CHARSETS[name] if name else self._default for name in names]
        if "iso2022_jp_ext" in encodings:
            # ISO 2022 switches between the sets that the repetitions name.
            return "iso2022_jp_ext"
        # One that is declared wide but came as single bytes is none of what it says.
        return None if encodings[0] in ("utf-16", "utf-32") else encodings[0]

    def _refuse(
        self, reason: str, position: int, segment: str = "", field: int = 0, said: int = 0, found: int = 0
    ) -> None:
        words = WORDS[reason].format(said="no number of" if said < 0 else said, found=found)
        self._log.refuse(Refused(self._source, position, reason, segment, field, words))


def _segments(message: bytes, place: int) -> tuple[list[bytes], list[int]]:
    """The segments of a message and where each is: line ends are bytes of no other character in any set that is known."""
    found = [(part[0], place + part.start()) for part in re.finditer(rb"[^\r\n\x1c]+", message)]
    return [segment for segment, _ in found], [start for _, start in found]


def _type_of(text: bytes) -> str:
    """MSH-9 as it is counted by: code and trigger event, where that is what they are."""
    found = re.match(rb"([A-Z0-9]{3})(?:[^A-Za-z0-9]([A-Z0-9]{3}))?(?![A-Za-z0-9])", text)
    if found is None:
        return "other"
    return "^".join(part.decode() for part in found.groups() if part)
