"""Conversion between two units that were read: dimensions, factors and offsets by pint.

pint never sees a text that anybody wrote, since it reads `units` as micronit, `PG` as petagauss and `'` as a minute of
time, drops the 100 of `100.mg`, and has values of its own for `g%`, `[Cal]` and inches of mercury. Its registry starts
empty and is given our atoms alone, under names that mean nothing; a quantity is built from a unit's number and atoms.
Numbers are fractions throughout, so a factor is exact until it is rounded once, and the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from threading import RLock
from typing import Any

from .ucum import Atom, Unit, atoms, parse

_LOCK = RLock()
"""pint fills caches while it answers."""


@cache
def _names() -> dict[str, str]:
    return {code: f"ucum_{number}" for number, code in enumerate(atoms())}


def _ratio(value: Fraction) -> str:
    """A fraction as pint reads it exactly: the point makes it a Fraction, where two ints would make a float."""
    return f"{value.numerator}.0 / {value.denominator}"


def _definition(atom: Atom) -> str:
    name = _names()[atom.code]
    if atom.kind in ("base", "scale"):
        return f"{name} = [kind_{name}]"
    unit = parse(atom.unit)
    powers = "".join(f" * {_names()[code]} ** {power}" for code, power in unit.atoms)
    if not powers:
        return f"{name} = {_ratio(atom.value * unit.factor)} = _"
    offset = f"; offset: {_ratio(atom.offset)}" if atom.kind == "affine" else ""
    return f"{name} = {_ratio(atom.value * unit.factor)}{powers}{offset}"


@cache
def _registry() -> Any:
    import pint  # a tenth of a second that nobody pays who converts nothing

    registry: Any = pint.UnitRegistry(None, non_int_type=Fraction)
    for atom in atoms().values():
        registry.define(_definition(atom))
    return registry


def _container(unit: Unit) -> Any:
    return _registry().UnitsContainer({_names()[code]: power for code, power in unit.atoms})


def _kinds(unit: Unit) -> dict[str, int]:
    """The powers of the kinds of quantity that the unit measures."""
    return dict(_registry().get_dimensionality(_container(unit)))


def kinds(unit: Unit) -> tuple[tuple[str, int], ...]:
    """The kind of quantity that a unit measures: base units and their powers, the positive ones first."""
    codes = {f"[kind_{name}]": code for code, name in _names().items()}
    with _LOCK:
        found = {codes[name]: power for name, power in _kinds(unit).items()}
    return tuple(sorted(found.items(), key=lambda item: (item[1] < 0, item[0])))


def _times(unit: Unit, bridge: Unit, power: int) -> Unit:
    powers = dict(unit.atoms)
    for code, of_bridge in bridge.atoms:
        powers[code] = powers.get(code, 0) + power * of_bridge
    kept = tuple(sorted((code, total) for code, total in powers.items() if total))
    return Unit(unit.factor * bridge.factor**power, kept, unit.mentions, unit.notes)


def convert(source: Unit, target: Unit, bridges: Sequence[Unit] = ()) -> tuple[Fraction, Fraction] | None:
    """(scale, offset) with value_in_target = value_in_source * scale + offset; None where none leads there.

    A bridge is a quantity that is one for the substance at hand (its molar mass in g/mol, its valence in eq/mol); each
    is taken once, upwards or downwards, as few as will do.
    """
    if not (source.sound and target.sound):
        return None
    with _LOCK:
        wanted = _kinds(target)
        for powers in sorted(product((0, 1, -1), repeat=len(bridges)), key=lambda chosen: sum(map(abs, chosen))):
            bridged = source
            for bridge, power in zip(bridges, powers, strict=True):
                bridged = _times(bridged, bridge, power) if power else bridged
            if _kinds(bridged) == wanted:
                return _line(bridged, target)
    return None


def _line(source: Unit, target: Unit) -> tuple[Fraction, Fraction]:
    """Two points give the line; pint does each. The units' own numbers are ours to apply: pint would drop them."""

    def at(value: int) -> Fraction:
        quantity = _registry().Quantity(value * source.factor, _container(source))
        return Fraction(quantity.to(_container(target)).magnitude) / target.factor

    offset = at(0) if source.special or target.special else Fraction(0)
    return at(1) - offset, offset
