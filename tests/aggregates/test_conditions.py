"""Pages of students: filters, orders and places."""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregates.fields import FieldRef
from aggregates.filters import Cursor, OneOf, Order, Range, StudentFilter
from aggregates.records import CourseRecord
from aggregates.store import Store
from courselens.errors import BadParameter
from indicators.registry import Registry
from tests.data.stored_course import (
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import toy_registry

DAYS = FieldRef("toy_progress", "days")
RATIO = FieldRef("toy_progress", "ratio")
ORDERS = [
    Order(by, descending)
    for by in (
        "user_id",
        "username",
        "cohort",
        "year_of_birth",
        "enrolled_at",
        "grade_band",
        "level_of_education",
        DAYS,
        RATIO,
        FieldRef("toy_progress", "passed"),
        FieldRef("toy_progress", "pace"),
        FieldRef("toy_progress", "first_day"),
        FieldRef("acme_posts", "posts"),
    )
    for descending in (False, True)
]


@dataclass(frozen=True, slots=True)
class Learner:
    person: Person
    days: int | None
    ratio: float | None
    passed: bool | None = None
    pace: str | None = None

    @property
    def values(self) -> dict[str, object]:
        return {
            "user_id": self.person.user_id,
            "days": self.days,
            "ratio": self.ratio,
            "passed": self.passed,
            "pace": self.pace,
        }


async def store_learners(
    store: Store, registry: Registry, learners: list[Learner], key: str
) -> CourseRecord:
    progress = build_result(
        registry.indicator("toy_progress"),
        student={"values": [learner.values for learner in learners]},
        course_key=key,
    )
    people = [learner.person for learner in learners]
    course = build_course(people, [progress], course_key=key)
    await store.write(course, input_digest=repr(learners), cursors={})
    found = await store.reader.course(key)
    assert found is not None
    return found


async def all_pages(
    store: Store, course: CourseRecord, order: Order, who: StudentFilter, size: int
) -> list[int]:
    """User ids of all pages, each begun behind the last one's text."""
    found: list[int] = []
    after: Cursor | None = None
    while True:
        page = await store.reader.student_page(
            course, filter=who, order=order, after=after, first=size
        )
        found += [student.user_id for student in page.students]
        if not page.has_next:
            return found
        after = Cursor.decode(page.cursors[-1].encode())


RANKED = {
    "pace": ["slow", "fast"],
    "grade_band": ["not_done", "fail", "pass", "honours"],
    "level_of_education": ["none", "el", "jhs", "hs", "a", "b", "m", "p"],
}
AS_P = ("p_se", "p_oth")


def in_order(learners: list[Learner], order: Order) -> list[int]:
    """User ids as the order has them, by plain sorting."""

    def value(learner: Learner) -> object:
        found = plain_value(learner)
        name = order.by.field if isinstance(order.by, FieldRef) else order.by
        if name in RANKED and found is not None:
            known = RANKED[name]
            text = "p" if name == "level_of_education" and found in AS_P else found
            # Codes of no order stand behind all others in both directions.
            return known.index(text) if text in known else (-1 if order.descending else 99)
        return found

    def plain_value(learner: Learner) -> object:
        if isinstance(order.by, FieldRef):
            return getattr(learner, order.by.field, None)
        if order.by == "username":
            return learner.person.username or f"student{learner.person.user_id}"
        if order.by == "enrolled_at":
            return learner.person.user_id
        return getattr(learner.person, order.by)

    enrolled = sorted(
        (learner for learner in learners if learner.person.in_l),
        key=lambda each: each.person.user_id,
    )
    known = [learner for learner in enrolled if value(learner) is not None]
    # `reverse` keeps equal ones in place: by user id.
    known.sort(key=value, reverse=order.descending)  # type: ignore[arg-type]
    missing = [learner for learner in enrolled if value(learner) is None]
    return [learner.person.user_id for learner in known + missing]


def some_learners(count: int, seed: int = 4) -> list[Learner]:
    draw = random.Random(seed)
    return [
        Learner(
            Person(
                user_id,
                cohort=draw.choice([None, "Blue", "Red", "blue"]),
                year_of_birth=draw.choice([None, 1990, 2000]),
                grade_band=draw.choice([None, "unknown", "pass", "fail", "not_done", "honours"]),
                level_of_education=draw.choice([None, "m", "p", "p_se", "hs", "other", "none"]),
                in_l=draw.random() > 0.1,
            ),
            days=draw.choice([None, 0, 1, 2**53 + 1, 2**53]),
            ratio=draw.choice([None, 0.1, 0.1 + 0.2, 0.3, 1e-300, -0.0, 0.0]),
            passed=draw.choice([None, True, False]),
            pace=draw.choice([None, "slow", "fast"]),
        )
        for user_id in draw.sample(range(1, 500), count)
    ]


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_pages_joined_are_the_whole_order(store: Store, registry: Registry, order: Order):
    learners = some_learners(60)
    course = await store_learners(store, registry, learners, "course-v1:Uni+Pages+1")
    expected = in_order(learners, order)
    for size in (1, 7, 60, 100):
        assert await all_pages(store, course, order, StudentFilter(), size) == expected


LEARNERS = st.lists(
    st.builds(
        Learner,
        person=st.builds(
            Person,
            user_id=st.integers(1, 40),
            cohort=st.sampled_from([None, "", "Blue", "Red"]),
            year_of_birth=st.none() | st.integers(1990, 1992),
            in_l=st.booleans(),
        ),
        days=st.none() | st.integers(-2, 2) | st.integers(-(2**63), 2**63 - 1),
        ratio=st.none() | st.sampled_from([0.0, 0.5]) | st.floats(-1e9, 1e9),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda learner: learner.person.user_id,
)
_runs = itertools.count()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    learners=LEARNERS,
    order=st.sampled_from([Order(by, down) for by in (DAYS, RATIO, "cohort") for down in (0, 1)]),
    size=st.integers(1, 5),
    low=st.none() | st.integers(-2, 2),
    cohorts=st.sets(st.sampled_from(["Blue", "Red", "unknown"])),
)
def test_any_page_of_any_filter_is_right(
    postgres_url: str,
    learners: list[Learner],
    order: Order,
    size: int,
    low: int | None,
    cohorts: set[str],
):
    who = StudentFilter(
        cohorts=tuple(cohorts), values=() if low is None else ((DAYS, Range(gte=low, lt=2)),)
    )
    chosen = [
        learner
        for learner in learners
        if (not cohorts or (learner.person.cohort or "unknown") in cohorts)
        and (low is None or (learner.days is not None and low <= learner.days < 2))
    ]

    async def read() -> tuple[list[int], int]:
        registry = toy_registry()
        store = await Store.connect(postgres_url, registry=registry, pool_size=1)
        try:
            await store.migrate()
            course = await store_learners(store, registry, learners, "course-v1:Uni+Any+1")
            return (
                await all_pages(store, course, order, who, size),
                await store.reader.count_students(course, who),
            )
        finally:
            await store.close()

    # The empty cohort sorts before all others: it is a value, though it filters as unknown.
    expected = in_order(chosen, order)
    assert asyncio.run(read()) == (expected, len(expected))


async def test_a_place_holds_when_others_come_and_go(store: Store, registry: Registry):
    key = "course-v1:Uni+Moving+1"
    learners = [Learner(Person(user), days=user // 2, ratio=None) for user in range(10, 20)]
    course = await store_learners(store, registry, learners, key)
    order = Order(DAYS)
    page = await store.reader.student_page(
        course, filter=StudentFilter(), order=order, after=None, first=5
    )
    assert [student.user_id for student in page.students] == [10, 11, 12, 13, 14]
    # 14 itself leaves; 1 comes before the place, 15 and 99 stand behind it with the same value.
    after = [replace(learner) for learner in learners if learner.person.user_id != 14]
    after += [
        Learner(Person(1), days=0, ratio=None),
        Learner(Person(99), days=7, ratio=None),
        Learner(Person(98), days=None, ratio=None),
    ]
    course = await store_learners(store, registry, after, key)
    page = await store.reader.student_page(
        course, filter=StudentFilter(), order=order, after=page.cursors[-1], first=9
    )
    assert [student.user_id for student in page.students] == [15, 99, 16, 17, 18, 19, 98]


async def change(
    store: Store, registry: Registry, learners: dict[int, Learner], draw: random.Random, key: str
) -> set[int]:
    """Let some students come, go, be renamed or do something; gives those who are not as before."""
    touched = set()
    for _ in range(3):
        user_id = draw.randrange(100, 200)
        known = learners.get(user_id)
        what = draw.choice(["come or go", "rename", "value"])
        if known is None:
            learners[user_id] = Learner(Person(user_id), days=draw.randrange(4), ratio=None)
        elif what == "come or go":
            del learners[user_id]
        elif what == "rename":
            person = replace(known.person, username=f"{draw.choice('abcxyz')}{user_id}")
            learners[user_id] = replace(known, person=person)
        else:
            learners[user_id] = replace(known, days=draw.choice([None, 0, 2, 9]))
        touched.add(user_id)
    await store_learners(store, registry, list(learners.values()), key)
    return touched


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("order", [Order("username"), Order(DAYS), Order(DAYS, descending=True)])
async def test_who_stays_as_they_are_is_seen_exactly_once_while_the_list_changes(
    store: Store, registry: Registry, order: Order, seed: int
):
    draw, key = random.Random(seed), f"course-v1:Uni+Churn{seed}+1"
    learners = {
        user_id: Learner(Person(user_id), days=draw.choice([None, 0, 1, 2]), ratio=None)
        for user_id in draw.sample(range(100, 200), 40)
    }
    course = await store_learners(store, registry, list(learners.values()), key)
    stayed, seen = set(learners), []
    after: Cursor | None = None
    while True:
        page = await store.reader.student_page(
            course, filter=StudentFilter(), order=order, after=after, first=6
        )
        seen += [student.user_id for student in page.students]
        if not page.has_next:
            break
        after = Cursor.decode(page.cursors[-1].encode())
        stayed -= await change(store, registry, learners, draw, key)
    assert len(stayed) > 5
    kept = [learners[user_id] for user_id in stayed]
    assert [user_id for user_id in seen if user_id in stayed] == in_order(kept, order)


async def test_conditions_all_hold_and_texts_are_alternatives(store: Store, registry: Registry):
    people = [
        Person(1, cohort="Blue", gender="f", year_of_birth=1990, arm="50:1", country="ES"),
        Person(2, cohort="Red", gender="f", year_of_birth=2000, arm="50:2", mode="verified"),
        Person(3, cohort=None, gender="m", year_of_birth=1990, arm="50:1", grade_band="pass"),
        Person(4, cohort="Blue", gender=None, year_of_birth=None),
        Person(5, cohort="Blue", gender="f", year_of_birth=1990, in_l=False),
    ]
    learners = [
        Learner(person, days=days, ratio=None)
        for person, days in zip(people, (5, None, 7, 9, 5), strict=True)
    ]
    course = await store_learners(store, registry, learners, "course-v1:Uni+Who+1")

    async def who(**conditions: object) -> list[int]:
        chosen = StudentFilter(**conditions)  # type: ignore[arg-type]
        found = await all_pages(store, course, Order(), chosen, 10)
        assert await store.reader.count_students(course, chosen) == len(found)
        return found

    assert await who() == [1, 2, 3, 4]
    assert await who(cohorts=("Blue", "Red")) == [1, 2, 4]
    assert await who(cohorts=("Blue",), genders=("f",)) == [1]
    assert await who(cohorts=("unknown",)) == [3]
    assert await who(genders=("unknown", "m")) == [3, 4]
    assert await who(arms=("arm:50:1",)) == [1, 3]
    assert await who(modes=("verified",)) == [2]
    assert await who(grade_bands=("pass",)) == [3]
    assert await who(countries=("ES",)) == [1]
    assert await who(levels_of_education=("p",)) == []
    assert await who(year_of_birth=Range(lte=1990)) == [1, 3]
    assert await who(year_of_birth=Range(gt=1990)) == [2]
    assert await who(values=((DAYS, Range(gte=5, lt=9)),)) == [1, 3]
    assert await who(values=((DAYS, Range(gt=5, lte=9)),)) == [3, 4]
    assert await who(values=((DAYS, Range(gte=float("-inf"))),)) == [1, 3, 4]
    assert await who(values=((DAYS, Range(missing=True)),)) == [2]
    assert await who(values=((DAYS, Range(gte=9, missing=True)),)) == [2, 4]
    assert await who(values=((DAYS, Range()),)) == [1, 2, 3, 4]
    assert await who(year_of_birth=Range(gt=1990, missing=True)) == [2, 4]


async def test_scalars_of_every_kind_are_filtered(store: Store, registry: Registry):
    key = "course-v1:Uni+Kinds+1"
    day, at = date(2026, 2, 1), datetime(2026, 2, 1, 8, tzinfo=UTC)
    rows = [
        {"user_id": 1, "passed": True, "pace": "slow", "first_day": day, "first_at": at,
         "tags": ["a", "b"], "paces": ["slow"]},
        {"user_id": 2, "passed": False, "pace": "fast", "first_day": day + timedelta(days=1),
         "first_at": at + timedelta(microseconds=1), "tags": [], "paces": ["slow", "fast"]},
        {"user_id": 3},
    ]  # fmt: skip
    result = build_result(registry.indicator("toy_progress"), student={"values": rows})
    people = [Person(user_id) for user_id in (1, 2, 3)]
    results = build_course(people, [replace(result, course_key=key)], course_key=key)
    await store.write(results, input_digest="1", cursors={})
    course = await store.reader.course(key)
    assert course is not None

    async def who(field: str, wanted: Range | OneOf) -> list[int]:
        chosen = StudentFilter(values=((FieldRef("toy_progress", field), wanted),))
        return await all_pages(store, course, Order(), chosen, 10)

    assert await who("passed", OneOf((True,))) == [1]
    assert await who("passed", OneOf((False,))) == [2]
    assert await who("pace", OneOf(("slow", "fast"))) == [1, 2]
    assert await who("pace", OneOf(("fast",))) == [2]
    assert await who("pace", OneOf(())) == []
    assert await who("first_day", Range(gt=day)) == [2]
    assert await who("first_day", Range(lte=day, missing=True)) == [1, 3]
    assert await who("first_at", Range(gte=at, lt=at + timedelta(microseconds=1))) == [1]
    # Of a list one item is enough; who has none is `unknown`.
    assert await who("tags", OneOf(("b", "c"))) == [1]
    assert await who("tags", OneOf(("b", "unknown"))) == [1, 2, 3]
    assert await who("paces", OneOf(("fast",))) == [2]
    for field, wanted in (
        ("weeks", OneOf(("1",))), ("weeks", Range(gte=1)), ("days", OneOf(("1",))),
        ("pace", Range(gte=1)), ("passed", Range(gte=1)),
    ):  # fmt: skip
        with pytest.raises(BadParameter, match="filter"):
            await who(field, wanted)


async def test_what_cannot_be_filtered_or_sorted_by_is_refused(store: Store, registry: Registry):
    course = await store_learners(store, registry, some_learners(3), "course-v1:Uni+No+1")

    async def page(order: Order, **more: object) -> None:
        arguments = {"filter": StudentFilter(), "after": None, **more}
        await store.reader.student_page(course, order=order, first=5, **arguments)  # type: ignore[arg-type]

    tags = FieldRef("toy_progress", "tags")
    with pytest.raises(BadParameter, match="single value"):
        await page(Order(tags))
    with pytest.raises(BadParameter, match="of one student"):
        await page(Order(), filter=StudentFilter(values=((tags, Range(gte=1)),)))
    with pytest.raises(BadParameter, match="order_by"):
        await page(Order("in_l; --"))  # type: ignore[arg-type]
    for value in ("x", True, 1.5):
        with pytest.raises(BadParameter, match="a cursor of the same order"):
            await page(Order(DAYS), after=Cursor(value, 1))
