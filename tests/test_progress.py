"""Progress: asked for, it tells of every row; else it is silent."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dqcore as dq
from dqcore.cli import main
from dqcore.progress import Shown, ticking
from dqcore.progress_text import Phase

ROWS = 300_000
TABLE = pa.table({"id": pa.array(range(ROWS))})
RULES = dq.RuleSet([dq.NotNull("id"), dq.Range("id", min=0)])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def after(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal as most are, 100 columns wide, whatever the tests run on."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(params=["bar", "line"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both forms of a terminal's progress: with rich, and where it is not installed."""
    if request.param == "bar":
        pytest.importorskip("rich")
    else:
        without_rich(monkeypatch)
    return str(request.param)


def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dqcore.progress_bar", raising=False)
    for name in [*(name for name in sys.modules if name.partition(".")[0] == "rich"), "rich"]:
        monkeypatch.setitem(sys.modules, name, None)


def on_screen(written: str) -> list[str]:
    """The lines of a terminal after what was written to it: what is written over is gone."""
    lines, at, place = [""], 0, 0
    for part in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|[^\x1b]", written):
        if part == "\r":
            place = 0
        elif part == "\n":
            at, place = at + 1, 0
            lines += [""] * (at == len(lines))
        elif part == "\x1b[2K":
            lines[at] = ""
        elif part == "\x1b[1A":
            at -= 1
        elif not part.startswith("\x1b"):
            line = lines[at].ljust(place)
            lines[at], place = line[:place] + part + line[place + 1 :], place + 1
        else:
            assert re.fullmatch(r"\x1b\[(\?25[hl]|[\d;]*m)", part), part
    return [line.rstrip() for line in lines]


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
    assert " rows/s, " in told
    assert told.endswith(" s\n")


def test_the_answer_is_the_same() -> None:
    assert RULES.validate(TABLE, progress=True).to_dict() == RULES.validate(TABLE).to_dict()


@pytest.mark.parametrize("wrong", [None, 1, "yes"])
def test_what_is_neither_true_nor_a_function_is_an_error(wrong: object) -> None:
    with pytest.raises(dq.RuleError, match="progress is"):
        RULES.validate(TABLE, progress=wrong)  # type: ignore[arg-type]


def test_text_of_a_phase() -> None:
    assert Phase("", "", 4_000_000, 9, 0.0, 1_000_000).text(2.0) == (
        "1,000,000 of 4,000,000 rows, 9 rules, 500,000 rows/s, 6 s left, 2.0 s"
    )
    assert Phase("lab", "writing", None, 1, 0.0, 50).text(0.5) == "lab: writing: 50 rows, 1 rule, 100 rows/s, 0.5 s"
    assert Phase("", "", None, 2, 0.0, 4_960_000).text(2.0) == "4,960,000 rows, 2 rules, 2.5M rows/s, 2.0 s"
    assert Phase("lab", "", None, 2, 0.0).text(0.0) == "lab: 2 rules, 0.0 s"
    assert Phase("", "judging keys", 10, 2, 0.0, 0).text(3.0) == "judging keys: 0 of 10 rows, 2 rules, 3.0 s"
    assert Phase("", "", 10, 2, 0.0, 10).text(0.0) == "10 of 10 rows, 2 rules, 0.0 s"
    assert Phase("", "", 100, 2, 0.0, 99).text(59.9).endswith(" 1 s left, 59.9 s")
    assert Phase("", "", 7_200, 2, 0.0, 60).counts(60.0) == "60 of 7,200 rows, 1 rows/s, 1:59:00 left, 1:00"
    assert Phase("", "", 100, 2, 0.0, 50).text(125.0, ended=True) == "50 of 100 rows, 2 rules, 0 rows/s, 2:05"
    assert Phase("a\x1b[31m\n", "", None, 2, 0.0).label == r"a\x1b[31m\n"


def test_a_terminal_is_written_a_few_times_a_second_over_one_line(form: str) -> None:
    stream, clock = Terminal(), Clock()
    writes: list[str] = []
    stream.write = lambda text: writes.append(text) or len(text)  # type: ignore[method-assign, func-returns-value]
    with Shown(0, stream, clock) as shown:
        shown.begin(100_000, 9, "lab")
        for _ in range(100):
            clock.after(1 / 128)
            shown(1_000)
            lines = on_screen("".join(writes))
            assert len(lines) == 1
        assert lines[0].startswith("lab")
        assert "96,000 of 100,000 rows" in lines[0]
        assert lines[0].endswith("128,000 rows/s, 1 s left, 0.8 s")
        assert ("\u2501" in lines[0]) == (form == "bar")
    assert on_screen("".join(writes)) == ["lab: 100,000 of 100,000 rows, 9 rules, 128,000 rows/s, 0.8 s", ""]
    shows = [text for text in writes if re.search("\\d rows,", text)]
    assert 2 <= len(shows) <= 6


