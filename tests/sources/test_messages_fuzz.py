"""Messages damaged at random: neither reader crashes, and no message and no result is lost: each is a row, or in a
message that is named as refused, as plain Python counts them. DQCORE_FUZZ says how many are tried (`make fuzz`)."""

from __future__ import annotations

import os
import random
import re
from io import BytesIO
from itertools import pairwise

import pytest
from oracle import hl7v2 as oracle

from dqcore.sources import hl7v2, lis2

FEW = os.environ.get("DQCORE_EXAMPLES") == "few"
TRIES = int(os.environ.get("DQCORE_FUZZ", "400" if FEW else "10000"))
SEED = int(os.environ.get("DQCORE_FUZZ_SEED", "20261124"))

MSH = "MSH|^~\\&|LAB|HOSP|||2024||ORU^R01|M1|P|2.5.1||||||{}"
BODY = (
    "PID|1||MRN1^^^HOSP&1.2.3&ISO^MR~999^^^SSA^SS||DOE^JANE||19800229|F",
    "OBR|1|P1|F1|PANEL|||20240229",
    "OBX|1|NM|2345-7^Glucose^LN|1.1.1.1|105|mg/dL|70-99|H|||F|||2024|||||2024",
    "OBX|2|ST|A||a \\T\\ b\\.sp9\\\\X41\\\\XC3A4\\||||||F",
    "PRT||AD||EQUIP||||||UDI",
    "SPM|1|S1&NS^S2",
)
HL7_SEEDS = [
    "\r".join(
        ["FHS|^~\\&", "BHS|^~\\&", MSH.format(""), *BODY, MSH.format("UNICODE UTF-8"), *BODY, "BTS|2", "FTS|1", ""]
    ),
    "\n".join([MSH.format("8859/1"), *BODY, "OBX|3|TX|µ||µ", MSH.format("~ISO IR87"), *BODY, ""]),
    "\x0b"
    + "\r".join([MSH.format("ASCII"), *BODY])
    + "\r\x1c\r"
    + "\x0b"
    + MSH.format("")
    + "\r"
    + BODY[2]
    + "\r\x1c\r",
]
LIS2_SEEDS = [
    "H|\\^&||||||||||P|LIS2-A2\rP|1|A\rO|1|S\rR|1|^^^A|1 &F& 2|u\rC|1|I\rR|2|^^^B|2\rL|1|N\rH|\\^&\rQ|1\rL|1\r",
    "H|\\^&\nR|1|µ|3\nL|1\n\nH|!~*\nR!1!A!2\nL!1\n",
]
PIECES = [
    b"\r", b"\n", b"\r\n", b"\x0b", b"\x1c", b"|", b"^", b"~", b"\\", b"&", b'""', b"\rMSH|^~\\&|", b"\rOBX|1|ST|", b"MSH", b"\rBTS|1\r",
    b"\rBHS|", b"\rFTS|", b"\0", b"\x1b$B", b"\xff", b"\xc3", b"\\.sp99\\", b"\\X", b"\rH|\\^&|", b"\rR|1|", b"\rL|1\r", b"\x02", b"\x03",
]  # fmt: skip


def damaged(random_: random.Random, content: bytes) -> bytes:
    out = bytearray(content)
    for _ in range(random_.choice((1, 1, 2, 4, 8))):
        at, n = random_.randrange(len(out) + 1), random_.choice((0, 1, 1, 2, 5, 40))
        what = random_.randrange(5)
        if what == 0:
            out[at : at + n] = b""
        elif what == 1:
            out[at : at + random_.choice((0, 1))] = random_.choice(PIECES)
        elif what == 2:
            out[at : at + 1] = bytes([random_.randrange(256)])
        elif what == 3:
            start = random_.randrange(len(out) + 1)
            out[at:at] = out[start : start + n * 10]
        else:
            del out[at:]
    return bytes(out)


def tries(seeds: list[str]) -> list[bytes]:
    random_ = random.Random(SEED)
    texts = [seed.encode(random_.choice(("utf-8", "latin-1"))) for seed in seeds for _ in range(2)]
    return [damaged(random_, random_.choice(texts)) for _ in range(TRIES)]


def is_wide(content: bytes) -> bool:
    return b"\0" in content[:4] or content[:2] in (b"\xff\xfe", b"\xfe\xff")


