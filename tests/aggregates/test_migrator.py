"""Tables that follow the declarations."""

from __future__ import annotations

import asyncio
from dataclasses import make_dataclass
from typing import Any

import asyncpg
import pytest

from aggregates.fields import FieldRef
from aggregates.store import Store
from courselens.errors import StoreError
from indicators.registry import Registry
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import (
    build_registry,
    declare,
    toy_registry,
)


def growing(version: int = 1, **fields: Any) -> Registry:
    result = make_dataclass("Growing", list(fields.items()))
    return build_registry([declare("growing", student=result, version=version)])


async def write_growing(store: Store, registry: Registry, **values: Any) -> bool:
    result = build_result(
        registry.indicator("growing"), student={"values": [{"user_id": 1, **values}]}
    )
    course = build_course([Person(1)], [result])
    return (await store.write(course, input_digest="d", cursors={})).changed


async def read_growing(store: Store, *names: str) -> list[Any]:
    course = await store.reader.course(COURSE_KEY)
    assert course is not None
    refs = [FieldRef("growing", name) for name in names]
    found = await store.reader.student_values(course, [1], refs, standing=False)
    return [found[1][ref.column] for ref in refs]


async def test_a_second_migration_changes_nothing(postgres_url: str):
    store = await Store.connect(postgres_url, registry=toy_registry())
    first = await store.migrate()
    assert first[0] == "applied 0001_base.sql"
    assert "created toy_chapters__s__rows" in first
    assert await store.migrate() == []
    await store.close()


async def test_an_upgrade_adds_its_column_and_asks_for_fresh_numbers(postgres_url: str):
    old_registry = growing(seconds=float)
    old = await Store.connect(postgres_url, registry=old_registry)
    await old.migrate()
    await write_growing(old, old_registry, seconds=4.0)
    assert (await old.course_digests()).get(COURSE_KEY) == "d"

    new_registry = growing(seconds=float, visits=int | None)
    new = await Store.connect(postgres_url, registry=new_registry)
    assert await new.migrate() == [
        "added student_values_courselens.growing__visits",
        "added student_values_courselens.growing__visits__pct",
    ]
    assert await read_growing(new, "seconds", "visits") == [4.0, None]
    assert (await new.course_digests()).get(COURSE_KEY) is None
    assert await write_growing(new, new_registry, seconds=4.0, visits=2)
    assert await read_growing(new, "seconds", "visits") == [4.0, 2]
    # The older version, still serving, reads on.
    assert await read_growing(old, "seconds") == [4.0]
    await old.close()
    await new.close()


async def test_a_column_of_another_type_is_rebuilt_empty(postgres_url: str):
    whole = growing(amount=int)
    store = await Store.connect(postgres_url, registry=whole)
    await store.migrate()
    await write_growing(store, whole, amount=3)
    await store.close()

    text = growing(amount=str)
    store = await Store.connect(postgres_url, registry=text)
    assert await store.migrate() == [
        "rebuilt student_values_courselens.growing__amount: bigint -> text"
    ]
    assert await read_growing(store, "amount") == [None]
    assert await write_growing(store, text, amount="three")
    assert await read_growing(store, "amount") == ["three"]
    await store.close()


async def test_nothing_is_dropped_with_a_plugin_but_a_refresh_empties_it(postgres_url: str):
    part = make_dataclass("Once", [("best", make_dataclass("Best", [("seconds", float)]))])
    with_part = build_registry([declare("leaving", student=part)])
    store = await Store.connect(postgres_url, registry=with_part)
    await store.migrate()
    rows = {"best": [{"user_id": 1, "seconds": 1.0}]}
    result = build_result(with_part.indicator("leaving"), student=rows)
    await store.write(build_course([Person(1)], [result]), input_digest="1", cursors={})
    await store.close()

    without = growing(seconds=float)
    store = await Store.connect(postgres_url, registry=without)
    assert all("leaving" not in line for line in await store.migrate())
    await write_growing(store, without, seconds=1.0)
    await store.close()

    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SELECT count(*) FROM leaving__s__best") == 0
    await connection.close()


async def test_processes_that_start_at_once_migrate_one_after_the_other(postgres_url: str):
    registry = growing(many=int, more=float)
    stores = [await Store.connect(postgres_url, registry=registry, pool_size=1) for _ in range(3)]
    changes = await asyncio.gather(*(store.migrate() for store in stores))
    assert sorted(map(bool, changes)) == [False, False, True]
    for store in stores:
        await store.close()


async def test_an_upgrade_waits_for_a_refresh_that_runs(postgres_url: str):
    old = growing(seconds=float)
    store = await Store.connect(postgres_url, registry=old)
    await store.migrate()
    await write_growing(store, old, seconds=1.0)
    refresh = await asyncpg.connect(postgres_url)
    running = refresh.transaction()
    await running.start()
    # What a refresh holds: its course's row, and then locks on the tables.
    await refresh.execute("UPDATE courses SET computed_at = now()")
    newer = await Store.connect(postgres_url, registry=growing(seconds=float, waited=int))
    migration = asyncio.create_task(newer.migrate())
    await wait_until_blocked(postgres_url)
    await refresh.execute("DELETE FROM student_values_courselens")
    await running.commit()
    assert len(await migration) == 2
    await refresh.close()
    await store.close()
    await newer.close()


async def wait_until_blocked(url: str) -> None:
    """Return once some session waits for a lock."""
    connection = await asyncpg.connect(url)
    question = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while not await connection.fetchval(question):
        await asyncio.sleep(0.01)
    await connection.close()


async def test_no_superuser_is_needed(postgres_url: str):
    admin = await asyncpg.connect(postgres_url)
    schema = "plain_schema"
    await admin.execute("CREATE ROLE courselens_plain LOGIN PASSWORD 'plain' NOSUPERUSER")
    try:
        await admin.execute(f"CREATE SCHEMA {schema} AUTHORIZATION courselens_plain")
        await admin.execute(f"ALTER ROLE courselens_plain SET search_path = {schema}")
        url = postgres_url.replace("postgres:@", "courselens_plain:plain@", 1)
        if url == postgres_url:
            pytest.skip("the server's URL names another user than postgres")
        registry = growing(seconds=float)
        store = await Store.connect(url, registry=registry, pool_size=1)
        await store.migrate()
        assert await write_growing(store, registry, seconds=1.0)
        assert await read_growing(store, "seconds") == [1.0]
        await store.close()
    finally:
        await admin.execute("DROP OWNED BY courselens_plain CASCADE")
        await admin.execute("DROP ROLE courselens_plain")
        await admin.close()


async def test_a_write_before_the_migration_says_what_to_do(postgres_url: str):
    registry = build_registry([declare("unmigrated", student=make_dataclass("U", [("n", int)]))])
    store = await Store.connect(postgres_url, registry=registry)
    result = build_result(
        registry.indicator("unmigrated"), student={"values": [{"user_id": 1, "n": 1}]}
    )
    course = build_course([Person(1)], [result])
    with pytest.raises(StoreError, match="migrate the database first"):
        await store.write(course, input_digest="1", cursors={})
    await store.close()
