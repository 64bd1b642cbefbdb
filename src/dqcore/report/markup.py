"""HTML from Python: text is escaped where it enters an element, and nowhere else."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is HTML already. Only `element` and `joined` make it of anything that came from data."""

    __slots__ = ()


VOID = frozenset({"rect"})


def element(tag: str, *children: str, **attributes: str) -> Markup:
    """An element; children that are not `Markup` are escaped, attribute values always. `class_` is `class`.

    >>> element("td", "<b>", class_="quiet")
    '<td class="quiet">&lt;b&gt;</td>'
    """
    told = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items() if value)
    return Markup(f"<{tag}{told}/>" if tag in VOID else f"<{tag}{told}>{joined(*children)}</{tag}>")


def joined(*parts: str) -> Markup:
    """The parts one after the other, escaped where they are not `Markup`."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))