def test_hl7v2_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0
    for number, content in enumerate(tries(HL7_SEEDS)):
        monkeypatch.setattr(hl7v2, "BLOCK", 1 << 20 if number % 3 else number % 50 + 1)
        reading = hl7v2._reading([("bytes", lambda content=content: BytesIO(content))], "collect")
        table = reading.read_all()
        table.validate(full=True)
        errors = reading.errors.to_pylist()
        assert all(0 <= error["position"] <= len(content) for error in errors)
        counts = reading.counts
        if is_wide(content):
            continue
        found = oracle.messages(content)
        # As the reader sees it, in what it says of the messages it did not refuse.
        assert counts.messages == len(found), content
        assert table["position"].to_pylist() == oracle.expected_positions(content, errors), content
        refused = [error for error in errors if error["reason"] not in oracle.OF_NO_MESSAGE]
        assert counts.refused == len(refused), content
        sound = len(found) - len(refused)
        with_rows = {max(one.start for one in found if one.start <= at) for at in table["position"].to_pylist()}
        assert sound == len(with_rows) + sum(counts.without_results.values()), content
        assert errors or found or not content.strip(b"\r\n\x0b\x1c"), content
        taken += table.num_rows
    assert taken > TRIES


def test_lis2_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0
    for number, content in enumerate(tries(LIS2_SEEDS)):
        monkeypatch.setattr(lis2, "BLOCK", 1 << 20 if number % 3 else number % 50 + 1)
        reading = lis2._reading([("bytes", lambda content=content: BytesIO(content))], "collect")
        table = reading.read_all()
        table.validate(full=True)
        errors, counts = reading.errors.to_pylist(), reading.counts
        if b"\x02" in content:
            continue
        records = (
            [(one.start(), one[0]) for one in re.finditer(rb"[^\r\n\x04\x05\x06\x15]+", content)]
            if is_plain(content)
            else None
        )
        if records is None:
            continue
        starts = [at for at, text in records if re.match(rb"H(?![A-Za-z0-9])", text)]
        assert counts.messages == len(starts), content
        bounds = [*starts, len(content) + 1]
        places = [error["position"] for error in errors if error["reason"] not in ("no_header", "empty")]
        wanted = []
        for start, stop in pairwise(bounds):
            ended = next((at for at, text in records if start <= at < stop and text.startswith(b"L")), stop)
            if not any(start <= place < stop for place in places):
                wanted += [at for at, text in records if start <= at < ended and text.startswith(b"R")]
        assert table["position"].to_pylist() == wanted, content
        assert counts.refused == len(places), content
        taken += table.num_rows
    assert taken > TRIES // 4


def is_plain(content: bytes) -> bool:
    """Bytes that end a line only where a line begins are left to other tests."""
    return not re.search(rb"[^\r\n][\x05\x06\x15]|[\x04\x05\x06\x15]|^\xef\xbb\xbf", content)


def frame(number: int, text: bytes, end: bytes) -> bytes:
    body = b"%d%b%b" % (number % 8, text, end)
    return b"\x02%b%02X\r\n" % (body, sum(body) & 0xFF)


def test_damaged_frames_make_no_row_that_was_not_sent() -> None:
    random_ = random.Random(SEED)
    text = LIS2_SEEDS[0].encode()
    sent = {tuple(row.items()) for row in bare(text)}
    for _ in range(TRIES // 3):
        size = random_.choice((1, 5, 60, 1000))
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        content = b"".join(frame(k, one, b"\x03" if k == len(pieces) else b"\x17") for k, one in enumerate(pieces, 1))
        at = random_.randrange(len(content))
        changed = content[:at] + random_.choice((b"", bytes([random_.randrange(256)]))) + content[at + 1 :]
        table, errors = lis2.parse(changed, errors="collect")
        got = [tuple(row.items()) for row in table.drop_columns(["source", "position"]).to_pylist()]
        assert set(got) <= sent, changed
        assert len(got) == 2 or errors.num_rows, changed


def bare(content: bytes) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = lis2.parse(content).drop_columns(["source", "position"]).to_pylist()
    return rows


def test_bytes_of_any_kind() -> None:
    random_ = random.Random(SEED)
    for alphabet in (bytes(range(256)), b"MSHOBX|^~\\&\r\n\x0b\x1c", b"HRL|\\^&\r\x02\x03\x17" + b"0123456789ABCDEF"):
        content = bytes(random_.choices(alphabet, k=100_000))
        for reader in (hl7v2, lis2):
            table, errors = reader.parse(content, errors="collect")
            table.validate(full=True)
            assert errors.num_rows > 0
