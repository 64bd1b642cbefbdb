"""The catalogue that `dqcore rules` prints: every rule and every identifier scheme, from their own declarations."""

from __future__ import annotations

import inspect

from .report.terminal import aligned
from .rulefiles import packs
from .rules.base import COMMON, Rule, parameters
from .rules.kinds import KINDS


def rules_text() -> str:
    """A paragraph a rule: its signature, what it checks, its reasons; and the packs of rules."""
    told = [_rule_text(rule) for rule in KINDS.values()]
    common = ", ".join(f"{name}={value!r}" for name, value in COMMON.items())
    named = ", ".join(f"pack:{name}" for name in packs())
    return "\n\n".join([*told, f"Every rule: {common}", f"Packs of rules: {named}"])


def _rule_text(rule: type[Rule]) -> str:
    own = [item.replace(annotation=inspect.Parameter.empty) for item in parameters(rule).values()]
    does = (inspect.getdoc(rule) or "").partition("\n\n")[0].replace("\n", " ")
    lines = [
        f"{rule.__name__}({', '.join(map(str, own))})",
        f"  kind: {rule.kind()}   shape: {rule.shape}",
        f"  {does}",
        f"  reasons: {', '.join(rule.reasons)}",
    ]
    return "\n".join(lines)


def schemes_text() -> str:
    """A line a scheme: its name, country, rule, example and source."""
    from .knowledge.schemes import SCHEMES  # who asks for the rules waits for none of them

    lines = [
        [name, scheme.country or "", scheme.rule, scheme.example, scheme.source] for name, scheme in SCHEMES.items()
    ]
    return aligned(("scheme", "country", "rule", "example", "source"), lines)
