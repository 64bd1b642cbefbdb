"""Identifier: a value is well formed for its scheme, its check digit is right, and it may belong to somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import compute as pc
from .._native.columns import Column
from .._native.identifiers import Identifies
from ..arrays import numbers, quoting, texts
from ..binding import Binding
from ..errors import DataError
from ..knowledge.scheme import Scheme, known_scheme, program_of, scheme_of
from ..logical import is_number
from ..morsel import Cells, Codes
from ..steps import Steps
from .base import CellCheck, Common, Finding, ValueRule, column_name, switch

REASONS = ("bad_character", "bad_length", "bad_format", "bad_check_digit", "reserved")


class Identifier(ValueRule):
    """Every value of a text column is an identifier of the scheme.

    `scheme` is the name of a shipped scheme, a `dq.Scheme`, or the mapping that such a scheme is in a rule file. Usual
    separators are taken out first. A value fails with the first of: `bad_character` (one that the scheme does not
    have; control characters, full-width digits and the like always), `bad_length`, `bad_format`, `bad_check_digit`,
    `reserved` (a constant such as 0000000000, a test range). A null is skipped; the empty text is a `bad_length`.

    `into` is a new text column with the canonical form: separators out, letters in the scheme's case, zeros in front
    where the scheme fills up.

    `allow_reserved` lets reserved values pass: test numbers are what a test feed is made of.

    `details` is a row with the `scheme`, the rows `evaluated` and `passed`, the `passed_share`, and the `chance_share`:
    of random texts of the scheme's pattern so many would pass (null for a pattern that RE2 must match). A column whose
    rows pass no oftener holds no such identifiers.

    Raises `RuleError` for a scheme that is not known or does not hold together, `DataError` for a column that is not
    text: a number has lost its leading zeros.

    >>> import dqcore as dq, pyarrow as pa
    >>> rule = dq.Identifier("patient_id", scheme="nhs_number", into="nhs")
    >>> report = dq.RuleSet([rule]).validate(pa.table({"patient_id": ["943 476 5919", "9434765918", None]}))
    >>> report.failures()["reason"].to_pylist(), report.table()["nhs"].to_pylist()
    (['bad_check_digit'], ['9434765919', None, None])
    """

    reasons = REASONS

    column: str
    scheme: str | Scheme
    into: str | None
    allow_reserved: bool

    def __init__(
        self,
        column: str,
        scheme: str | Scheme | Mapping[str, Any],
        into: str | None = None,
        allow_reserved: bool = False,
        **common: Unpack[Common],
    ) -> None:
        self._set(
            common,
            column=column_name(column, "column"),
            scheme=known_scheme(scheme),
            into=None if into is None else column_name(into, "into"),
            allow_reserved=switch(allow_reserved, "allow_reserved"),
        )

    def bind(self, binding: Binding) -> IdentifierCheck:
        type_ = binding.type_of(self.column)
        if is_number(type_):
            raise DataError(
                f"rule {self.id!r}: column {self.column!r} holds {type_}; numbers lose the leading zeros of "
                "identifiers: read the column as text"
            )
        binding.text(self.column)
        if self.into is not None:
            binding.writes(self.into, pa.string())
        return IdentifierCheck(self)


class IdentifierCheck(CellCheck):
    rule: Identifier

    def __init__(self, rule: Identifier) -> None:
        super().__init__(rule, [Finding(reason, rule.column) for reason in REASONS], rule.column)
        self.scheme = scheme_of(rule.scheme)
        if rule.allow_reserved:
            self.scheme = replace(self.scheme, reserved=(), constants=False)
        self.program = program_of(self.scheme)
        self.by_regex = self.scheme.shape is None
        self.into = rule.into
        self.writes = () if rule.into is None else (rule.into,)

    def queue(self, steps: Steps) -> int | None:
        cells = steps.plain(self.column)
        if cells is None or self.by_regex or self.into is not None:
            return None
        return steps.add(Identifies(self.program, cells.column))

    def cells(self, cells: Cells, codes: Codes) -> Mapping[str, pa.Array] | None:
        try:
            return self._cells(cells.column, codes)
        except OverflowError as error:
            raise DataError(f"rule {self.rule.id!r}: {error}; give the column in smaller chunks") from None

    def _cells(self, column: Column, codes: Codes) -> Mapping[str, pa.Array] | None:
        forms = self._forms(column, codes) if self.by_regex else None
        if self.into is None:
            self.program.judge(column, codes, forms)
            return None
        return {self.into: _texts(*self.program.texts(column, codes, forms))}

    def details(self, evaluated: int, failed: int, noted: Any = None) -> pa.Table:
        from ..knowledge.chance import chance  # takes 30 ms, for who asks

        name = self.rule.scheme if isinstance(self.rule.scheme, str) else self.scheme.pattern
        passed, expected = evaluated - failed, chance(self.scheme)
        made = {
            "scheme": texts([name]),
            "evaluated": numbers(np.array([evaluated])),
            "passed": numbers(np.array([passed])),
            "passed_share": numbers(np.array([passed / max(evaluated, 1)]), np.array([evaluated > 0])),
            "chance_share": numbers(np.array([expected or 0.0]), np.array([expected is not None])),
        }
        # A column of the data may have one of these names; none of its values stands here.
        return quoting([(name, array, None) for name, array in made.items()])

    def _forms(self, column: Column, codes: Codes) -> NDArray[np.uint8]:
        """Where the pattern matches the text without separators, for values whose characters and length are right."""
        texts = _texts(*self.program.texts(column, codes, early=True))
        matches = pc.match_substring_regex(texts, self.scheme.regex)
        return np.asarray(matches.cast(pa.uint8()))


def _texts(offsets: NDArray[np.int32], data: NDArray[np.uint8]) -> pa.Array:
    """Texts from their offsets and bytes; where a value failed the text is empty, and the caller makes it null."""
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))
