"""One JSON text, strictly: RFC 8259 without what it lets readers choose, and numbers as they were written."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

from .elements import Malformed

DEEPEST = 64
"""How many objects and arrays may hold one another."""
# One that is never closed reaches to the end, or each quote in it would be tried.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_OTHERS = bytes(set(range(256)) - set(b"{}[]"))
_STEPS = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_BOM = b"\xef\xbb\xbf"


def parse(content: bytes) -> Any:
    """What a text holds: dicts, lists, strings, booleans and None; numbers as their text, `6.30` and not 6.3.

    `Malformed`, with line and column and without a value, for what is no JSON, not UTF-8, nested deeper than 64, for a
    name that stands twice in one object, NaN, infinity, and half of a surrogate pair."""
    content = content.removeprefix(_BOM)
    if content.count(b"{") + content.count(b"[") > DEEPEST:
        brackets = _STRING.sub(b"", content).translate(None, _OTHERS)
        if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > DEEPEST:
            raise Malformed(f"the JSON nests deeper than {DEEPEST}", "too_deep")
    try:
        found = _DECODER.decode(content.decode())
        if b"\\u" in content:
            json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        # The decoder's words name what it waited for, and quote nothing.
        what = error.msg.removesuffix(" at")
        hint = "; a file with a resource a line is named .ndjson" if what == "Extra data" else ""
        raise Malformed(f"no JSON: {what} at line {error.lineno}, column {error.colno}{hint}", "json") from None
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at its byte {error.start}", "utf8") from None
    except UnicodeEncodeError:
        raise Malformed("a text holds half of a surrogate pair", "utf8") from None
    except RecursionError:
        raise Malformed("the JSON nests deeper than this process can follow", "too_deep") from None
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Malformed("an object has one name twice", "json")
    return made


def _refuse(constant: str) -> None:
    raise Malformed("a number is NaN or infinite, which is no JSON", "json")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_refuse)
