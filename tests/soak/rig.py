"""Worker, scheduler and task processes that can be made to die: `python -m tests.soak.rig ROLE`.

They are the product's own, with fewer indicators. A task counts its steps: every file that it
opens for writing, renames or removes, every flush to disk, every statement before it is sent and
after it is answered, every progress report. At the step that a fault names it kills or stops
itself or its worker, takes all memory that it may, or from then on finds the disk full or
failing. Faults are files in a folder per piece of work; each is used once.
"""

from __future__ import annotations

import asyncio
import errno
import importlib.metadata
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from courselens.settings import Settings
from courselens.telemetry import configure_logging
from workers import child

if TYPE_CHECKING:
    from indicators.registry import Registry

KEYS = ("time_on_course", "enrollment_count", "course_module_counts")
COMMAND = (sys.executable, "-m", "tests.soak.rig", "task")
TASK_MEMORY_MB = 700
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_PLACES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"})


def registry() -> Registry:
    """A few indicators over events and tables: a refresh takes a second."""
    from indicators.registry import load_registry

    points = importlib.metadata.entry_points(group="courselens.indicators.v1")
    return load_registry(
        [p for p in points if p.value.startswith("indicators.intermediates") or p.name in KEYS]
    )


class Steps:
    """Counts the steps of a task and commits the fault that was ordered."""

    def __init__(self, folder: Path) -> None:
        self.count = 0
        self.is_disturbed = False
        self._folder = folder
        self._lock = threading.Lock()
        self._fault = self._take()

    def step(self, *, on_disk: bool = False) -> None:
        """One step further; `on_disk` where the system may refuse it.

        Raises:
            OSError: the disk fails.
        """
        with self._lock:
            self.count += 1
            fault = self._fault
            if fault is None or self.count < fault["step"]:
                return
            # A disk fails where it is used: at this step, or at the next that does.
            if fault["do"] == "failing disk" and not on_disk:
                return
            self._fault = None
            self.is_disturbed = True
        _commit(fault, self.count)

    def _take(self) -> dict[str, Any] | None:
        for path in sorted(self._folder.glob("*.fault")):
            taken = path.with_suffix(".taken")
            path.rename(taken)
            fault: dict[str, Any] = json.loads(taken.read_text())
            fault["path"] = taken
            return fault
        return None


def _commit(fault: dict[str, Any], count: int) -> None:
    path: Path = fault["path"]
    path.with_suffix(".done").write_text(json.dumps([time.monotonic(), count]))
    match fault["do"]:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "kill worker":
            os.kill(os.getppid(), signal.SIGKILL)
        case "stop worker":
            os.kill(os.getppid(), signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGSTOP)
        case "full disk":
            # Of the files alone: pipes and sockets still take what is written.
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        case "failing disk":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        case "memory":
            _take_all_memory()


def _take_all_memory() -> None:
    held = []
    while True:  # until the worker has seen it
        if len(held) * 100 < 2 * TASK_MEMORY_MB:
            held.append(bytearray(os.urandom(1 << 20) * 100))
        time.sleep(0.02)


def count_steps(steps: Steps) -> None:
    """Have every step of this process counted from now on."""
    import asyncpg

    def audit(event: str, args: tuple[Any, ...]) -> None:
        is_writing = event == "open" and isinstance(args[2], int) and args[2] & _WRITING
        if is_writing or event in _PLACES:
            steps.step(on_disk=True)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            steps.step()
            result = await function(*args, **kwargs)
            steps.step()
            return result

        return call

    for name in ("execute", "_do_execute", "_copy_in"):
        setattr(asyncpg.Connection, name, counted(getattr(asyncpg.Connection, name)))
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        steps.step(on_disk=True)
        flush(descriptor)

    os.fsync = fsync
    tell = child.Reporter.step

    def report(self: child.Reporter, name: str, done: int, total: int) -> None:
        steps.step()
        tell(self, name, done, total)

    child.Reporter.step = report  # type: ignore[method-assign]
    sys.addaudithook(audit)


async def run_counted(job: child.Job, reporter: child.Reporter) -> child.Report:
    """Run a job as the product does, and count."""
    from tests.soak.crew import faults_of
    from workers.tasks.run import run_job

    claim = job.claim
    folder = faults_of(Path(job.settings["home"]), claim.kind.value, claim.subject)
    folder.mkdir(parents=True, exist_ok=True)
    steps = Steps(folder)
    few = registry()
    count_steps(steps)
    report = await run_job(job, reporter, few)
    if report.done and not steps.is_disturbed:
        count = steps.count
        (folder / "steps").write_text(str(count))
    return report


if __name__ == "__main__":
    configure_logging()
    match sys.argv[1]:
        case "task":
            child.main(run_counted)
        case "worker" | "both" as role:
            from workers import scheduler
            from workers.service import run_worker

            scheduler.IDLE_SECONDS = 3
            asyncio.run(
                run_worker(
                    Settings(),
                    with_scheduler=role == "both",
                    registry=registry(),
                    command=COMMAND,
                )
            )
        case "scheduler":
            from workers import scheduler
            from workers.service import run_scheduler

            scheduler.IDLE_SECONDS = 3
            asyncio.run(run_scheduler(Settings(), registry=registry()))
