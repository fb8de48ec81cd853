"""Kill, stop and starve everything for a long time: `make soak ARGS="--kills 200 --seed 1"`."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from pathlib import Path

import redis

from tests.postgres import PostgresServer
from tests.redis import RedisServer, find_redis_server
from tests.soak.crew import Crew, dump
from tests.soak.scenario import Figures, make_data, order_faults, reference, run_part
from workers.broker import QUEUE

_PARTS = 4


def main() -> None:
    """Run rounds until there were enough faults; the first difference ends it."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many faults there must be")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    total, number, began = 0, 0, time.monotonic()
    while total < asked.kills:
        figures = asyncio.run(one_round(asked.seed + number))
        total += figures.faults.total()
        number += 1
        print(
            f"{total}/{asked.kills} after {time.monotonic() - began:.0f} s; {figures}", flush=True
        )


async def one_round(seed: int) -> Figures:
    """One installation from nothing to the end of its logs, through faults of all kinds."""
    rng, figures = random.Random(seed), Figures(seed)
    program = find_redis_server()
    broker = RedisServer(program) if program else None
    database = PostgresServer()
    with tempfile.TemporaryDirectory(prefix="courselens-soak-") as name:
        folder = Path(name)
        data = make_data(folder / "data", courses=2, students=10, weeks=1, seed=seed % 1000)
        crew = Crew(folder / "home", data.source, "", broker.url if broker else None)
        crew.home.mkdir()
        try:
            database.start()
            crew.url = database.url
            if broker:
                broker.start()
            works = [("ingest_logs", ""), *(("refresh_course", key) for key in data.course_keys)]
            logs = len(list(data.logs.iterdir()))
            async with crew.working(worker=2, scheduler=2):
                order_faults(crew, [("sync_tables", "files")], rng)
                for part in range(1, _PARTS + 1):
                    order_faults(crew, works, rng)
                    servers = asyncio.create_task(disturb(crew, database, broker, rng, figures))
                    await run_part(crew, data, figures, until=-(-logs * part // _PARTS))
                    await servers
            found = await dump(database.url)
            expected = await reference(data, folder / "lake", database.url)
            assert found == expected, f"seed {seed}: the numbers are not those of one quiet run"
        finally:
            database.remove()
            if broker:
                broker.kill()
    return figures


async def disturb(
    crew: Crew,
    database: PostgresServer,
    broker: RedisServer | None,
    rng: random.Random,
    figures: Figures,
) -> None:
    """Something happens to a server, or to the scheduler that leads."""
    await asyncio.sleep(rng.uniform(0, 6))
    deed = rng.choice(["database", "broker", "broker emptied", "garbage", "scheduler", "nothing"])
    match deed:
        case "database":
            await asyncio.to_thread(database.kill)
            await asyncio.sleep(rng.uniform(0, 5))
            await asyncio.to_thread(database.start)
        case "broker" if broker:
            await asyncio.to_thread(broker.kill)
            await asyncio.sleep(rng.uniform(0, 5))
            await asyncio.to_thread(broker.start)
        case "broker emptied" if broker:
            await asyncio.to_thread(lambda: redis.Redis.from_url(broker.url).flushdb())
        case "garbage" if broker:
            await asyncio.to_thread(_litter, broker.url, rng)
        case "scheduler":
            crew.kill_one("scheduler", rng)
        case _:
            return
    figures.servers[deed] += 1


def _litter(url: str, rng: random.Random) -> None:
    client = redis.Redis.from_url(url)
    for number in range(5):
        name = f"litter-{rng.random()}-{number}"
        client.hset(f"{QUEUE}:{QUEUE}.msgs", name, rng.randbytes(rng.randint(0, 200)))
        client.rpush(f"{QUEUE}:{QUEUE}", name)
    client.close()


if __name__ == "__main__":
    main()