def test_a_stream_of_unknown_length(form: str) -> None:
    stream, clock = Terminal(), Clock()
    with Shown(0, stream, clock) as shown:
        shown.begin(None, 2, None)
        clock.after(2)
        shown(1_000)
        (line,) = on_screen(stream.getvalue())
        assert line.endswith("500 rows/s, 2.0 s")
        assert "1,000 rows, " in line
        assert " of " not in line
        assert " left" not in line
    assert on_screen(stream.getvalue()) == ["1,000 rows, 2 rules, 500 rows/s, 2.0 s", ""]


def test_phases_leave_a_line_each(form: str) -> None:
    stream, clock = Terminal(), Clock()
    with Shown(0, stream, clock) as shown:
        shown.begin(1_000, 2, "lab")
        shown.phase("checking", 1_000)
        clock.after(2)
        shown(1_000)
        shown.phase("judging keys", None)
        lines = on_screen(stream.getvalue())
        assert lines[0] == "lab: checking: 1,000 of 1,000 rows, 2 rules, 500 rows/s, 2.0 s"
        assert lines[1].startswith("lab: judging keys")
        assert lines[1].endswith(" 0.0 s")
        clock.after(1)
        shown.phase("writing", 1_000)
        clock.after(0.1)
        shown(500)
    assert on_screen(stream.getvalue()) == [
        "lab: checking: 1,000 of 1,000 rows, 2 rules, 500 rows/s, 2.0 s",
        "lab: judging keys: 2 rules, 1.0 s",
        "lab: writing: 500 of 1,000 rows, 2 rules, 5,000 rows/s, 0.1 s",
        "",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupt_leaves_how_far_the_run_came(form: str, error: type[BaseException]) -> None:
    stream, clock = Terminal(), Clock()

    def interrupted() -> None:
        with Shown(0, stream, clock) as shown:
            shown.begin(1_000, 2, None)
            clock.after(1)
            shown(500)
            raise error

    with pytest.raises(error):
        interrupted()
    assert on_screen(stream.getvalue()) == ["500 of 1,000 rows, 2 rules, 500 rows/s, 1.0 s", ""]
    # The cursor is there, and colours are not.
    assert "\x1b[?25h" in stream.getvalue().rpartition("\x1b[?25l")[2] or form == "line"
    assert not stream.getvalue().endswith("m")


def test_an_error_before_anything_was_shown_leaves_nothing(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr("dqcore.progress.ON_TERMINAL", 3_600.0)
    rules = dq.RuleSet([dq.Check(lambda ids: 1 / 0, "id")])
    with pytest.raises(dq.RuleError):
        rules.validate(TABLE, progress=True)
    assert stream.getvalue() == ""


def test_nothing_flashes_for_quick_runs(form: str) -> None:
    stream, clock = Terminal(), Clock()
    with Shown(0.5, stream, clock) as shown:
        shown.begin(1_000, 2, "lab")
        for _ in range(4):
            clock.after(0.1)
            shown(250)
        shown.phase("writing", 10)
    assert stream.getvalue() == ""
    with Shown(0.5, stream, clock) as shown:
        shown.begin(1_000, 2, "lab")
        clock.after(0.5)
        shown(1_000)
        assert "1,000 of 1,000 rows" in on_screen(stream.getvalue())[0]


def test_a_quick_run_imports_no_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    without_rich(monkeypatch)
    monkeypatch.setattr("dqcore.progress._drawn", None)
    stream, clock = Terminal(), Clock()
    with Shown(0, stream, clock) as shown:
        shown.begin(10, 2, None)
        clock.after(0.2)
        shown(10)
    assert stream.getvalue() == "10 of 10 rows, 2 rules, 50 rows/s, 0.2 s\n"


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_narrow_terminals(form: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("dqcore.progress_text.Screen.columns", lambda self: columns)
    stream, clock = Terminal(), Clock()
    with Shown(0, stream, clock) as shown:
        shown.begin(1_000_000, 2, "a name [red]that is [/red] long" * 2)
        for _ in range(3):
            clock.after(1)
            shown(100_000)
            (line,) = on_screen(stream.getvalue())
            assert 10 < len(line) <= columns
        assert line.startswith("a name [red]that is [/red] long"[: max(0, columns - 68) if columns < 200 else None])


def test_where_there_is_little_room_the_phase_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "80")
    stream, clock = Terminal(), Clock()
    with Shown(0, stream, clock) as shown:
        shown.begin(1_000_000, 2, "a name that is long " * 5)
        shown.phase("checking", 1_000_000)
        clock.after(1)
        shown(100_000)
        assert re.fullmatch(
            "checking \u2501[\u2501\u2578\u257a]+ 100,000 of .*, 1.0 s", on_screen(stream.getvalue())[0]
        )


def test_a_line_that_grew_shorter_leaves_nothing_of_the_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    without_rich(monkeypatch)
    stream, clock = Terminal(), Clock()
    with Shown(0, stream, clock) as shown:
        shown.begin(1_001, 2, None)
        clock.after(60)
        shown(1)
        assert on_screen(stream.getvalue()) == ["1 of 1,001 rows, 2 rules, 0 rows/s, 16:40:00 left, 1:00"]
        clock.after(1)
        shown(999)
        assert on_screen(stream.getvalue()) == ["1,000 of 1,001 rows, 2 rules, 16 rows/s, 1 s left, 1:01"]


def test_no_colour_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("NO_COLOR", "1")
    stream, clock = Terminal(), Clock()
    with Shown(0, stream, clock) as shown:
        shown.begin(1_000, 2, None)
        clock.after(1)
        shown(500)
    assert "\u2501" in stream.getvalue()
    assert not re.search(r"\x1b\[[\d;]*m", stream.getvalue())


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_log_and_a_dumb_terminal_get_a_line_every_ten_seconds(
    stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb" if stream is Terminal else "xterm")
    log, clock = stream(), Clock()
    with Shown(0, log, clock) as shown:
        shown.begin(100_000, 9, None)
        for _ in range(25):
            clock.after(1)
            shown(1_000)
        shown.phase("writing", 10)
    assert log.getvalue().splitlines() == [
        "10,000 of 100,000 rows, 9 rules, 1,000 rows/s, 1:30 left, 10.0 s",
        "20,000 of 100,000 rows, 9 rules, 1,000 rows/s, 1:20 left, 20.0 s",
        "25,000 of 100,000 rows, 9 rules, 1,000 rows/s, 25.0 s",
        "writing: 0 of 10 rows, 9 rules, 0.0 s",
    ]


@pytest.mark.parametrize("what", [{"TTY_COMPATIBLE": "0"}, {"TTY_INTERACTIVE": "0"}])
def test_what_rich_would_not_draw_is_a_line(what: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    for name, value in what.items():
        monkeypatch.setenv(name, value)
    stream, clock = Terminal(), Clock()
    with Shown(0, stream, clock) as shown:
        shown.begin(1_000, 2, None)
        clock.after(1)
        shown(500)
        assert len(on_screen(stream.getvalue())) == 1
    assert on_screen(stream.getvalue()) == ["500 of 1,000 rows, 2 rules, 500 rows/s, 1.0 s", ""]


@pytest.mark.parametrize("error", [BrokenPipeError, OSError, ValueError])
@pytest.mark.parametrize("fails_at", range(1, 8))
def test_a_terminal_that_goes_away_loses_no_run(form: str, error: type[Exception], fails_at: int) -> None:
    writes: list[str] = []

    class Gone(Terminal):
        def write(self, text: str) -> int:
            writes.append(text)
            if len(writes) >= fails_at:
                raise error
            return len(text)

    clock = Clock()
    with Shown(0, Gone(), clock) as shown:
        shown.begin(1_000, 2, None)
        for _ in range(4):
            clock.after(1)
            shown(250)
        shown.phase("writing", None)
    # It is not tried again.
    assert len(writes) <= fails_at


def test_a_terminal_that_cannot_spell_it(form: str) -> None:
    class Ascii(Terminal):
        encoding = "ascii"

        def write(self, text: str) -> int:
            text.encode("ascii")
            return super().write(text)

    stream, clock = Ascii(), Clock()
    with Shown(0, stream, clock) as shown:
        shown.begin(1_000, 2, "Blutbild Z\u00fcrich")
        clock.after(1)
        shown(500)
    assert on_screen(stream.getvalue())[-2] == (r"Blutbild Z\xfcrich: 500 of 1,000 rows, 2 rules, 500 rows/s, 1.0 s")


def test_a_stream_that_is_closed_loses_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (closed, None):
        monkeypatch.setattr("sys.stderr", stream)
        assert RULES.validate(TABLE, progress=True).passed


def test_a_function_is_told_of_rows_once_whatever_the_phases() -> None:
    told: list[int] = []
    with ticking(told.append, 10, 2) as tick:
        assert tick is not None
        tick.phase("checking", 10)
        tick(4)
        tick(6)
        tick.phase("writing", 10)
        tick(10)
    assert told == [4, 10]


def test_progress_that_is_given_stays_open_for_more() -> None:
    log, clock = io.StringIO(), Clock()
    with Shown(0, log, clock) as shown:
        assert RULES.with_settings(name="lab").validate(TABLE, progress=shown).passed
        clock.after(1)
        shown.phase("writing", None)
        clock.after(1)
        shown(7)
    assert log.getvalue().splitlines() == [
        "lab: 300,000 of 300,000 rows, 2 rules, 300,000 rows/s, 1.0 s",
        "lab: writing: 7 rows, 2 rules, 7 rows/s, 1.0 s",
    ]


def test_no_value_of_a_cell_is_told(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr("dqcore.progress.ON_TERMINAL", 0.0)
    table = pa.table({"id": pa.array(["SECRET"] * ROWS)})
    assert not dq.RuleSet([dq.OneOf("id", ["other"])], name="lab").validate(table, progress=True).passed
    assert "lab" in stream.getvalue()
    assert "SECRET" not in stream.getvalue()


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """The command line over 300,000 rows that pass."""
    pq.write_table(TABLE, tmp_path / "data.parquet")
    (tmp_path / "rules.yaml").write_text(dq.RuleSet(RULES.rules, name="lab").to_yaml())
    return ["validate", str(tmp_path / "data.parquet"), "--rules", str(tmp_path / "rules.yaml")]


def test_the_command_line_is_silent_in_logs(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    assert capsys.readouterr().err == ""
    assert main([*command, "--progress"]) == 0
    out, told = capsys.readouterr()
    assert re.fullmatch(r"lab: 300,000 of 300,000 rows, 2 rules, [\d.,]+M? rows/s, \d+\.\d s\n", told)
    assert out.startswith("lab: passed\n")


def test_the_command_line_on_a_terminal(
    form: str, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dqcore.commands.LONG", 0.0)
    monkeypatch.setattr("dqcore.progress.ON_TERMINAL", 0.0)
    for asked, lines in (([], 2), (["-q"], 1), (["--quiet"], 1), (["--progress"], 2)):
        stream = Terminal()
        monkeypatch.setattr("sys.stderr", stream)
        assert main([*command, *asked]) == 0
        assert len(on_screen(stream.getvalue())) == lines
    assert capsys.readouterr().out.count("lab: passed\n") == 4
    # A run that is short for who looks on.
    monkeypatch.setattr("dqcore.commands.LONG", 3_600.0)
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    assert main(command) == 0
    assert stream.getvalue() == ""


def test_the_command_line_does_not_take_both(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--progress", "-q"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


SHORT_PAUSE = "import dqcore.progress as p, sys; p.ON_TERMINAL = 0.0; from dqcore.cli import main; sys.exit(main())"
INTERRUPTED = """
import sys
import dqcore.progress as shown
from dqcore.cli import main

shown.ON_TERMINAL = 0.0
tell = shown.Shown.__call__

def tell_and_interrupt(self, rows):
    tell(self, rows)
    raise KeyboardInterrupt

shown.Shown.__call__ = tell_and_interrupt
sys.exit(main())
"""


def on_a_terminal(code: list[str]) -> tuple[int, str, str]:
    """The exit status of a Python whose standard error is a terminal, what it wrote there, and on standard output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with subprocess.Popen([sys.executable, *code], stdout=subprocess.PIPE, stderr=theirs, text=True) as run:
        os.close(theirs)
        written = b""
        try:
            while part := os.read(ours, 65_536):
                written += part
        except OSError:  # Linux says so of a terminal that nobody has open
            pass
        os.close(ours)
        out, _ = run.communicate(timeout=120)
    return run.returncode, written.decode(), out


def test_a_true_terminal(command: list[str]) -> None:
    pytest.importorskip("rich")
    status, written, out = on_a_terminal(["-c", SHORT_PAUSE, *command, "--progress"])
    assert status == 0
    assert "\u2501" in written
    assert "\x1b" not in out
    assert out.startswith("lab: passed\n")
    line, rest = on_screen(written)
    assert re.fullmatch(r"lab: 300,000 of 300,000 rows, 2 rules, [\d.,]+M? rows/s, \d+\.\d s", line)
    assert rest == ""


def test_an_interrupt_on_a_true_terminal(command: list[str]) -> None:
    status, written, out = on_a_terminal(["-c", INTERRUPTED, *command, "--progress"])
    assert (status, out) == (130, "")
    line, said, rest = on_screen(written)
    assert re.fullmatch(r"lab: [\d,]+ of 300,000 rows, 2 rules, [\d.,]+M? rows/s, \d+\.\d s", line)
    assert said == "dqcore: interrupted; nothing was written under a final name"
    assert rest == ""


def test_data_read_a_piece_at_a_time_of_which_nobody_knows_the_length(capsys: pytest.CaptureFixture[str]) -> None:
    rows = 3_000_000  # more than a fourth of the memory
    reader = pa.RecordBatchReader.from_batches(TABLE.schema, iter(pa.table({"id": range(rows)}).to_batches(50_000)))
    assert RULES.validate(reader, progress=True, memory="64MiB").passed
    assert re.fullmatch(r"checking: 3,000,000 rows, 2 rules, [\d.,]+M? rows/s, \d+\.\d s\n", capsys.readouterr().err)
