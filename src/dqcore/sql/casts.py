"""CAST, written or implied: which there are, and how each is done.

`exactly` does those that every value survives; the node `Cast` does also those that a value may not: such a row
fails, it is never null in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from .. import compute as pc
from .._native import timestamps as _timestamps
from .._native.columns import Column
from ..arrays import scalar
from ..zones import Zone
from . import arrays
from .arrays import call
from .kinds import INT64_MAX, INT64_MIN, WIDEST, Kind
from .plan import Active, Node, Rows, Values, nanoseconds, settled

DAY = 86_400_000_000
INTEGER_TEXT = r"\A[+-]?[0-9]+\z"
NUMBER_TEXT = r"\A[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\z"

CERTAIN = {
    ("boolean", "integer"),
    ("integer", "double"), ("unsigned", "double"), ("decimal", "double"),
    ("integer", "decimal"), ("unsigned", "decimal"), ("decimal", "decimal"),
    ("boolean", "text"), ("integer", "text"), ("unsigned", "text"), ("decimal", "text"), ("double", "text"),
    ("time", "time"),
}  # fmt: skip
"""From what to what every value can be cast. Integers and decimals become the nearest double."""
UNCERTAIN = {
    ("double", "integer"), ("unsigned", "integer"), ("decimal", "integer"),
    ("text", "integer"), ("text", "double"), ("text", "boolean"), ("text", "time"),
}  # fmt: skip
"""From what to what a value may fail to be cast. To integers a fraction is cut off, save from text."""


def exactly(array: Any, given: Kind, wanted: Kind) -> Any:
    """A certain cast, of an array or a scalar."""
    if given.name == "null":
        return scalar(None, wanted.arrow) if isinstance(array, pa.Scalar) else pa.nulls(len(array), wanted.arrow)
    if given.name == "time":
        if wanted.fine == given.fine:
            return array
        return arrays.numbers(nanoseconds(arrays.raw(array)), arrays.valid(array))
    if given.name == "decimal" and wanted.name == "double":
        # By way of text, whose digits are read to the nearest double; Arrow's own cast may miss it.
        array = pc.cast(array, pa.string())
    if array.type == wanted.arrow:
        return array
    return pc.cast(array, wanted.arrow, safe=wanted.name != "double")


@dataclass(frozen=True, eq=False)
class Cast(Node):
    """The operand as `kind`. `zone` is the rule set's; `message` is for a value that cannot be cast."""

    operand: Node
    zone: Zone | None
    message: str

    def operands(self) -> tuple[Node, ...]:
        return (self.operand,)

    @property
    def may_fail(self) -> bool:  # type: ignore[override]
        return (self.operand.kind.name, self.kind.name) in UNCERTAIN

    def compute(self, rows: Rows, active: Active) -> Values:
        operand = self.operand.run(rows, active)
        array = operand.array
        if not self.may_fail:
            return settled(exactly(array, self.operand.kind, self.kind), (operand,))
        made, converted = self._converted(array)
        failed = call("and_not", call("is_valid", array), arrays.booleans(converted))
        if failed.true_count:
            rows.fail(failed, active, self.message)
        return settled(made, (operand,))

    def _converted(self, array: pa.Array) -> tuple[pa.Array, Any]:
        """The values, null where they cannot be cast, and a flag a row: whether it could."""
        given, wanted = self.operand.kind.name, self.kind.name
        if given == "text" and wanted == "time":
            values, converted = _times(array, self.kind.zoned, self.zone)
            if self.kind.date:
                values = midnight(values, self.zone)
            values = nanoseconds(values) if self.kind.fine else values
            return arrays.numbers(values, converted), converted
        how = {
            ("double", "integer"): _double_integers,
            ("unsigned", "integer"): _unsigned_integers,
            ("decimal", "integer"): _decimal_integers,
            ("text", "integer"): _text_integers,
            ("text", "double"): _text_doubles,
            ("text", "boolean"): _text_booleans,
        }[given, wanted]
        return how(array)


