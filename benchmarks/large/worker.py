"""One job in a process of its own: runs it, then says what it took and what was found, as a line of JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.memory import status

from .jobs import JOBS


def main() -> None:
    name, path, small, threads, folder, memory = sys.argv[1:]
    # Brings in whatever is imported late.
    JOBS[name](Path(small), int(threads), Path(folder), memory)
    before = status("VmRSS")
    start = time.perf_counter()
    answers = JOBS[name](Path(path), int(threads), Path(folder), memory)
    seconds, peak = time.perf_counter() - start, status("VmHWM")
    print(json.dumps({"seconds": seconds, "before": before, "peak": peak, "found": answers()}))


if __name__ == "__main__":
    main()
