"""HL7 v2 messages of twenty results: as a table, and as the libraries `hl7` and `hl7apy` parse them, in one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dqcore.sources import hl7v2, lis2

RESULTS = 20
HEAD = (
    "MSH|^~\\&|LAB|HOSP|EHR|HOSP|20240229235959.1234+0100||ORU^R01^ORU_R01|MSG{0:08d}|P|2.5.1|||AL|NE||{1}",
    "PID|1||MRN{0:08d}^^^HOSP^MR~999-99-0001^^^SSA^SS||DOE^JANE^Q||19800229|F|||1 TEST ST^^TOWN^ST^00000||(555)555-0100",
    "PV1|1|I|W^101^A",
    "ORC|RE|ORD{0}|FIL{0}",
    "OBR|1|ORD{0}|FIL{0}|2345-7^Glucose^LN|||20240229230000|||||||||||||||20240229235500|||F",
)
OBX = "OBX|{0}|NM|2345-7^Glucose^LN||105.{0}|mg/dL^^UCUM|70-99|H|||F|||20240229233000|||||20240229233500"
RECORD = "R|{0}|^^^GLU|105.{0}|mg/dL|70 to 99|H||F||||20240229233500|XN550-1"


def feed(messages: int, charset: str = "UNICODE UTF-8") -> bytes:
    body = [OBX.format(place) for place in range(1, RESULTS + 1)]
    lines = [line for number in range(messages) for line in (*(part.format(number, charset) for part in HEAD), *body)]
    return "".join(f"{line}\r" for line in lines).encode()


def analyser(messages: int) -> bytes:
    body = [RECORD.format(place) for place in range(1, RESULTS + 1)]
    lines = [line for number in range(messages) for line in ("H|\\^&", "P|1", f"O|1|S{number}", *body, "L|1|N")]
    return "".join(f"{line}\r" for line in lines).encode()


def measure(benchmark: Any, read: Callable[[], Any], messages: int) -> None:
    benchmark.extra_info["messages"] = messages
    benchmark.extra_info["results"] = messages * RESULTS
    benchmark.pedantic(read, rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("charset", ["UNICODE UTF-8", "8859/1"])
def test_hl7v2(benchmark: Any, request: pytest.FixtureRequest, charset: str) -> None:
    messages = request.config.getoption("--rows") // RESULTS
    content = feed(messages, charset)
    assert hl7v2.parse(content).num_rows == messages * RESULTS
    measure(benchmark, lambda: hl7v2.parse(content), messages)


def test_lis2(benchmark: Any) -> None:
    content = analyser(2_000)
    measure(benchmark, lambda: lis2.parse(content), 2_000)


def test_library_hl7(benchmark: Any) -> None:
    library = pytest.importorskip("hl7")
    texts = [feed(1).decode()] * 100
    measure(benchmark, lambda: [library.parse(text) for text in texts], len(texts))


def test_library_hl7apy(benchmark: Any) -> None:
    parser = pytest.importorskip("hl7apy.parser")
    texts = [feed(1).decode()] * 3
    measure(benchmark, lambda: [parser.parse_message(text) for text in texts], len(texts))
