"""HL7 v2 read slowly and obviously, apart from the kernel: what messages and results a stream of bytes holds, and for
messages that are sound, what each column says."""

from __future__ import annotations

import re
from typing import NamedTuple

HEADERS = (b"MSH", b"FHS", b"BHS", b"BTS", b"FTS")
OF_NO_MESSAGE = {"no_header", "batch_count", "batch_open", "file_count", "file_open", "empty"}


class Message(NamedTuple):
    start: int
    stop: int
    results: list[int]
    """Where its OBX begin."""


def messages(content: bytes) -> list[Message]:
    found: list[Message] = []
    start: int | None = None
    results: list[int] = []
    last = 0
    at = 3 if content.startswith(b"\xef\xbb\xbf") else 0
    for line in re.finditer(rb"[^\r\n\x1c]+", content[at:]):
        place, text = at + line.start(), line[0]
        framed = text.startswith(b"\x0b")
        bare = text.lstrip(b"\x0b")
        place += len(text) - len(bare)
        header = bare[:3] in HEADERS and not re.match(rb"[A-Za-z0-9\x80-\xff]", bare[3:4])
        if start is not None and (framed or header or b"\x1c" in content[last:place]):
            found.append(Message(start, place, results))
            start = None
        if header and bare.startswith(b"MSH"):
            start, results = place, []
        elif start is not None and bare.startswith(b"OBX"):
            results.append(place)
        last = at + line.end()
    if start is not None:
        found.append(Message(start, len(content) + 1, results))
    return found


def expected_positions(content: bytes, errors: list[dict[str, object]]) -> list[int]:
    """The places of the results of every message that was not refused."""
    wrong = [error["position"] for error in errors if error["reason"] not in OF_NO_MESSAGE]
    sound = [one for one in messages(content) if not any(one.start <= place < one.stop for place in wrong)]
    return [place for one in sound for place in one.results]


def unescaped(text: str, field: str, component: str, repetition: str, escape: str, sub: str) -> str:
    known = {"F": field, "S": component, "T": sub, "R": repetition, "E": escape, "H": "", "N": "", ".br": "\n"}
    mark = re.escape(escape)

    def read(found: re.Match[str]) -> str:
        inner = found[1]
        if re.fullmatch("X([0-7][0-9A-Fa-f])+", inner):
            return bytes.fromhex(inner[1:]).decode()
        return known[inner]

    return re.sub(rf"{mark}(F|S|T|R|E|H|N|\.br|X(?:[0-7][0-9A-Fa-f])+){mark}", read, text)


def value(text: str | None, msh: str) -> str | None:
    """A text as a column has it."""
    component, repetition, escape, sub = (*msh[4:8].split(msh[3])[0], "\0", "\0", "\0", "\0")[:4]
    if not text:
        return None
    if text == '""':
        return ""
    if any(mark in text for mark in (component, repetition, sub)):
        return text
    return unescaped(text, msh[3], component, repetition, escape, sub)


def rows(message: str) -> list[dict[str, str | None]]:
    """The rows of one message of four encoding characters, with the default fields; source and position left out."""
    segments = [line for line in re.split(r"[\r\n]+", message) if line]
    msh = segments[0]
    mark, (component, repetition, _, sub) = msh[3], msh[4:8]

    def part(segment: str | None, field: int, number: int = 1, below: int = 0) -> str:
        if segment is None:
            return ""
        fields = segment.split(mark)
        place = field - 1 if segment.startswith("MSH") else field
        whole = fields[place] if place < len(fields) else ""
        if number == 0:
            return whole
        parts = whole.split(repetition)[0].split(component)
        text = parts[number - 1] if number <= len(parts) else ""
        if below:
            subs = text.split(sub)
            text = subs[below - 1] if below <= len(subs) else ""
        return text

    names = [segment[:3] for segment in segments]
    specimen_first = "SPM" in names and ("OBR" not in names or names.index("SPM") < names.index("OBR"))
    found = []
    pid = orc = obr = spm = mds = None
    for number, segment in enumerate(segments):
        name = segment[:3]
        if name == "PID":
            pid, orc, obr, spm, mds = segment, None, None, None, None
        elif name == "ORC":
            orc, obr = segment, None
            spm = spm if specimen_first else None
        elif name == "OBR":
            if not {"ORC"} & set(names[since(names, number) : number]):
                orc = None
            obr = segment
            if not specimen_first:
                spm = next_specimen(segments, number)
        elif name == "SPM":
            if specimen_first:
                orc = obr = None
            spm = segment
        elif name == "OBX":
            if re.fullmatch(r"[0-9]+(\.0+){3,}", part(segment, 4)):
                mds = segment
            own = re.fullmatch(r"([0-9]+)(\.[0-9]+){3,}", part(segment, 4))
            system = mds if own and mds and part(mds, 4).split(".")[0] == own[1] else None
            device = part(segment, 18) or participant(segments, number, part) or part(system, 18)
            texts = {
                "message_id": part(msh, 10), "message_type": part(msh, 9), "sent_at": part(msh, 7),
                "interface": part(msh, 3) or part(msh, 3, 2), "facility": part(msh, 4) or part(msh, 4, 2),
                "patient_id": part(pid, 3), "patient_authority": part(pid, 3, 4, 1) or part(pid, 3, 4, 2),
                "patient_id_type": part(pid, 3, 5), "birth_date": part(pid, 7), "sex": part(pid, 8),
                "placer_order_id": part(obr, 2) or part(orc, 2), "filler_order_id": part(obr, 3) or part(orc, 3),
                "specimen_id": part(spm, 2, 1, 1) or part(spm, 2, 2, 1), "code": part(segment, 3),
                "code_text": part(segment, 3, 2), "code_system": part(segment, 3, 3), "sub_id": part(segment, 4),
                "value_type": part(segment, 2), "value_text": part(segment, 5, 0), "unit": part(segment, 6),
                "reference_range": part(segment, 7), "abnormal_flags": part(segment, 8), "status": part(segment, 11),
                "collected_at": part(segment, 14) or part(obr, 7) or part(spm, 17, 1, 1),
                "specimen_received_at": part(spm, 18) or part(obr, 14), "analyzed_at": part(segment, 19),
                "reported_at": part(obr, 22), "device_id": device,
            }  # fmt: skip
            found.append({column: value(text, msh) for column, text in texts.items()})
    return found


def since(names: list[str], number: int) -> int:
    """Where the order before the one at `number` has its own OBR, its patient, or the specimen it is about."""
    for place in range(number - 1, -1, -1):
        if names[place] in ("OBR", "PID"):
            return place
    return 0


def next_specimen(segments: list[str], number: int) -> str | None:
    for segment in segments[number + 1 :]:
        if segment[:3] == "SPM":
            return segment
        if segment[:3] in ("OBR", "ORC", "PID"):
            return None
    return None


def participant(segments: list[str], number: int, part: object) -> str:
    """PRT-10 of the first PRT of the OBX that has one."""
    for segment in segments[number + 1 :]:
        if segment[:3] in ("OBX", "OBR", "ORC", "PID", "SPM", "PV1"):
            return ""
        if segment[:3] == "PRT" and part(segment, 10, 0):  # type: ignore[operator]
            return part(segment, 10)  # type: ignore[operator]
    return ""
