"""An upgrade renews its own indicators, and what is left of those that are gone can be removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from aggregates.fields import FieldRef
from aggregates.store import Store
from courselens.errors import StoreError
from courselens.plugin import Annotated, Key, intermediate
from indicators.registry import Declaration, Registry
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import declare

PEOPLE = [Person(1), Person(2)]
PLUGIN = "acme-forum"


@dataclass(frozen=True, slots=True)
class Posts:
    posts: int | None


@dataclass(frozen=True, slots=True)
class Line:
    day: Annotated[int, Key("Day.")]
    posts: int | None


@dataclass(frozen=True, slots=True)
class Lines:
    rows: list[Line]


def make_registry(*, second: int = 1, table: int = 1, without: tuple[str, ...] = ()) -> Registry:
    @intermediate(
        name="acme_threads", columns={"user_id": "int"}, needs=("forum_posts",), version=table
    )
    def acme_threads(t: Any, p: Any) -> Any:
        """Threads."""

    declared = [
        ("courselens", declare("own", student=Posts)),
        (PLUGIN, declare("acme_first", student=Posts, needs=("acme_threads",))),
        (PLUGIN, declare("acme_second", student=Posts, version=second)),
        (PLUGIN, declare("acme_lines", student=Lines)),
        (PLUGIN, acme_threads),
    ]
    registry = Registry(
        Declaration("", plugin, "1.0", one)
        for plugin, one in declared
        if getattr(one, "key", "") not in without
    )
    assert not registry.errors
    return registry


def results(registry: Registry, value: int, *keys: str) -> Any:
    made = []
    for key in keys:
        rows = [{"user_id": person.user_id, "posts": value} for person in PEOPLE]
        part = "values"
        if key == "acme_lines":
            part, rows = "rows", [{**row, "day": 1} for row in rows]
        made.append(build_result(registry.indicator(key), student={part: rows}))
    return build_course(PEOPLE, made)


ALL = ("own", "acme_first", "acme_second", "acme_lines")


async def open_store(url: str, registry: Registry) -> Store:
    store = await Store.connect(url, registry=registry)
    await store.migrate()
    return store


async def read(store: Store, *keys: str) -> dict[str, int | None]:
    course = await store.reader.course(COURSE_KEY)
    assert course is not None
    refs = [FieldRef(key, "posts") for key in keys]
    found = await store.reader.student_values(course, [1], refs, standing=False)
    return {ref.indicator: found[1][ref.column] for ref in refs}


@pytest.fixture
async def stored(postgres_url: str) -> str:
    """URL of a store in which every indicator has the value 1."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    registry = make_registry()
    store = await open_store(postgres_url, registry)
    await store.write(results(registry, 1, *ALL), input_digest="d", cursors={"lake": 1})
    await store.close()
    return postgres_url


async def test_a_new_version_renews_its_indicator_and_serves_the_old_number_meanwhile(stored: str):
    registry = make_registry(second=2)
    store = await open_store(stored, registry)
    assert await store.stale_indicators(COURSE_KEY, "d") == ["acme_second"]
    assert (await store.course_digests()).get(COURSE_KEY) is None
    scalars = ("own", "acme_first", "acme_second")
    assert await read(store, *scalars) == {"own": 1, "acme_first": 1, "acme_second": 1}
    written = await store.renew(results(registry, 2, "acme_second"), input_digest="d")
    assert written.changed
    assert await read(store, *scalars) == {"own": 1, "acme_first": 1, "acme_second": 2}
    assert await store.stale_indicators(COURSE_KEY, "d") == []
    assert (await store.course_digests()).get(COURSE_KEY) == "d"
    assert await store.cursors(COURSE_KEY) == {"lake": 1}
    await store.close()


async def test_a_new_version_of_a_table_renews_what_rests_on_it(stored: str):
    store = await open_store(stored, make_registry(table=2))
    assert await store.stale_indicators(COURSE_KEY, "d") == ["acme_first"]
    await store.close()


async def test_other_facts_ask_for_everything(stored: str):
    registry = make_registry(second=2)
    store = await open_store(stored, registry)
    assert await store.stale_indicators(COURSE_KEY, "e") is None
    written = await store.renew(results(registry, 2, "acme_second"), input_digest="e")
    assert not written.changed
    assert await read(store, "acme_second") == {"acme_second": 1}
    await store.close()


async def test_a_new_plugin_has_its_tables_filled_and_nothing_else(stored: str):
    connection = await asyncpg.connect(stored)
    await connection.execute("DROP TABLE student_values_acme_forum, acme_lines__s__rows")
    before = await connection.fetchval("SELECT xmin::text FROM student_values_courselens LIMIT 1")
    registry = make_registry()
    store = await open_store(stored, registry)
    new = ["acme_first", "acme_lines", "acme_second"]
    assert await store.stale_indicators(COURSE_KEY, "d") == new
    await store.renew(results(registry, 3, *new), input_digest="d")
    assert await read(store, "own", "acme_first", "acme_second") == {
        "own": 1, "acme_first": 3, "acme_second": 3,
    }  # fmt: skip
    assert await connection.fetchval("SELECT sum(posts) FROM acme_lines__s__rows") == 6
    after = await connection.fetchval("SELECT xmin::text FROM student_values_courselens LIMIT 1")
    assert after == before  # not a row of the built-ins was written
    await connection.close()
    await store.close()


async def test_a_lost_claim_renews_nothing(stored: str):
    registry = make_registry(second=2)
    store = await open_store(stored, registry)

    async def lost(_: Any) -> None:
        raise StoreError("lost")

    with pytest.raises(StoreError, match="lost"):
        await store.renew(results(registry, 2, "acme_second"), input_digest="d", guard=lost)
    assert await read(store, "acme_second") == {"acme_second": 1}
    await store.close()


async def test_what_an_uninstalled_indicator_left_is_found_and_removed(stored: str):
    registry = make_registry(without=("acme_second", "acme_lines"))
    store = await open_store(stored, registry)
    found = await store.find_leftovers(kept=())
    assert [(one.what, one.name) for one in found] == [
        ("table", "acme_lines__s__rows"),
        ("column", "student_values_acme_forum.acme_second__posts"),
        ("column", "student_values_acme_forum.acme_second__posts__pct"),
        ("rows", "acme_lines"),
        ("rows", "acme_second"),
    ]
    await store.remove_leftovers(found)
    assert await store.find_leftovers(kept=()) == []
    assert await read(store, "own", "acme_first") == {"own": 1, "acme_first": 1}
    await store.close()


async def test_a_package_that_is_gone_leaves_its_tables_to_be_removed(stored: str):
    registry = make_registry(without=("acme_first", "acme_second", "acme_lines"))
    store = await open_store(stored, registry)
    found = await store.find_leftovers(kept=())
    assert [one.name for one in found if one.what == "table"] == [
        "acme_lines__s__rows", "student_values_acme_forum",
    ]  # fmt: skip
    await store.remove_leftovers(found)
    assert await store.find_leftovers(kept=()) == []
    await store.close()


@pytest.mark.parametrize("kept", [(PLUGIN,), ("acme_first", "acme_second", "acme_lines")])
async def test_what_takes_no_part_but_is_installed_keeps_its_own(
    stored: str, kept: tuple[str, ...]
):
    gone = ("acme_second", "acme_lines")
    store = await open_store(stored, make_registry(without=gone))
    found = await store.find_leftovers(kept=kept)
    assert found == []
    await store.close()
