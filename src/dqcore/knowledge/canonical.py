"""The one way of writing that a scheme has for an identifier, right or wrong, so that two ways of writing are equal."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .. import compute as pc
from ..arrays import numbers
from .scheme import Scheme, lengths_of


@dataclass(frozen=True)
class Canonical:
    """Gives texts without the scheme's separators, their letters in its case, filled with zeros in front where it fills
    up. A text is not judged: one that is no identifier stays another than those that are.

    >>> Canonical(Scheme("99999999", separators="-", pad=10))(pa.array(["12-345678", "123", None])).to_pylist()
    ['0012345678', '123', None]
    """

    scheme: Scheme

    def __call__(self, array: pa.Array) -> pa.Array:
        scheme = self.scheme
        array = array.cast(pa.large_string())
        if scheme.separators:
            array = pc.replace_substring_regex(array, f"[{re.escape(scheme.separators)}]", "")
        if scheme.case:
            array = pc.ascii_upper(array) if scheme.case == "upper" else pc.ascii_lower(array)
        if scheme.pad:
            fits = pc.is_in(pc.binary_length(array), numbers(np.array(sorted(lengths_of(scheme)))))
            array = pc.if_else(fits, pc.utf8_lpad(array, scheme.pad, "0"), array)
        return array
