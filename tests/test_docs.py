"""The documentation: its examples run and print what they say, its rule files load, a rule's page names all of the rule.

A page's blocks share one namespace, in order, in a folder that holds the tables of `dqcore demo`. The word after the
fence says what a block is: `python` is run (as a doctest where it has `>>>`), `yaml` is a whole rule file and is loaded.
What cannot run is `python no-run` or `yaml fragment`, where every reader sees it; `python ray` and the like need what is not
installed everywhere, and are run by test_other_engines.py where it is.
"""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import dqcore as dq
from dqcore.demo.run import make
from dqcore.outputs import write_table
from dqcore.rules.kinds import KINDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
RUN = {"python", "yaml"}
SHOWN = {"", "text", "python no-run", "yaml fragment", "python ray", "python daft", "python dask"}
MOST_NOT_RUN = 3


class Block(NamedTuple):
    info: str
    text: str
    line: int
    """How many lines of the page come before the text."""


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page; ValueError where a fence is not closed."""
    opened: int | None = None
    lines = page.splitlines()
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("```"):
            continue
        if opened is None:
            opened = number
        else:
            yield Block(lines[opened].lstrip()[3:].strip(), "\n".join([*lines[opened + 1 : number], ""]), opened + 1)
            opened = None
    if opened is not None:
        raise ValueError(f"the fence of line {opened + 1} is not closed")


def run_python(block: Block, page: Path, names: dict[str, Any]) -> None:
    """Runs a block in the page's namespace; AssertionError with doctest's account where it prints something else."""
    if ">>>" not in block.text:
        exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
        return
    example = doctest.DocTestParser().get_doctest(block.text, names, page.name, str(page), block.line)
    names.clear()  # get_doctest copied them
    names.update(example.globs)
    example.globs = names
    told: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=told.append, clear_globs=False)
    assert not failed, "".join(told)


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    for name, table in make(2_000, seed=1)[0].items():
        write_table(table, folder / f"{name}.parquet")
    return folder


def names_of(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


@pytest.mark.parametrize("page", PAGES, ids=names_of(PAGES))
def test_examples_run(page: Path, demo_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in demo_files.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page.read_text()):
        if block.info == "python":
            run_python(block, page, names)
        elif block.info == "yaml":
            (tmp_path / "rules.yaml").write_text(block.text)
            rules = dq.load_rules(tmp_path / "rules.yaml")
            assert dq.RuleSet.from_dict(rules.to_dict()) == rules


def test_every_block_says_what_it_is() -> None:
    found = [(page.name, block) for page in PAGES for block in blocks(page.read_text())]
    assert found
    assert {(name, block.info) for name, block in found if block.info not in RUN | SHOWN} == set()
    assert [(name, block.line) for name, block in found if block.info not in RUN and ">>>" in block.text] == []
    assert sum(block.info in {"python no-run", "yaml fragment"} for _, block in found) <= MOST_NOT_RUN


def spans(page: str) -> list[str]:
    """What the page sets as code within its prose and tables."""
    for block in blocks(page):
        page = page.replace(block.text, "")
    return re.findall(r"`([^`]+)`", page.replace("```", ""))


def signature(rule: type[Any]) -> str:
    """The rule's call as its page writes it: positional columns, the rest with their defaults."""
    parameters = [
        one for one in inspect.signature(rule.__init__).parameters.values() if one.kind is not one.VAR_KEYWORD
    ]
    told = []
    for one in parameters[1:]:
        stars = "*" if one.kind is one.VAR_POSITIONAL else ""
        default = "" if one.default is one.empty else f"={one.default!r}".replace("'", '"')
        told.append(f"{stars}{one.name}{default}")
    return f"{rule.__name__}({', '.join(told)})"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_page_names_all_of_its_rule(kind: str) -> None:
    rule = KINDS[kind]
    code = spans((ROOT / "docs" / "rules" / f"{kind}.md").read_text())
    call = signature(rule)
    assert any(span.removeprefix("dq.") == call for span in code), f"the page does not show {call}"
    words = {word for span in code if span.removeprefix("dq.") != call for word in re.findall(r"\w+", span)}
    parameters = {name for name in inspect.signature(rule.__init__).parameters if name not in ("self", "common")}
    assert parameters - words == set(), "parameters that the page does not explain"
    assert {reason for reason in rule.reasons if not set(re.findall(r"\w+", reason)) <= words} == set()


class TestCollector:
    """What must not slip through."""

    def run(self, text: str) -> None:
        for block in blocks(text):
            run_python(block, Path("page.md"), {})

    def test_a_wrong_answer_fails(self) -> None:
        with pytest.raises(AssertionError, match="Expected"):
            self.run("```python\n>>> 1 + 1\n3\n```\n")

    def test_an_error_in_a_plain_block_fails(self) -> None:
        with pytest.raises(NameError):
            self.run("```python\nnobody\n```\n")

    def test_an_open_fence_fails(self) -> None:
        with pytest.raises(ValueError, match="line 2"):
            self.run("text\n```python\n>>> 1\n1\n")

    def test_blocks_share_names_in_order(self) -> None:
        names: dict[str, Any] = {}
        for block in blocks("```python\n>>> a = 1\n```\n\n```python\nb = a + 1\n```\n\n```python\n>>> b\n2\n```\n"):
            run_python(block, Path("page.md"), names)
        assert names["b"] == 2
