"""What the class is told changes only when ten people changed, together with the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from aggregates.records import ReleasedRecord
from aggregates.store import Store
from courselens.domain import DAY_US, Level, from_us
from indicators.contract import Privacy
from indicators.registry import Registry
from indicators.result import CourseResults, Status
from indicators.shape import Key
from tests.data.stored_course import (
    AS_OF_US,
    COURSE_KEY,
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import (
    ToyChapters,
    ToyTime,
    build_registry,
    declare,
)

ALL = (Privacy.SELF, Privacy.STAFF, Privacy.AGG)


@dataclass(frozen=True, slots=True)
class Kind:
    kind: Annotated[str, Key("Kind.")]
    learners: int | None
    views: int | None


@dataclass(frozen=True, slots=True)
class Kinds:
    rows: list[Kind]


@pytest.fixture
def registry() -> Registry:
    return build_registry(
        [
            declare("toy_time", student=ToyTime, privacy=ALL),
            declare("toy_chapters", student=ToyChapters, group=ToyChapters, privacy=ALL),
            declare("toy_kinds", group=Kinds, levels=(Level.COURSE,), privacy=(Privacy.AGG,)),
            declare(
                "toy_profiles",
                group=Kinds,
                levels=(Level.COURSE,),
                privacy=(Privacy.PROFILE, Privacy.AGG),
            ),
            declare("toy_secret", student=ToyTime, privacy=(Privacy.SELF, Privacy.STAFF)),
        ]
    )


@pytest.fixture(autouse=True)
async def forgotten(store: Store) -> None:
    """What the tests before have told."""
    await store.database.execute("TRUNCATE courses, released", deadline_seconds=10)


def course(
    registry: Registry,
    day: int,
    seconds: Sequence[float],
    *,
    kinds: Mapping[str, int] = {},
    **envelope: Any,
) -> CourseResults:
    """Students 1 and on with these seconds, all in chapter one; `kinds` counts by kind."""
    one = registry.indicator
    facts: dict[str, Any] = {"as_of_us": AS_OF_US + day * DAY_US, **envelope}
    users = range(1, len(seconds) + 1)
    values = [{"user_id": user, "seconds": s} for user, s in zip(users, seconds, strict=True)]
    mean = sum(seconds) / len(seconds)
    summary = {"group_id": "course", "field": "seconds", "n": len(seconds), "n_null": 0}
    chapter = {"chapter": "c1", "activity": None}
    return build_course(
        [Person(user) for user in users],
        [
            *(
                build_result(
                    one(key), student={"values": values}, summaries=[{**summary, "mean": mean}],
                    **facts,
                )
                for key in ("toy_time", "toy_secret")
            ),
            build_result(
                one("toy_chapters"),
                student={"rows": [{**row, **chapter} for row in values]},
                group={"rows": [{"group_id": "course", "seconds": sum(seconds), **chapter}]},
                **facts,
            ),
            build_result(
                one("toy_kinds"),
                group={
                    "rows": [
                        {"group_id": "course", "kind": kind, "learners": count, "views": day}
                        for kind, count in kinds.items()
                    ]
                },
                **facts,
            ),
        ],
    )  # fmt: skip


async def told(store: Store, key: str) -> dict[str, ReleasedRecord]:
    """Released rows by their first key, the summary by nothing."""
    found = await store.reader.course(COURSE_KEY)
    assert found is not None
    rows = await store.reader.released(found, [key])
    return {str(row.content.get("kind", row.content.get("chapter", ""))): row for row in rows}


async def write(store: Store, results: CourseResults, day: int) -> None:
    await store.write(results, input_digest=str(day), cursors={})


async def test_old_value_stays_with_its_instant_until_ten_people_changed(
    store: Store, registry: Registry
) -> None:
    seconds = [100.0, 200.0] * 30
    for day, changed in enumerate((0, 9, 9, 30)):
        now = [*(one + day for one in seconds[:changed]), *seconds[changed:]]
        await write(store, course(registry, day, now), day)
        summary = (await told(store, "toy_time"))[""]
        chapter = (await told(store, "toy_chapters"))["c1"]
        released_on = 3 if changed == 30 else 0
        for unit in (summary, chapter):
            assert unit.as_of == from_us(AS_OF_US + released_on * DAY_US)
            assert unit.people == 60
        mean = 151.5 if changed == 30 else 150.0
        assert summary.content["mean"] == mean
        assert chapter.content["seconds"] == 60 * mean


@pytest.mark.parametrize("others", [0, 2, 3])
async def test_what_all_or_all_but_two_of_a_row_share_is_not_released(
    store: Store, registry: Registry, others: int
) -> None:
    seconds = [*[100.0] * (60 - others), *(200.0 + number for number in range(others))]
    await write(store, course(registry, 0, seconds), 0)
    chapter = (await told(store, "toy_chapters"))["c1"]
    assert chapter.content["seconds"] == (sum(seconds) if others == 3 else None)
    assert (await told(store, "toy_time"))[""].most_equal == 60 - others


async def test_a_row_of_nobody_waits_for_ten_as_well(store: Store, registry: Registry) -> None:
    for day, active in enumerate((0, 9, 20)):
        seconds = [*(100.0 + n for n in range(active)), *[0.0] * (60 - active)]
        await write(store, course(registry, day, seconds), day)
        people = (await told(store, "toy_chapters"))["c1"].people
        assert people == (20 if active == 20 else 0)


async def test_newcomers_wait_until_they_are_ten(store: Store, registry: Registry) -> None:
    sizes = [60, 61, 65, 69, 85]
    found = []
    for day, size in enumerate(sizes):
        await write(store, course(registry, day, [100.0] * size), day)
        found.append((await told(store, "toy_time"))[""].content["n"])
    assert found == [60, 60, 60, 60, 85]


async def test_rows_of_counts_change_one_by_one(store: Store, registry: Registry) -> None:
    seconds = [100.0] * 60
    days: list[Mapping[str, int]] = [
        {"a": 20, "b": 40}, {"a": 29, "b": 31}, {"a": 30, "b": 31, "c": 4}, {"c": 13},
    ]  # fmt: skip
    found = []
    for day, kinds in enumerate(days):
        await write(store, course(registry, day, seconds, kinds=kinds), day)
        rows = await told(store, "toy_kinds")
        found.append({kind: row.content["learners"] for kind, row in rows.items()})
    # A row of four is kept, though never shown: nobody is to see it grow from nine to ten.
    assert found == [
        {"a": 20, "b": 40}, {"a": 20, "b": 40}, {"a": 30, "b": 40, "c": 4}, {"c": 4},
    ]  # fmt: skip


async def test_what_is_not_for_the_class_is_not_released(store: Store, registry: Registry) -> None:
    await write(store, course(registry, 0, [100.0] * 60), 0)
    assert await told(store, "toy_secret") == {}


async def test_failed_result_changes_nothing(store: Store, registry: Registry) -> None:
    await write(store, course(registry, 0, [100.0] * 60), 0)
    before = await told(store, "toy_time")
    failed = course(registry, 1, [1.0] * 60, status=Status.FAILED)
    await write(store, failed, 1)
    assert await told(store, "toy_time") == before


async def test_new_definition_is_released_at_once(store: Store, registry: Registry) -> None:
    await write(store, course(registry, 0, [100.0] * 60), 0)
    await write(store, course(registry, 1, [100.0] * 60, version=2), 1)
    assert (await told(store, "toy_time"))[""].as_of == from_us(AS_OF_US + DAY_US)


async def test_release_is_part_of_the_refresh(store: Store, registry: Registry) -> None:
    await write(store, course(registry, 0, [100.0] * 60), 0)
    before = await told(store, "toy_time")

    async def refuse(_connection: object) -> None:
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        await store.write(
            course(registry, 1, [7.0] * 60), input_digest="1", cursors={}, guard=refuse
        )
    assert await told(store, "toy_time") == before


async def test_who_is_in_it_is_not_kept(store: Store, registry: Registry) -> None:
    await write(store, course(registry, 0, [100.0] * 60), 0)
    columns = await store.database.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'released'"
    )
    assert not {row[0] for row in columns} & {"user_id", "username", "users"}


def by_gender(registry: Registry, day: int, genders: str) -> CourseResults:
    """Students 1 and on of these genders, counted."""
    facts: dict[str, Any] = {"as_of_us": AS_OF_US + day * DAY_US}
    rows = [
        {"group_id": "course", "kind": one, "learners": genders.count(one), "views": day}
        for one in sorted(set(genders))
    ]
    return build_course(
        [Person(user, gender=one) for user, one in enumerate(genders, start=1)],
        [build_result(registry.indicator("toy_profiles"), group={"rows": rows}, **facts)],
    )


async def test_tables_by_profile_change_as_a_whole_when_ten_profiles_did(
    store: Store, registry: Registry
) -> None:
    async def counts(day: int, genders: str) -> dict[str, int]:
        await write(store, by_gender(registry, day, genders), day)
        rows = await told(store, "toy_profiles")
        (size,) = {row.size for row in rows.values()}  # all of one day
        assert sum(row.content["learners"] for row in rows.values()) == size
        return {name: row.content["learners"] for name, row in rows.items()}

    assert await counts(1, "f" * 30 + "m" * 25 + "o") == {"f": 30, "m": 25, "o": 1}
    # The only o has left, and an x is new; then the tenth profile changes.
    assert await counts(2, "f" * 30 + "m" * 25 + "x" * 5) == {"f": 30, "m": 25, "o": 1}
    assert await counts(3, "f" * 30 + "m" * 25 + "x" * 20) == {"f": 30, "m": 25, "x": 20}
    # Ten swap genders: no count changes, and nobody can see that they did.
    swapped = "m" * 5 + "f" * 25 + "f" * 5 + "m" * 20 + "x" * 20
    assert await counts(4, swapped) == {"f": 30, "m": 25, "x": 20}


async def test_tables_by_profile_have_one_sketch(store: Store, registry: Registry) -> None:
    await write(store, by_gender(registry, 1, "f" * 30 + "m" * 25), 1)
    sketches = await store.database.fetch("SELECT people, sketch IS NULL AS none FROM released")
    assert sorted((row["people"], row["none"]) for row in sketches) == [(55, False), (55, True)]
