"""A worker: claims what is due, runs it in processes of its own, keeps its leases."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from courselens.errors import StoreError, TablesMissing
from courselens.settings import Settings
from workers.ledger import Ledger
from workers.running import COMMAND, Died, Done, Failed, Outcome, run_claim
from workers.scratch import own_scratch
from workers.work import Claim, Step

_BEATS_PER_LEASE = 4
_AGAIN_SECONDS = 1.0


class Worker:
    """Runs up to `worker_slots` tasks at a time until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        database_url: str,
        *,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Make a worker.

        Args:
            settings: of the installation.
            ledger: where work is claimed.
            database_url: what tasks connect to.
            command: what runs a task; reads a job, writes reports.
        """
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self._settings = settings
        self._ledger = ledger
        self._database_url = database_url
        self._command = command
        self._steps: dict[Claim, Step | None] = {}
        self._tasks: dict[Claim, asyncio.Task[None]] = {}
        self._news = asyncio.Event()
        self._rejects: asyncio.Queue[tuple[str, int, str]] = asyncio.Queue(1000)
        self._log = structlog.get_logger().bind(worker=self.name)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is running then is given back.

        Raises:
            TablesMissing: somebody emptied the database.
        """
        with own_scratch(self._settings.scratch_path, self.name) as scratch:
            helpers = [
                asyncio.create_task(helper)
                for helper in (
                    self._keep_leases(),
                    self._count_rejects(),
                    self._claim_work(scratch),
                )
            ]
            stopping = asyncio.create_task(stop.wait())
            try:
                # A helper ends by a fault of ours only: better no worker than half a one.
                ended, _ = await asyncio.wait(
                    [stopping, *helpers], return_when=asyncio.FIRST_COMPLETED
                )
                for task in ended:
                    task.result()
            finally:
                for task in (stopping, *helpers):
                    task.cancel()
                await asyncio.gather(*helpers, return_exceptions=True)
                await self._hand_back()

    def on_ring(self) -> Callable[[], None]:
        """For the bell: a function that other threads call when there is work."""
        return self._from_threads(self._news.set)

    def on_reject(self) -> Callable[[str, int, str], None]:
        """For the bell: a function that other threads call with what nobody can read."""
        return self._from_threads(lambda *reject: self._note_reject(reject))

    async def _claim_work(self, scratch: Path) -> None:
        while True:
            self._news.clear()
            try:
                await self._ledger.expire()
                while self._may_claim():
                    claim = await self._ledger.claim(self.name, alone=not self._tasks)
                    if claim is None:
                        break
                    self._start(claim, scratch)
            except TablesMissing:
                raise  # whoever runs us migrates
            except StoreError as error:
                self._log.warning("cannot look for work", error=str(error))
            await _wait(self._news, self._settings.worker_poll_seconds)

    def _may_claim(self) -> bool:
        # What may kill its worker runs alone.
        is_careful = any(claim.is_suspect for claim in self._tasks)
        return len(self._tasks) < self._settings.worker_slots and not is_careful

    def _start(self, claim: Claim, scratch: Path) -> None:
        self._steps[claim] = None
        task = asyncio.create_task(self._work_on(claim, scratch / str(claim.fencing)))
        self._tasks[claim] = task

    async def _work_on(self, claim: Claim, scratch: Path) -> None:
        log = self._log.bind(work=claim.work_id, kind=claim.kind.value, subject=claim.subject)
        try:
            outcome = await run_claim(
                claim,
                settings=self._settings,
                database_url=self._database_url,
                scratch=scratch,
                on_step=lambda step: self._steps.update({claim: step}),
                command=self._command,
            )
            log.info("task ended", outcome=type(outcome).__name__.lower(), **_facts(outcome))
            await self._note(claim, outcome)
        except OSError as error:
            # No process could be started, or its folder not be made: this machine's fault.
            told = f"{type(error).__name__}: {error.strerror}"
            await self._note(claim, Failed("IO_ERROR", told, retryable=True))
        finally:
            del self._tasks[claim]
            self._steps.pop(claim, None)
            self._news.set()

    async def _note(self, claim: Claim, outcome: Outcome) -> None:
        """Write the outcome down, as soon as the database can be reached."""
        while claim in self._steps:
            try:
                match outcome:
                    case Done():
                        await self._ledger.finish(claim)
                    case Failed(code, error, retryable):
                        await self._ledger.fail(claim, code=code, error=error, retryable=retryable)
                    case Died(code, error):
                        await self._ledger.die(claim, code=code, error=error)
            except StoreError as error:
                self._log.warning("cannot note an outcome", error=str(error))
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    async def _keep_leases(self) -> None:
        pause = self._settings.lease_seconds / _BEATS_PER_LEASE
        while True:
            await asyncio.sleep(pause)
            try:
                lost = await self._ledger.renew(dict(self._steps))
            except StoreError as error:
                self._log.warning("cannot renew leases", error=str(error))
                continue
            for claim in lost & self._tasks.keys():
                self._log.warning("lease lost", work=claim.work_id)
                del self._steps[claim]
                self._tasks[claim].cancel()

    def _from_threads(self, call: Callable[..., None]) -> Callable[..., None]:
        loop = asyncio.get_running_loop()

        def from_thread(*args: object) -> None:
            with suppress(RuntimeError):  # the loop has just ended
                loop.call_soon_threadsafe(call, *args)

        return from_thread

    def _note_reject(self, reject: tuple[str, int, str]) -> None:
        with suppress(asyncio.QueueFull):  # a flood is told of by its first thousand
            self._rejects.put_nowait(reject)

    async def _count_rejects(self) -> None:
        while True:
            digest, size, fault = await self._rejects.get()
            self._log.warning("message rejected", digest=digest, bytes=size, fault=fault)
            try:
                await self._ledger.reject(digest, size=size, reason=fault)
            except StoreError as error:
                self._log.warning("cannot count a message", error=str(error))

    async def _hand_back(self) -> None:
        claims = dict(self._tasks)
        for task in claims.values():
            task.cancel()
        await asyncio.gather(*claims.values(), return_exceptions=True)
        try:
            await self._ledger.hand_back(claims)
        except StoreError as error:
            self._log.warning("cannot give work back; its lease will end", error=str(error))


def _facts(outcome: Outcome) -> dict[str, str]:
    match outcome:
        case Failed(code, error) | Died(code, error):
            return {"code": code, "error": error}
        case Done():
            return {}


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
