"""Slips: how a date or a name that was typed by hand differs from itself.

A date: day and month exchanged, one digit wrong, or two neighbouring digits exchanged. A name: another case, other
accents, blanks or punctuation, and one edit (a letter more, less, other, or two neighbouring ones exchanged) in names of
four letters and more; and given and family name exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import compute as pc
from ._native.edits import distance

SHORTEST = 4
"""Names of fewer letters must be equal: one edit makes Li of Lu."""
NO_DATE = -1
WRITTEN = r"\A(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})\z"
_PLACES = 10 ** np.arange(8, dtype=np.int64)

Flags = NDArray[np.bool_]
Dates = NDArray[np.int64]


def dates(array: pa.Array) -> Dates:
    """Dates as the number that their eight digits make, 19800102; a text that is neither `1980-01-02` nor `19800102` is
    `NO_DATE`."""
    if pa.types.is_date(array.type):
        days = np.asarray(array.cast(pa.date32()).cast(pa.int32()).fill_null(0)).astype("datetime64[D]")
        years, months = days.astype("datetime64[Y]"), days.astype("datetime64[M]")
        month, day = (
            (months - years.astype(months.dtype)).astype(np.int64),
            (days - months.astype(days.dtype)).astype(np.int64),
        )
        return np.asarray((years.astype(np.int64) + 1970) * 10_000 + (month + 1) * 100 + day + 1)
    array = array.cast(pa.large_string())
    digits = pc.replace_substring(array, "-", "")
    read = pc.if_else(pc.match_substring_regex(array, WRITTEN), digits, str(NO_DATE)).cast(pa.int64())
    return np.asarray(read.fill_null(NO_DATE))


def same_date(ours: Dates, theirs: Dates) -> Flags:
    """Whether two dates are one, but for a slip."""
    equal = (ours == theirs) & (ours != NO_DATE)
    eight = (np.minimum(ours, theirs) >= 1_000_00_00) & (np.maximum(ours, theirs) <= 9999_99_99)
    exchanged = (
        (ours // 10_000 == theirs // 10_000) & (ours % 100 == theirs // 100 % 100) & (ours // 100 % 100 == theirs % 100)
    )
    mine, other = (side[:, None] // _PLACES % 10 for side in (ours, theirs))
    differs = mine != other
    count = differs.sum(axis=1)
    swapped = (differs[:, :-1] & (mine[:, :-1] == other[:, 1:]) & (mine[:, 1:] == other[:, :-1])).any(axis=1)
    return np.asarray(equal | (eight & (exchanged | (count == 1) | ((count == 2) & swapped))))


def letters(array: pa.Array) -> pa.Array:
    """Names as they are compared: small letters and digits alone, without accents; a name without any is null."""
    plain = pc.utf8_lower(pc.utf8_normalize(array.cast(pa.large_string()), form="NFKD"))
    plain = pc.replace_substring_regex(plain, r"[^\pL\pN]", "")
    return pc.if_else(pc.equal(pc.binary_length(plain), 0), None, plain)


def same_name(ours: Sequence[str], theirs: Sequence[str]) -> Flags:
    """Whether two names, as `letters` gives them, are one, but for a slip."""
    return np.array([a == b or _one_edit(a, b) for a, b in zip(ours, theirs, strict=True)], bool)


def _one_edit(a: str, b: str) -> bool:
    return min(len(a), len(b)) >= SHORTEST and distance(a, b, 1) <= 1
