"""Progress: asked for, it tells of every row; else it is silent."""

import io
import threading

import pyarrow as pa
import pytest

import dqcore as dq
from dqcore.progress import Line

ROWS = 300_000
TABLE = pa.table({"id": pa.array(range(ROWS))})
RULES = dq.RuleSet([dq.NotNull("id"), dq.Range("id", min=0)])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("threads", [1, 2])
def test_a_function_is_told_how_many_rows_are_done(threads: int) -> None:
    told: list[int] = []
    callers = set()

    def progress(rows_done: int) -> None:
        told.append(rows_done)
        callers.add(threading.current_thread())

    report = RULES.validate(TABLE, threads=threads, progress=progress)
    assert report.passed
    assert told == sorted(set(told))
    assert len(told) > 1
    assert told[-1] == ROWS
    assert callers == {threading.current_thread()}


def test_a_prepared_validator_tells_too() -> None:
    told: list[int] = []
    RULES.prepare(TABLE.schema).validate(TABLE.slice(0, 7), progress=told.append)
    assert told == [7]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_the_function_is_not_swallowed(threads: int) -> None:
    def progress(rows_done: int) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        RULES.validate(TABLE, threads=threads, progress=progress)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_a_rule_surfaces_as_it_is(threads: int) -> None:
    def fails(ids: pa.Array) -> pa.Array:
        raise KeyError

    rules = dq.RuleSet([dq.Check(fails, "id")])
    with pytest.raises(dq.RuleError):
        rules.validate(TABLE, threads=threads, progress=lambda rows_done: None)


def test_a_line_on_standard_error_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    RULES.validate(TABLE)
    assert capsys.readouterr() == ("", "")
    RULES.validate(TABLE, progress=True)
    out, told = capsys.readouterr()
    assert out == ""
    assert told.startswith("300,000 of 300,000 rows, 2 rules, ")
    assert told.endswith(" s\n")


def test_the_answer_is_the_same() -> None:
    assert RULES.validate(TABLE, progress=True).to_dict() == RULES.validate(TABLE).to_dict()


@pytest.mark.parametrize("wrong", [None, 1, "yes"])
def test_what_is_neither_true_nor_a_function_is_an_error(wrong: object) -> None:
    with pytest.raises(dq.RuleError, match="progress is"):
        RULES.validate(TABLE, progress=wrong)  # type: ignore[arg-type]


def test_a_terminal_is_written_a_few_times_a_second_over_one_line() -> None:
    now = iter(number / 100 for number in range(1_000))
    stream = Terminal()
    line = Line(100_000, 9, stream, lambda: next(now))
    for _ in range(100):
        line(1_000)
    line.finish()
    line.leave()
    told = stream.getvalue().split("\r")
    assert told[0] == ""
    assert told[-1].startswith("100,000 of 100,000 rows, 9 rules, ")
    assert told[-1].endswith(" s\n")
    assert 2 <= len(told) - 1 <= 6
    assert "\n" not in "".join(told[:-1])


def test_a_file_is_not_filled_with_lines() -> None:
    now = iter(range(1_000))
    stream = io.StringIO()
    line = Line(100_000, 9, stream, lambda: float(next(now)))
    for _ in range(25):
        line(1_000)
    line.leave()
    assert len(stream.getvalue().splitlines()) == 2
    assert "\r" not in stream.getvalue()


def test_a_stream_that_is_closed_loses_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.isatty = lambda: False  # type: ignore[method-assign]
    closed.close()
    for stream in (closed, None):
        monkeypatch.setattr("sys.stderr", stream)
        assert RULES.validate(TABLE, progress=True).passed
