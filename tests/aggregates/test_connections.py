from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aggregates.connections import PREPARED
from aggregates.database import Database
from courselens.errors import BadParameter, StoreError, TablesMissing

PID = "SELECT pg_backend_pid()"


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(postgres_url, pool_size=2, deadline_seconds=5)
    yield database
    await database.close()


async def pid_of(database: Database) -> int:
    row = await database.fetch_row(PID)
    assert row is not None
    return int(row[0])


async def connections_of(database: Database) -> int:
    rows = await database.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'courselens'"
    )
    return len(rows)


async def test_statements_one_after_the_other_use_one_connection(database: Database) -> None:
    assert len({await pid_of(database) for _ in range(5)}) == 1


async def test_more_statements_than_connections_wait_for_their_turn(database: Database) -> None:
    found = await asyncio.gather(
        *(database.fetch("SELECT pg_backend_pid() FROM pg_sleep(0.02)") for _ in range(7))
    )
    assert len({rows[0][0] for rows in found}) == 2
    assert await connections_of(database) == 2


async def test_connection_that_was_ended_meanwhile_is_replaced(database: Database) -> None:
    pid = await pid_of(database)
    async with database.session() as other:
        assert await other.fetchval("SELECT pg_terminate_backend($1, 2000)", pid)
    await asyncio.sleep(0.05)  # the word of it arrives
    assert await pid_of(database) != pid


async def test_statement_that_fails_leaves_its_connection_usable(database: Database) -> None:
    for _ in range(3):
        with pytest.raises(StoreError, match="refused"):
            await database.fetch("SELECT no_such_function()")
        with pytest.raises(BadParameter):
            await database.fetch("SELECT $1::int", 2**80)
    assert await pid_of(database)


async def test_cancelled_statement_does_not_disturb_the_next(database: Database) -> None:
    for _ in range(6):
        task = asyncio.create_task(database.fetch("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await database.fetch("SELECT 42"))[0][0] == 42
    assert await connections_of(database) <= 2


async def test_whoever_gives_up_waiting_takes_no_connection_along(database: Database) -> None:
    busy = [asyncio.create_task(database.fetch("SELECT pg_sleep(0.2)")) for _ in range(2)]
    await asyncio.sleep(0.05)
    waiting = [asyncio.create_task(pid_of(database)) for _ in range(3)]
    await asyncio.sleep(0.02)
    for one in waiting[:2]:
        one.cancel()
    assert await waiting[2]
    await asyncio.gather(*busy)
    assert len(await asyncio.gather(*(pid_of(database) for _ in range(4)))) == 4


async def test_waiting_for_a_connection_has_a_deadline(postgres_url: str) -> None:
    database = await Database.connect(postgres_url, pool_size=1, deadline_seconds=0.3)
    async with database.transaction():
        with pytest.raises(StoreError, match=r"within 0\.3 s"):
            await pid_of(database)
    assert await pid_of(database)
    await database.close()


async def test_closing_waits_for_what_is_under_way(postgres_url: str) -> None:
    database = await Database.connect(postgres_url, pool_size=2, deadline_seconds=5)
    await pid_of(database)
    busy = asyncio.create_task(database.fetch("SELECT 7 FROM pg_sleep(0.1)"))
    await asyncio.sleep(0.02)
    await database.close()
    assert (await busy)[0][0] == 7
    with pytest.raises(StoreError):
        await pid_of(database)


async def test_statement_is_prepared_anew_when_its_table_changes(database: Database) -> None:
    await database.execute("CREATE TABLE numbers AS SELECT 1 AS one", deadline_seconds=5)
    every = "SELECT * FROM numbers"
    assert [tuple(row) for row in await database.fetch(every)] == [(1,)]
    await database.execute("ALTER TABLE numbers ADD COLUMN two text", deadline_seconds=5)
    for _ in range(2):
        assert [tuple(row) for row in await database.fetch(every)] == [(1, None)]
    await database.execute("DROP TABLE numbers", deadline_seconds=5)
    with pytest.raises(TablesMissing):
        await database.fetch(every)


async def test_only_so_many_statements_stay_prepared(database: Database) -> None:
    for number in range(2 * PREPARED):
        row = await database.fetch_row(f"SELECT {number}")
        assert row is not None
        assert row[0] == number
    row = await database.fetch_row("SELECT count(*) FROM pg_prepared_statements")
    assert row is not None
    assert row[0] <= PREPARED + 2
