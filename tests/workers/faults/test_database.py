"""PostgreSQL dies, is emptied, or is behind a network that cuts, swallows and hangs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.postgres import PostgresServer
from tests.proxy import TcpProxy
from tests.soak.crew import empty
from tests.soak.scenario import BUSY_HEAL_SECONDS
from tests.workers.faults.trial import SEED, Quiet, Trial


@pytest.fixture
def network(postgres_process: PostgresServer) -> Iterator[TcpProxy]:
    where = urlsplit(postgres_process.url)
    assert where.hostname
    assert where.port
    with TcpProxy(where.hostname, where.port) as proxy:
        yield proxy


@pytest.mark.slow
async def test_a_database_that_dies_hangs_or_is_emptied_is_worked_around(
    quiet: Quiet, postgres_process: PostgresServer, network: TcpProxy, tmp_path: Path
):
    rng = random.Random(SEED)
    trial = Trial.begin(quiet, tmp_path / "home", postgres_process.url)
    trial.crew.worker_url = f"postgresql://postgres@127.0.0.1:{network.port}/postgres"

    async def kill() -> None:
        await asyncio.to_thread(postgres_process.kill)
        await asyncio.sleep(rng.uniform(0, 2))
        await asyncio.to_thread(postgres_process.start)

    async def cut_inside_rows() -> None:
        for _ in range(8):
            network.cut_after = rng.randint(1, 3000)
            await asyncio.sleep(rng.uniform(0, 0.6))
        network.heal()

    async def leave_half_open() -> None:
        network.leave_half_open()

    async def drop_everything() -> None:
        await empty(postgres_process.url)

    deeds = [kill, cut_inside_rows, leave_half_open, drop_everything]
    async with trial.working(both=1):
        for number, deed in enumerate(deeds, start=1):
            taking_in = asyncio.create_task(trial.take_in(number / len(deeds)))
            await asyncio.sleep(rng.uniform(1, 5))
            await deed()
            began = time.monotonic()
            await taking_in
            seconds = time.monotonic() - began
            print(f"{deed.__name__}: healed after {seconds:.0f} s")
            assert seconds <= BUSY_HEAL_SECONDS, f"seed {SEED}, {deed.__name__}"
