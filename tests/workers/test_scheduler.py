"""One scheduler leads; when it dies or stops, another takes over; it asks for what is due."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aggregates.store import Store
from aggregates.work import Kind
from courselens.settings import Settings
from tests.soak.crew import ROOT
from workers.broker import Bell
from workers.ledger import Ledger
from workers.scheduler import LOCK, Scheduler
from workers.snapshot import writing

TAKE_OVER_SECONDS = 20
START_SECONDS = 60


@contextlib.asynccontextmanager
async def scheduler_process(url: str, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.soak.rig", "scheduler"),
        cwd=ROOT,
        env={**os.environ, "COURSELENS_DATABASE_URL": url, "COURSELENS_HOME": str(home)},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def leads(process: asyncio.subprocess.Process, *, within: float) -> None:
    assert process.stderr
    async with asyncio.timeout(within):
        while b'"leading"' not in await process.stderr.readline():
            pass


@pytest.mark.slow
async def test_another_leads_when_the_leader_is_stopped_or_killed(postgres_url: str, tmp_path):
    async with (
        scheduler_process(postgres_url, tmp_path) as first,
        scheduler_process(postgres_url, tmp_path) as second,
    ):
        waiting = {asyncio.create_task(leads(p, within=START_SECONDS)): p for p in (first, second)}
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        (task,) = done
        leader = waiting.pop(task)
        ((stand_by_leads, stand_by),) = waiting.items()
        leader.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(TAKE_OVER_SECONDS):
            await stand_by_leads
        leader.send_signal(signal.SIGCONT)
        stand_by.kill()
        await leads(leader, within=TAKE_OVER_SECONDS)


async def test_only_one_connection_can_hold_the_leaders_lock(store: Store):
    async with store.database.session() as one, store.database.session() as other:
        assert await one.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
        assert not await other.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)


async def test_what_is_due_is_asked_for_once(store: Store, ledger: Ledger, source, tmp_path):
    folder, _ = source
    settings = Settings(home=tmp_path, source_paths=(folder,), look_every_seconds=0.001)
    bell = Bell(None)
    scheduler = Scheduler(settings, store, ledger, bell)
    try:
        assert [ask.key for ask in await scheduler.tick()] == [("sync_tables", "files")]
        assert await scheduler.tick() == []
        claim = await ledger.claim("w")
        assert claim is not None
        assert claim.kind is Kind.SYNC_TABLES
        # It cannot be had: the logs then wait no longer.
        await ledger.fail(claim, code="SOURCE_INVALID", error="broken", retryable=False)
        assert [ask.key for ask in await scheduler.tick()] == [("ingest_logs", "")]
        assert await bell.depth() == 2
    finally:
        bell.close()


async def test_nothing_is_due_without_sources(store: Store, ledger: Ledger, tmp_path):
    bell = Bell(None)
    scheduler = Scheduler(Settings(home=tmp_path), store, ledger, bell)
    try:
        assert await scheduler.tick() == []
    finally:
        bell.close()


async def test_a_server_that_is_down_makes_nothing_due_and_stops_no_other_source(
    store: Store, ledger: Ledger, source, tmp_path
):
    folder, _ = source
    settings = Settings(
        home=tmp_path,
        source_paths=(folder,),
        mongo_url="mongodb://127.0.0.1:9/openedx",
        source_deadline_seconds=0.2,
        look_every_seconds=0.001,
    )
    bell = Bell(None)
    scheduler = Scheduler(settings, store, ledger, bell)
    try:
        assert [ask.key for ask in await scheduler.tick()] == [("sync_tables", "files")]
        claim = await ledger.claim("w")
        assert claim is not None
        await ledger.finish(claim)
        # Logs wait: without the platform nobody knows where in a course an event took place.
        assert await scheduler.tick() == []
        with writing(settings.tables_path / "platform", loaded_us=await ledger.now_us()) as copy:
            copy.commit("s")
        assert [ask.key for ask in await scheduler.tick()] == [("ingest_logs", "")]
    finally:
        bell.close()
