"""Arrow types without their encodings: what a column means, however it is laid out."""

from __future__ import annotations

import pyarrow as pa


def logical(type_: pa.DataType) -> pa.DataType:
    """The type that a column of `type_` means: dictionaries, run-end encodings, extension types and the several
    layouts of text and bytes fall away.

    >>> logical(pa.dictionary(pa.int32(), pa.large_string()))
    DataType(string)
    """
    while True:
        if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
            type_ = type_.value_type
        elif isinstance(type_, pa.BaseExtensionType):
            type_ = type_.storage_type
        else:
            break
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return pa.string()
    if pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_):
        return pa.binary()
    return type_


def is_text(type_: pa.DataType) -> bool:
    return pa.types.is_string(logical(type_))


def is_number(type_: pa.DataType) -> bool:
    type_ = logical(type_)
    return pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)


def is_time(type_: pa.DataType) -> bool:
    type_ = logical(type_)
    return pa.types.is_date(type_) or pa.types.is_timestamp(type_)


def reads_as(type_: pa.DataType) -> str | None:
    """As what text from CSV is read that is compared with a column of this type: a `number`, a `time`, or None, as text."""
    return "number" if is_number(type_) else "time" if is_time(type_) else None


def can_be_key(type_: pa.DataType) -> bool:
    """Whether rows can be grouped by values of this type: each value has one form, and it is not nested."""
    type_ = logical(type_)
    is_time = pa.types.is_temporal(type_) and not pa.types.is_interval(type_)
    is_plain = pa.types.is_boolean(type_) or pa.types.is_fixed_size_binary(type_)
    return bool(is_text(type_) or is_number(type_) or is_time or is_plain)


def has_zone(type_: pa.DataType) -> bool:
    """Whether times of this type say what instant they mean; dates never do."""
    type_ = logical(type_)
    return pa.types.is_timestamp(type_) and type_.tz is not None


def fits(bound: pa.DataType, given: pa.DataType) -> bool:
    """Whether a column of type `given` may stand where rules were prepared for `bound`: the same meaning in any
    encoding, integers of one signedness in any width, or nothing but nulls."""
    bound, given = logical(bound), logical(given)
    if given == bound or pa.types.is_null(given):
        return True
    return any(same(bound) and same(given) for same in (pa.types.is_signed_integer, pa.types.is_unsigned_integer))
