"""The demo finds exactly what was planted; the command line tells how it went."""

from __future__ import annotations

from pathlib import Path

import pytest

from dqcore.cli import main


def test_demo_finds_what_was_planted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", str(tmp_path / "demo"), "--rows", "40000", "--seed", "7"]) == 0
    told = capsys.readouterr().out
    assert "DIFFERS" not in told
    assert told.count("agrees") > 40
    assert main(["verify", str(tmp_path / "demo" / "report.json")]) == 0


def test_exit_statuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules, data = tmp_path / "rules.yaml", tmp_path / "data.csv"
    rules.write_text("rules:\n- {kind: range, column: a, min: 0}\n")
    for content, status in (("a\n1\n", 0), ("a\n-1\n", 1), ("b\n1\n", 3), ("a\nx\n", 3)):
        data.write_text(content)
        assert main(["validate", str(data), "--rules", str(rules)]) == status
    data.write_text("a\n-1\n")
    assert main(["validate", str(data), "--rules", str(rules), "--pilot"]) == 0
    rules.write_text("rules:\n- {kind: range, column: a, mni: 0}\n")
    assert main(["validate", str(data), "--rules", str(rules)]) == 2
    assert "did you mean 'min'" in capsys.readouterr().err
    assert main(["rules"]) == main(["rules", "--schemes"]) == main(["rules", "--schema"]) == 0
