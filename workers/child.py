"""A task's own process: reads its job from standard input, tells how it goes on standard output.

It ends with its parent: when standard input closes, it stops where it is.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from workers.work import Claim

BEAT_SECONDS = 0.5
"""A process that is not stopped and not stuck says so at least this often."""
_STDIN = 0


class Job(msgspec.Struct, frozen=True):
    """What the child is told; `settings` has the URLs of the sources with their passwords."""

    claim: Claim
    settings: dict[str, Any]
    database_url: str
    scratch: str


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of what the child tells: a beat, a step, or how it ended."""

    step: tuple[str, int, int] | None = None
    done: bool = False
    code: str | None = None
    error: str = ""
    retryable: bool = False


class Reporter:
    """Writes reports as lines, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def tell(self, report: Report) -> None:
        """Write one report; a parent that is gone is noticed elsewhere."""
        with self._lock:
            os.write(self._descriptor, msgspec.json.encode(report) + b"\n")

    def step(self, name: str, done: int, total: int) -> None:
        """Tell how far the task is."""
        self.tell(Report(step=(name, done, total)))

    def keep_beating(self) -> None:
        """Tell that the process lives, until it does not."""
        pause = threading.Event()
        while True:
            self.tell(Report())
            pause.wait(BEAT_SECONDS)


Run = Callable[[Job, Reporter], Coroutine[Any, Any, Report]]


def main(run: Run | None = None) -> None:
    """Run one task.

    Args:
        run: what runs it; `workers.tasks.run.run_job` if not given.
    """
    channel = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no report
    reporter = Reporter(channel)
    job = msgspec.json.decode(_read_line(), type=Job)
    tempfile.tempdir = job.scratch  # swept by the worker, however this process ends
    for watch in (_end_with_parent, reporter.keep_beating):
        threading.Thread(target=watch, daemon=True).start()
    reporter.tell(asyncio.run((run or _import_run())(job, reporter)))
    os._exit(0)  # all is said; the engine would end noisily


def _import_run() -> Run:
    # Not before: it takes a second or two, in which this process must seem alive.
    from workers.tasks.run import run_job

    return run_job


def _read_line() -> bytes:
    # Without Python's own buffer: whoever waits for its end holds its lock.
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(_STDIN, 1 << 16)
        if not part:
            break
        line += part
    return line


def _end_with_parent() -> None:
    while os.read(_STDIN, 1 << 16):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
