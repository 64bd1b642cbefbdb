"""Something that is made ahead of whoever takes it, on a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")

PAUSE = 0.05
"""Seconds after which whoever waits looks whether anybody still is there."""


def ahead(source: Iterator[T], most: int = 2) -> Iterator[T]:
    """What `source` gives, in order, `most` of it made before it is asked for. Its error is raised where it would have
    been; when nobody takes any more, the thread ends."""
    made: Queue[tuple[bool, Any]] = Queue(most)
    left = Event()

    def put(item: tuple[bool, Any]) -> None:
        while not left.is_set():
            try:
                return made.put(item, timeout=PAUSE)
            except Full:
                continue

    def work() -> None:
        try:
            for item in source:
                put((True, item))
                if left.is_set():
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    worker = Thread(target=work, name="dqcore-ahead")
    worker.start()
    try:
        while True:
            try:
                goes_on, item = made.get(timeout=PAUSE)
            except Empty:
                continue
            if not goes_on:
                if item is not None:
                    raise item
                return
            yield item
    finally:
        left.set()
        worker.join()
