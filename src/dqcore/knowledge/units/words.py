"""A unit of UCUM in words, and the name of the kind of quantity that it measures."""

from __future__ import annotations

import re
from functools import cache

from .pint_engine import kinds
from .ucum import SYMBOL, Unit, atoms, parse, split_symbol

_NAMES = {
    "Y": "yotta", "Z": "zetta", "E": "exa", "P": "peta", "T": "tera", "G": "giga", "M": "mega", "k": "kilo",
    "h": "hecto", "da": "deca", "d": "deci", "c": "centi", "m": "milli", "u": "micro", "n": "nano", "p": "pico",
    "f": "femto", "a": "atto", "z": "zepto", "y": "yocto", "Ki": "kibi", "Mi": "mebi", "Gi": "gibi", "Ti": "tebi",
}  # fmt: skip
"""Prefixes: SI brochure 9, table 7; IEC 80000-13."""

_TOKEN = re.compile(
    r"(?P<note>\{[^}]*\})|(?P<ten>10[*^])(?P<of_ten>[+-]?[0-9]+)?|(?P<mark>[./()])"
    rf"|(?P<symbol>{SYMBOL})(?P<power>[+-]?[0-9]+)?|(?P<number>[0-9]+)"
)


def words(text: str) -> str:
    """A unit of UCUM in words.

    >>> words("10*3/uL"), words("mL/min/{1.73_m2}"), words("K/uL"), words("kg/m2"), words("u[IU]/mL")
    ('10^3 per microlitre', 'millilitre per minute per (1.73 m2)', 'kelvin per microlitre', 'kilogram per square metre', 'micro-international unit per millilitre')
    """
    told = " ".join(filter(None, map(_token, _TOKEN.finditer(text))))
    return told.replace("( ", "(").replace(" )", ")")


def _token(token: re.Match[str]) -> str:
    if token["note"]:
        note = token["note"][1:-1].replace("_", " ").strip()
        return f"({note})" if note else ""
    if token["ten"]:
        return f"10^{(token['of_ten'] or '1').lstrip('+')}"
    if token["mark"]:
        times = "times" if token.string[token.end() : token.end() + 1].isdigit() else ""
        return {"/": "per", ".": times}.get(token["mark"], token["mark"])
    if token["symbol"]:
        return _raised(_name(token["symbol"]), int(token["power"] or 1))
    return token["number"]


def _name(symbol: str) -> str:
    prefix, atom = split_symbol(symbol)
    name = atoms()[atom].name
    if not prefix:
        return name
    return _NAMES[prefix] + (name if " " not in name or " of " in name else f"-{name}")


def _raised(name: str, power: int) -> str:
    named = {1: name, 2: f"square {name}", 3: f"cubic {name}"}
    return named.get(power, f"{name}^{power}")


_KINDS = {
    "1": "number or ratio", "/L": "number concentration", "g/L": "mass concentration",
    "mol/L": "amount concentration", "eq/L": "concentration of charges", "osm/L": "osmolarity",
    "osm/kg": "osmolality", "mol/kg": "molality", "U/L": "catalytic concentration", "U": "catalytic activity",
    "U/g": "catalytic content", "[IU]/L": "concentration of international units", "[IU]": "international units",
    "g": "mass", "mol": "amount of substance", "eq": "charges", "osm": "osmoles", "m": "length", "m2": "area",
    "L": "volume", "s": "time", "K": "temperature", "Pa": "pressure", "L/s": "volume rate", "g/s": "mass rate",
    "mol/s": "catalytic activity", "/s": "rate", "m/s": "speed", "kg/m2": "mass per area", "[pH]": "pH",
    "/[HPF]": "number per microscope field", "g/mol": "mass per amount", "mol/g": "amount per mass", "V": "voltage",
    "J": "energy", "W": "power", "L/g": "volume per mass", "L/s/m2": "volume rate per area", "Hz": "rate",
    "Pa.s": "viscosity", "1/m": "dioptres", "rad": "angle",
}  # fmt: skip


@cache
def _kind_names() -> dict[tuple[tuple[str, int], ...], str]:
    return {kinds(parse(text)): name for text, name in reversed(_KINDS.items())}


def kind(unit: Unit) -> str:
    """The kind of quantity that a unit measures: its usual name, else the base units' powers as UCUM writes them.

    >>> kind(parse("mg/dL")), kind(parse("K/uL"))
    ('mass concentration', 'K.m-3')
    """
    if unit.ratio_of_amounts:
        return "ratio of amounts"
    measured = kinds(unit)
    return _kind_names().get(measured) or ".".join(f"{code}{'' if power == 1 else power}" for code, power in measured)
