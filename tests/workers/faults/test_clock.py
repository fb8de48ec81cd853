"""Clocks that jump: of the workers, by which nothing goes, and of the database."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.faketime import Clock, find_faketime
from tests.postgres import PostgresServer
from tests.programs import required
from tests.soak.scenario import BUSY_HEAL_SECONDS
from tests.workers.faults.trial import SEED, Quiet, Trial


@pytest.fixture
def clocks() -> Iterator[tuple[Clock, Clock]]:
    """One for the workers, one for the database."""
    library = required(find_faketime(), "libfaketime is not installed: clocks cannot jump")
    # Not pytest's folder: the server's user must be able to read it.
    with tempfile.TemporaryDirectory(prefix="courselens-clock-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        ours, theirs = (Clock(library, folder / each) for each in ("workers", "database"))
        ours.jump("+0")
        theirs.jump("+0")
        yield ours, theirs


@pytest.fixture
def jumping_database(clocks: tuple[Clock, Clock]) -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.environment |= clocks[1].environment
    server.start()
    yield server
    server.remove()


async def hours_off(url: str) -> float:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        seconds: float = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())")
    finally:
        await connection.close()
    return round(float(seconds) - time.time()) / 3600


@pytest.mark.slow
async def test_clocks_that_jump_change_no_number_and_hold_nothing_up(
    quiet: Quiet,
    clocks: tuple[Clock, Clock],
    jumping_database: PostgresServer,
    tmp_path: Path,
):
    rng = random.Random(SEED)
    ours, theirs = clocks
    trial = Trial.begin(quiet, tmp_path / "home", jumping_database.url)
    trial.crew.environment |= ours.environment
    # Somebody dies meanwhile, so that a lease must end by the clock; at the first step, as the
    # first task may find no logs yet and be done after a few.
    trial.crew.order("ingest_logs", "", {"step": 1, "do": "kill worker"})
    async with trial.working(both=1):
        taking_in = asyncio.create_task(trial.take_in(1.0))
        for our_offset, their_offset in (("-5h", "+3h"), ("+5h", "-2h")):
            await asyncio.sleep(rng.uniform(2, 5))
            ours.jump(our_offset)
            theirs.jump(their_offset)
        began = time.monotonic()
        await taking_in
        seconds = time.monotonic() - began
        print(f"healed after {seconds:.0f} s")
        assert seconds <= BUSY_HEAL_SECONDS, f"seed {SEED}"
        assert await hours_off(jumping_database.url) == -2
    assert trial.figures.faults.total() == 1, f"seed {SEED}: {trial.figures}"
