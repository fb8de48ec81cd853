"""Run a claim in a process of its own, and watch it: time, memory, signs of life."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from courselens.memory import resident_kb
from courselens.settings import Settings
from workers.child import Job, Report
from workers.work import Claim, Step

COMMAND = (sys.executable, "-m", "workers.child")
_LOOK_SECONDS = 1.0
_START_SECONDS = 15.0  # until the first word, which may be late on a busy machine
_END_SECONDS = 10.0
_NOT_TOLD = {"database_url", "broker_url"}
_TOLD = ("mysql_url", "mysql_history_url", "mongo_url")  # masked in a dump of the settings


@dataclass(frozen=True, slots=True)
class Done:
    """The task did what was asked."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The task said why it could not."""

    code: str
    error: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Died:
    """No word came from the task, or it had to be killed."""

    code: str
    error: str


Outcome = Done | Failed | Died


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a task may take before it is killed."""

    time_seconds: float
    silence_seconds: float
    memory_mb: int


async def run_claim(
    claim: Claim,
    *,
    settings: Settings,
    database_url: str,
    scratch: Path,
    on_step: Callable[[Step], None],
    command: Sequence[str] = COMMAND,
) -> Outcome:
    """Run a claim to its end; its process and its files are gone when this returns or is cancelled.

    Args:
        claim: what is to be done.
        settings: of the installation.
        database_url: where its tables are.
        scratch: folder for the task's temporary files; made here.
        on_step: told how far the task is.
        command: what to start.
    """
    await asyncio.to_thread(scratch.mkdir, parents=True)
    job = Job(
        claim=claim,
        settings=settings.model_dump(mode="json", exclude=_NOT_TOLD) | _reveal(settings),
        database_url=database_url,
        scratch=str(scratch),
    )
    bounds = Bounds(
        time_seconds=settings.task_time_limit_seconds,
        silence_seconds=settings.lease_seconds,
        memory_mb=settings.task_memory_mb,
    )
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        return await _Watch(process, bounds, on_step).run(job)
    finally:
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)


def _reveal(settings: Settings) -> dict[str, str]:
    """URLs with their passwords, for the pipe to the task alone."""
    urls = {name: getattr(settings, name) for name in _TOLD}
    return {name: url.get_secret_value() for name, url in urls.items() if url is not None}


class _Watch:
    def __init__(
        self, process: asyncio.subprocess.Process, bounds: Bounds, on_step: Callable[[Step], None]
    ) -> None:
        self._process = process
        self._bounds = bounds
        self._on_step = on_step
        self._at = "the beginning"
        self._has_spoken = False

    async def run(self, job: Job) -> Outcome:
        loop = asyncio.get_running_loop()
        assert self._process.stdin  # noqa: S101 it was asked for
        assert self._process.stdout  # noqa: S101
        # Left open: its end is how the child learns that this process is gone.
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        began = heard = loop.time()
        outcome: Outcome | None = None
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    line = await self._process.stdout.readline()
            except TimeoutError:
                pass
            else:
                if not line:
                    break
                heard = loop.time()
                self._has_spoken = True
                outcome = self._hear(line) or outcome
            killed = self._exceeded(loop.time() - began, loop.time() - heard)
            if killed is not None and outcome is None:
                self._process.kill()
                return killed
        async with asyncio.timeout(_END_SECONDS):
            code = await self._process.wait()
        return outcome or Died("TASK_DIED", f"its process {_ended(code)}; it was at: {self._at}")

    def _hear(self, line: bytes) -> Outcome | None:
        try:
            report = msgspec.json.decode(line, type=Report)
        except msgspec.MsgspecError:
            return None  # cut by the death of its writer
        if report.step is not None:
            step = Step(*report.step)
            self._at = step.name
            self._on_step(step)
        if report.code is not None:
            return Failed(report.code, report.error, report.retryable)
        return Done() if report.done else None

    def _exceeded(self, seconds: float, silent_seconds: float) -> Died | None:
        bounds = self._bounds
        if seconds > bounds.time_seconds:
            took = f"took more than {bounds.time_seconds:g} s"
            return Died("TASK_TIME_LIMIT", f"{took}; it was at: {self._at}")
        silence_seconds = bounds.silence_seconds
        if not self._has_spoken:
            silence_seconds = max(silence_seconds, _START_SECONDS)
        if silent_seconds > silence_seconds:
            silent = f"gave no sign of life for {silence_seconds:g} s"
            return Died("TASK_SILENT", f"{silent}; it was at: {self._at}")
        if resident_kb(self._process.pid) > bounds.memory_mb * 1024:
            held = f"held more than {bounds.memory_mb} MB"
            return Died("TASK_MEMORY", f"{held}; it was at: {self._at}")
        return None


def _ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
