"""Errors: their messages can be read, and nothing of what was found is lost."""

import pickle
from pathlib import Path

import pytest

import dqcore as dq
from dqcore.cli import main
from dqcore.errors import MOST_SHOWN

PROBLEMS = tuple(f"rule {number}: wrong" for number in range(5_000))


def test_a_message_shows_the_first_problems_and_counts_the_rest() -> None:
    error = dq.RuleError(*PROBLEMS)
    lines = str(error).splitlines()
    assert lines[:-1] == list(PROBLEMS[:MOST_SHOWN])
    assert lines[-1] == f"and {5_000 - MOST_SHOWN:,} more; .errors has all of them"
    assert error.errors == PROBLEMS
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.errors) == (str(error), error.errors)


def test_few_problems_are_all_shown() -> None:
    for count in (1, 2, MOST_SHOWN):
        assert str(dq.RuleError(*PROBLEMS[:count])) == "\n".join(PROBLEMS[:count])
    assert len(str(dq.RuleError(*PROBLEMS[: MOST_SHOWN + 1])).splitlines()) == MOST_SHOWN + 1


def test_a_rule_file_with_thousands_of_problems(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rules = "".join(f"- {{kind: not_nul, columns: [c{number}]}}\n" for number in range(5_000))
    path = tmp_path / "rules.yaml"
    path.write_text(f"rules:\n{rules}")
    with pytest.raises(dq.RuleError) as caught:
        dq.load_rules(path)
    assert len(caught.value.errors) == 5_000
    assert len(str(caught.value).splitlines()) == MOST_SHOWN + 1
    # The command line tells all of them.
    assert main(["validate", "nothing.csv", "--rules", str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 5_000