@dataclass(frozen=True, eq=False)
class Day(Node):
    """The midnight that begins the day of a time, on the clock of the rule set's zone."""

    operand: Node
    zone: Zone | None

    def operands(self) -> tuple[Node, ...]:
        return (self.operand,)

    def compute(self, rows: Rows, active: Active) -> Values:
        operand = self.operand.run(rows, active)
        array = operand.array
        values = arrays.raw(array)
        if self.operand.kind.fine:
            # What is held at the ends of nanoseconds is later, or earlier, than every day that they tell.
            held = (values == INT64_MAX) | (values == INT64_MIN)
            values = np.where(held, values, values // 1000)
        return settled(arrays.numbers(midnight(values, self.zone), arrays.valid(array)), (operand,))


def midnight(values: Any, zone: Zone | None) -> Any:
    """The midnights before times in microseconds; what is held at the ends of int64 stays there."""
    most = INT64_MAX - 2 * DAY
    held = (values > most) | (values < -most)
    inside = np.where(held, 0, values)
    wall = inside if zone is None else zone.to_wall(inside)
    days = wall // DAY * DAY
    return np.where(held, values, days if zone is None else zone.to_utc(days))


def _times(array: pa.Array, zoned: bool, zone: Zone | None) -> tuple[Any, Any]:
    """ISO 8601 texts, as Timestamp reads them, of a day at least. Without an offset they are of the zone's clock, and
    must be on it; without a zone all have an offset (`zoned`) or none has."""
    wall, offset, precision = _timestamps.read(Column(array), "iso8601")
    read = (precision != 0) & (precision != _timestamps.UNREADABLE)
    read &= precision >= _timestamps.PRECISIONS.index("day")
    own = offset != _timestamps.NO_OFFSET
    utc = wall - np.where(own, offset, 0).astype(np.int64) * 60_000_000
    if zone is None:
        return utc, read & (own == zoned)
    has_time = precision > _timestamps.PRECISIONS.index("day")
    never = zone.doubtful(wall)[1] & has_time
    return np.where(own, utc, zone.to_utc(wall)), read & (own | ~never)


def _double_integers(array: pa.Array) -> tuple[pa.Array, Any]:
    cut = np.trunc(arrays.raw(array))
    inside = (cut >= -(2.0**63)) & (cut < 2.0**63) & arrays.valid(array).view(np.bool_)
    return arrays.numbers(np.where(inside, cut, 0).astype(np.int64), inside), inside


def _unsigned_integers(array: pa.Array) -> tuple[pa.Array, Any]:
    values = arrays.raw(array)
    inside = (values <= np.uint64(INT64_MAX)) & arrays.valid(array).view(np.bool_)
    return arrays.numbers(np.where(inside, values, np.uint64(0)).astype(np.int64), inside), inside


def _decimal_integers(array: pa.Array) -> tuple[pa.Array, Any]:
    wide = pc.cast(array, pa.decimal256(WIDEST, array.type.scale))
    whole = pc.cast(wide, pa.decimal256(WIDEST, 0), safe=False)
    ends = [pc.cast(scalar(end), whole.type) for end in (INT64_MIN, INT64_MAX)]
    inside = call("and", call("greater_equal", whole, ends[0]), call("less_equal", whole, ends[1]))
    return _kept(arrays.filled(inside), whole, partial(pc.cast, target_type=pa.int64()))


def _text_integers(array: pa.Array) -> tuple[pa.Array, Any]:
    looks = arrays.filled(pc.match_substring_regex(array, INTEGER_TEXT))
    plain = pc.replace_substring_regex(array, r"\A\+?(-?)0*([0-9])", r"\1\2")
    # 18 digits always fit; longer ones are few, and Python reads them whatever their length.
    short = call("and", looks, arrays.filled(call("less_equal", call("utf8_length", plain), scalar(18))))
    made, fits = _kept(short, plain, partial(pc.cast, target_type=pa.int64()))
    long = call("and_not", looks, short)
    if not long.true_count:
        return made, fits
    read = [int(text) if len(text) <= 20 else None for text in plain.filter(long).to_pylist()]
    read = [value if value is not None and INT64_MIN <= value <= INT64_MAX else None for value in read]
    made = pc.replace_with_mask(made, long, pa.array(read, pa.int64()))
    return made, arrays.valid(made).view(np.bool_)


def _text_doubles(array: pa.Array) -> tuple[pa.Array, Any]:
    looks = arrays.filled(pc.match_substring_regex(array, NUMBER_TEXT))
    plain = pc.replace_substring_regex(array, r"\A\+", "")
    made, _ = _kept(looks, plain, partial(pc.cast, target_type=pa.float64()))
    finite = arrays.filled(call("is_finite", made))
    return call("if_else", finite, made, scalar(None, pa.float64())), arrays.flags(finite)


def _text_booleans(array: pa.Array) -> tuple[pa.Array, Any]:
    lower = call("utf8_lower", array)
    true = call("equal", lower, scalar("true"))
    known = arrays.filled(call("or", true, call("equal", lower, scalar("false"))))
    return call("if_else", known, true, scalar(None, pa.bool_())), arrays.flags(known)


def _kept(known: pa.BooleanArray, array: pa.Array, cast: Any) -> tuple[pa.Array, Any]:
    """The cast of the known rows, null in the others; and a flag a row."""
    return cast(call("if_else", known, array, scalar(None, array.type))), arrays.flags(known)
