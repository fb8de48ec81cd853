"""A worker with real processes and a real ledger."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aggregates.store import Store
from aggregates.work import Ask, Kind, Priority
from courselens.errors import StoreError
from courselens.settings import Settings
from tests.data.toy_indicators import toy_registry
from tests.postgres import PostgresServer
from workers.ledger import Ledger
from workers.worker import Worker

TINY = (sys.executable, str(Path(__file__).parent / "tiny_task.py"))
HEAL_SECONDS = 60


@contextlib.asynccontextmanager
async def working(settings: Settings, store: Store, workers: int = 1) -> AsyncIterator[Ledger]:
    ledger = Ledger(store.database, lease_seconds=settings.lease_seconds)
    stop = asyncio.Event()
    running = [
        asyncio.create_task(Worker(settings, ledger, "", command=TINY).run(stop))
        for _ in range(workers)
    ]
    try:
        yield ledger
    finally:
        stop.set()
        await asyncio.gather(*running)


async def ask(ledger: Ledger, *subjects: str, priority: Priority = Priority.NIGHT) -> None:
    for subject in subjects:
        await ledger.ask(Ask(Kind.REFRESH_COURSE, subject, priority), asked_by="test")


async def states(store: Store) -> dict[str, str]:
    rows = await store.database.fetch("SELECT subject, state FROM work ORDER BY work_id")
    return {row["subject"]: row["state"] for row in rows}


async def until(store: Store, expected: dict[str, str]) -> None:
    async with asyncio.timeout(HEAL_SECONDS):
        while await states(store) != expected:
            await asyncio.sleep(0.05)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, worker_poll_seconds=0.1, lease_seconds=2, worker_slots=2)


async def test_a_poison_task_is_set_aside_and_all_its_neighbours_are_done(store, settings):
    neighbours = [f"n{number}" for number in range(6)]
    async with working(settings, store) as ledger:
        await ask(ledger, *neighbours[:3], "die", *neighbours[3:])
        await until(store, {**dict.fromkeys(neighbours, "done"), "die": "parked"})
    deaths = await store.database.fetch("SELECT subject, deaths FROM work WHERE deaths > 0")
    assert [tuple(row) for row in deaths] == [("die", 3)]


async def test_two_workers_do_everything_once(store, settings):
    subjects = [f"n{number}" for number in range(8)]
    async with working(settings, store, workers=2) as ledger:
        await ask(ledger, *subjects)
        await until(store, dict.fromkeys(subjects, "done"))
    (row,) = await store.database.fetch("SELECT sum(attempts)::bigint AS n FROM work")
    assert row["n"] == 8


async def test_a_worker_that_is_told_to_stop_gives_its_work_back(store, settings, tmp_path):
    async with working(settings, store) as ledger:
        await ask(ledger, f"wait {tmp_path / 'never'}")
        await until(store, {f"wait {tmp_path / 'never'}": "running"})
    (row,) = await store.database.fetch("SELECT state, attempts, deaths FROM work")
    assert tuple(row) == ("due", 0, 0)
    assert list(settings.scratch_path.iterdir()) == []


async def test_a_task_is_stopped_when_its_lease_was_lost(store, settings, tmp_path):
    gate = tmp_path / "never"
    async with working(settings, store) as ledger:
        await ask(ledger, f"wait {gate}")
        await until(store, {f"wait {gate}": "running"})
        first = await store.database.fetch_row("SELECT fencing FROM work")
        # Another has taken it over, as after a stop of this process.
        await store.database.fetch("UPDATE work SET fencing = nextval('work_fencing')")
        async with asyncio.timeout(HEAL_SECONDS):
            while len(list(settings.scratch_path.glob("*/*/"))) > 0:
                await asyncio.sleep(0.05)
        held = await store.database.fetch_row("SELECT fencing, state FROM work")
    assert first is not None
    assert held is not None
    assert held["fencing"] > first["fencing"]


async def test_a_restart_of_the_database_loses_no_work_and_blames_nobody(
    postgres_process: PostgresServer, settings, tmp_path
):
    store = await Store.connect(postgres_process.url, registry=toy_registry(), pool_size=4)
    gate = tmp_path / "gate"
    try:
        await store.migrate()
        async with working(settings, store) as ledger:
            await ask(ledger, f"wait {gate}", "a")
            await until(store, {f"wait {gate}": "running", "a": "done"})
            postgres_process.kill()
            gate.touch()
            await asyncio.sleep(2 * settings.lease_seconds)
            postgres_process.start()
            async with asyncio.timeout(HEAL_SECONDS):
                while True:
                    with contextlib.suppress(StoreError):
                        await ask(ledger, "b")
                        break
                    await asyncio.sleep(0.1)
            await until(store, {f"wait {gate}": "done", "a": "done", "b": "done"})
        row = await store.database.fetch_row("SELECT sum(deaths)::bigint AS n FROM work")
        assert row is not None
        assert row["n"] == 0
    finally:
        await store.close()
