"""Users leave the store at once; what the class was told of them stays or is blank."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import orjson
import pytest

from aggregates.sketches import WIPED
from aggregates.small_numbers import K_MIN
from aggregates.store import Store
from aggregates.writer import WRITERS_LOCK
from courselens.domain import Level
from indicators.contract import Privacy
from indicators.registry import Registry
from indicators.result import CourseResults
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import (
    ToyTime,
    build_registry,
    declare,
)

OF_COURSES = ("courses", "runs", "released", "summaries", "groups", "envelopes", "blocks")
LEVELS = (Level.COURSE, Level.STUDENT, Level.GROUP)


@pytest.fixture
def registry() -> Registry:
    return build_registry(
        [
            declare(
                "toy_time",
                student=ToyTime,
                levels=LEVELS,
                privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
            )
        ]
    )


@pytest.fixture(autouse=True)
async def forgotten(store: Store) -> None:
    tables = ("students", "memberships", "student_values_courselens", *OF_COURSES)
    await store.database.execute(f"TRUNCATE {', '.join(tables)}", deadline_seconds=10)


def course(registry: Registry, seconds: dict[int, float]) -> CourseResults:
    values = [{"user_id": user, "seconds": one} for user, one in seconds.items()]
    mean = sum(seconds.values()) / len(seconds)
    summary = {"group_id": "course", "field": "seconds", "n": len(seconds), "n_null": 0}
    return build_course(
        [Person(user) for user in seconds],
        [
            build_result(
                registry.indicator("toy_time"),
                student={"values": values},
                summaries=[{**summary, "mean": mean}],
            )
        ],
    )


async def released(store: Store) -> dict[str, Any]:
    row = await store.database.fetch_row("SELECT * FROM released")
    assert row is not None
    return dict(row)


def buckets(sketch: bytes) -> np.ndarray:
    return np.frombuffer(sketch, dtype="<u4")


async def test_what_ten_were_told_of_stays_until_ten_changed(store: Store, registry: Registry):
    seconds = {user: 10.0 * user for user in range(1, 31)}
    await store.write(course(registry, seconds), input_digest="0", cursors={})
    before = await released(store)
    rows = await store.retire([30], [])
    assert rows["students"] == rows["student_values_courselens"] == 1
    after = await released(store)
    assert after["content"] == before["content"]
    (wiped,) = np.nonzero(buckets(after["sketch"]) != buckets(before["sketch"]))
    assert buckets(after["sketch"])[wiped].tolist() == [WIPED]

    del seconds[30]
    for changed, is_told in ((K_MIN - 1, False), (29, True)):
        now = {user: one + (user <= changed) for user, one in seconds.items()}
        await store.write(course(registry, now), input_digest=str(changed), cursors={})
        mean = (await released(store))["content"]["mean"]
        assert mean == (sum(now.values()) / 29 if is_told else before["content"]["mean"])


async def test_what_nobody_was_told_is_blank(store: Store, registry: Registry):
    await store.write(course(registry, {7: 1.0, 8: 2.0}), input_digest="0", cursors={})
    before = await released(store)
    assert (before["content"]["mean"], before["ranks"][0]) == (1.5, 1.0)
    await store.retire([7], [])
    after = await released(store)
    assert (after["content"]["n"], after["content"]["mean"], after["ranks"]) == (2, None, None)


async def test_a_course_of_nobody_else_goes_with_its_numbers(store: Store, registry: Registry):
    await store.write(course(registry, {7: 1.0}), input_digest="0", cursors={})
    await store.retire([7], [])
    for table in OF_COURSES:
        assert await store.database.fetch(f"SELECT FROM {table}") == [], table


async def test_the_course_is_to_be_computed_again_and_others_are_not(
    store: Store, registry: Registry
):
    await store.write(course(registry, {7: 1.0, 8: 2.0}), input_digest="0", cursors={})
    assert sum((await store.retire([9], ["nobody"])).values()) == 0
    assert (await store.course_digests()).get(COURSE_KEY) == "0"
    await store.retire([8], [])
    assert (await store.course_digests()).get(COURSE_KEY) is None


async def test_documents_of_clients_that_name_them_go(store: Store):
    await store.database.execute("TRUNCATE documents", deadline_seconds=10)
    for number, (body, is_trusted) in enumerate(
        [('{ a(name: "ada") }', False), ("{ ada }", False), ('{ b(name: "ada") }', True)]
    ):
        await store.database.fetch(
            "INSERT INTO documents (document_id, body, is_trusted) VALUES ($1, $2, $3)",
            str(number),
            body,
            is_trusted,
        )
    assert (await store.retire([1], ["ada"]))["documents"] == 1
    rows = await store.database.fetch("SELECT document_id FROM documents ORDER BY 1")
    assert [row["document_id"] for row in rows] == ["1", "2"]


async def test_a_refresh_that_is_being_written_is_waited_for(store: Store, registry: Registry):
    await store.write(course(registry, {7: 1.0}), input_digest="0", cursors={})
    async with store.database.transaction() as writer:
        await writer.execute("SELECT pg_advisory_xact_lock_shared($1)", WRITERS_LOCK)
        retiring = asyncio.create_task(store.retire([8], []))
        waiting = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not (await store.database.fetch("/* looks */ " + waiting))[0]["n"]:
            await asyncio.sleep(0.01)
        assert not retiring.done()
        await writer.execute(
            "INSERT INTO students (course_id, user_id, in_l, in_e)"
            " SELECT course_id, 8, true, true FROM courses"
        )
    assert (await retiring)["students"] == 1


async def test_everybody_hears_of_it_and_nobody_where_nothing_changed(
    store: Store, registry: Registry
):
    await store.write(course(registry, {7: 1.0, 8: 2.0}), input_digest="0", cursors={})
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with store.database.session() as connection:
        await connection.add_listener("courselens", lambda *told: heard.put_nowait(told[3]))
        await store.retire([9], [])
        await store.retire([7], [])
        assert orjson.loads(await asyncio.wait_for(heard.get(), 10)) == {"all": True}
