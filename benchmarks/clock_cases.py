"""The table of docs/rules/clock_skew.md: simulated devices whose clocks are wrong in a known way, and what ClockSkew tells.

`PYTHONPATH=src:tests python -m benchmarks.clock_cases [--write]` prints the table, or writes it into the page. The cases, how
they are drawn and what is measured are in tests/oracle/clocks.py; all is drawn from seeds, so the figures come again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from oracle.clocks import CASES, Measured, measure

PAGE = Path(__file__).parents[1] / "docs" / "rules" / "clock_skew.md"
HEADS = (
    "clock",
    "cut right, of 20",
    "offset, s: median, 95 %",
    "drift, ppm",
    "step, min",
    "within `uncertainty_s`",
    "rows off",
    "false failures",
    "false passes",
    "skipped",
)


def _number(value: float, digits: int) -> str:
    return "none near" if value == float("inf") else f"{value:,.{digits}f}"


def line(name: str, m: Measured, steps: bool) -> str:
    cells = [
        name,
        f"{m.cut_right}",
        f"{_number(m.offset_error, 3)}, {_number(m.offset_95, 2)}",
        _number(m.drift_error, 2),
        _number(m.step_error / 60, 0) if steps else "",
        f"{m.covered:.0%}",
        *(f"{rows:,}" for rows in (m.wrong, m.false_failures, m.false_passes, m.skipped)),
    ]
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    lines = ["| " + " | ".join(HEADS) + " |", "|---" * len(HEADS) + "|"]
    lines += [line(name, measure(device), len(device.pieces) > 1) for name, device in CASES.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    made = table()
    if not parser.parse_args().write:
        print(made)
        return
    page = PAGE.read_text(encoding="utf-8")
    start = page.index(f"| {HEADS[0]} | {HEADS[1]} |")
    end = page.index("\n\n", start)
    PAGE.write_text(page[:start] + made + page[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
