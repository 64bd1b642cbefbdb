"""Ctrl-C ends a long run at once, with nothing left running, and the next run is as good as any."""

import signal
import subprocess
import sys

import pytest

AFTER = """
import time

for thread in set(threading.enumerate()) - {threading.main_thread()}:
    # The interrupt may have come while a thread was being started: it starts a little later, or never.
    for _ in range(100):
        try:
            thread.join(10)
        except RuntimeError:
            time.sleep(0.01)
        else:
            assert not thread.is_alive(), thread
            break
report = dq.RuleSet([dq.NotNull("x"), dq.Unique("x")]).validate(pa.table({"x": range(200_000)}), threads=2)
assert report.passed
print("ended", flush=True)
"""

BY_A_WORKER = """
import os, signal, sys, threading
import pyarrow as pa
import dqcore as dq

came, calls = threading.Event(), []

def handler(number, frame):
    came.set()
    signal.default_int_handler(number, frame)

def slow(values):
    calls.append(1)
    if len(calls) == 1:
        os.kill(os.getpid(), signal.SIGINT)
    assert came.wait(60)
    return pa.array([True] * len(values))

signal.signal(signal.SIGINT, handler)
piece = pa.array([0] * 65_536, pa.int8())
table = pa.table({"x": pa.chunked_array([piece] * 4_000)})
tick = (lambda rows: None) if sys.argv[1] == "told" else False
try:
    dq.RuleSet([dq.Check(slow, "x")]).validate(table, threads=2, progress=tick)
    print("ran to its end")
except KeyboardInterrupt:
    pass
signal.signal(signal.SIGINT, signal.default_int_handler)
assert 1 <= len(calls) < 4_000, len(calls)
"""

IN_KERNELS = """
import sys, threading
import pyarrow as pa
import dqcore as dq

# One piece many times over: many rows, and little memory.
piece = pa.array(range(65_536))
table = pa.table({"x": pa.chunked_array([piece] * 20_000)})
done = []

def tick(rows):
    done.append(rows)
    if len(done) == 1:
        print("running", flush=True)

try:
    dq.RuleSet([dq.Range("x", min=0), dq.OneOf("x", list(range(1000)))]).validate(table, threads=2, progress=tick)
    print("ran to its end")
except KeyboardInterrupt:
    pass
assert 1 <= len(done) < 20_000
"""


@pytest.mark.parametrize("told", ["told", "untold"])
def test_an_interrupt_while_threads_work(told: str) -> None:
    code = [sys.executable, "-c", BY_A_WORKER + AFTER, told]
    ran = subprocess.run(code, capture_output=True, text=True, timeout=120)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("ended\n", "", 0)


def test_an_interrupt_from_outside_while_kernels_run() -> None:
    code = [sys.executable, "-c", IN_KERNELS + AFTER]
    with subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "running\n"
        run.send_signal(signal.SIGINT)
        told, errors = run.communicate(timeout=120)
    assert (told, errors, run.returncode) == ("ended\n", "", 0)
