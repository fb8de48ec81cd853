"""What was written is read back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from aggregates.fields import FieldRef
from aggregates.naming import StoredLevel
from aggregates.records import CourseRecord, GroupRecord, StudentRecord
from aggregates.store import Store
from courselens.domain import from_us
from courselens.errors import BadParameter, UnknownIndicator
from indicators.registry import Registry
from tests.data.stored_course import (
    AS_OF_US,
    COMPUTED_US,
    COURSE_KEY,
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import Activity

PEOPLE = [
    Person(1, cohort="Blue", arm="50:1", gender="f", username="ann"),
    Person(2, cohort="Blue"),
    Person(3, in_l=False),
]
FIRST_AT = datetime(2026, 2, 1, 10, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def course(store: Store, registry: Registry) -> CourseRecord:
    results = [
        build_result(
            registry.indicator("toy_progress"),
            student={
                "values": [
                    {
                        "user_id": 1,
                        "days": 3,
                        "ratio": 0.1,
                        "passed": False,
                        "pace": "slow",
                        "first_at": FIRST_AT,
                        "first_day": date(2026, 2, 1),
                        "tags": ['a"b', "", "c,d"],
                        "paces": ["fast", "slow"],
                        "weeks": [1, 5],
                    },
                    {"user_id": 2, "tags": []},
                ]
            },
            standing=[{"user_id": 1, "field": "days", "percentile": 50.0}],
        ),
        build_result(
            registry.indicator("toy_chapters"),
            student={
                "rows": [
                    {"user_id": 2, "chapter": "c1", "activity": "forum", "seconds": 1.0},
                    {"user_id": 1, "chapter": "c1", "activity": "video", "seconds": 2.0},
                    {"user_id": 1, "chapter": "c2", "activity": None, "seconds": None},
                ],
                "total": [{"user_id": 1, "seconds": 2.0}],
            },
            group={"rows": [{"group_id": "course", "chapter": "c1", "seconds": 3.0}]},
        ),
        build_result(
            registry.indicator("toy_time"),
            student={},
            group={
                "values": [{"group_id": "cohort:Blue", "active_learners": 2, "mean_seconds": None}],
            },
            summaries=[
                {
                    "group_id": "course",
                    "field": "seconds",
                    "n": 2,
                    "n_null": 1,
                    "mean": 1.5,
                    "sum": 3.0,
                    "histogram": [1, 0, 1],
                }
            ],
            missing_source=("events",),
            notes={"cutoff_defaulted": True},
            start_us=-(2**62),
        ),
        build_result(
            registry.indicator("acme_posts"), student={"values": [{"user_id": 3, "posts": 4}]}
        ),
    ]
    await store.write(
        build_course(PEOPLE, results, pass_cutoff=0.5), input_digest="reader", cursors={}
    )
    found = await store.reader.course(COURSE_KEY)
    assert found is not None
    return found


async def test_a_course_is_known_by_its_facts(course: CourseRecord, store: Store):
    assert course.display_name == "Toy"
    assert course.org == "Uni"
    assert course.pass_cutoff == 0.5
    assert course.start_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert course.end_at is None
    assert course.computed_at == from_us(COMPUTED_US)
    assert await store.reader.course("course-v1:Uni+Nowhere+2026") is None


async def test_groups_are_listed_by_id(course: CourseRecord, store: Store):
    assert await store.reader.groups(course) == [
        GroupRecord("arm:50:1", "arm", "50:1", 1),
        GroupRecord("cohort:Blue", "cohort", "Blue", 2),
        GroupRecord("course", "course", "course", 2),
    ]


async def test_a_student_is_found_by_id_or_name(course: CourseRecord, store: Store):
    ann = StudentRecord(
        user_id=1,
        username="ann",
        mode="audit",
        cohort="Blue",
        grade_band=None,
        year_of_birth=None,
        gender="f",
        level_of_education=None,
        country=None,
        enrolled_at=from_us(AS_OF_US + 1),
        in_l=True,
        in_e=True,
    )
    assert await store.reader.student(course, user_id=1) == ann
    assert await store.reader.student(course, username="ann") == ann
    assert await store.reader.student(course, user_id=99) is None
    assert await store.reader.student(course, user_id=2**70) is None
    left = await store.reader.student(course, user_id=3)
    assert left is not None
    assert not left.in_l


async def test_text_that_no_database_holds_is_the_askers_fault(course: CourseRecord, store: Store):
    with pytest.raises(BadParameter, match="NUL"):
        await store.reader.student(course, username="a\0b")
    with pytest.raises(BadParameter, match="NUL"):
        await store.reader.student(course, username="\ud800")


async def test_every_kind_of_value_comes_back(course: CourseRecord, store: Store):
    names = "days ratio passed pace first_at first_day tags paces weeks".split()  # noqa: SIM905
    refs = [FieldRef("toy_progress", name) for name in names]
    found = await store.reader.student_values(course, [1, 2, 99], refs, standing=True)
    assert [found[1][ref.column] for ref in refs] == [
        3,
        0.1,
        False,
        "slow",
        FIRST_AT,
        date(2026, 2, 1),
        ['a"b', "", "c,d"],
        ["fast", "slow"],
        [1, 5],
    ]
    assert [found[2][ref.column] for ref in refs] == [None] * 6 + [[]] + [None] * 2
    assert [found[99][ref.column] for ref in refs] == [None] * 9
    assert found[1][refs[0].standing_column] == 50.0
    assert found[2][refs[0].standing_column] is None


async def test_values_of_two_providers_come_in_one_answer(course: CourseRecord, store: Store):
    refs = [FieldRef("acme_posts", "posts"), FieldRef("toy_progress", "days")]
    found = await store.reader.student_values(course, [1, 3], refs, standing=False)
    assert [[found[user][ref.column] for ref in refs] for user in (1, 3)] == [[None, 3], [4, None]]
    assert await store.reader.student_values(course, [1], [], standing=True) == {1: {}}


async def rows(
    store: Store, course: CourseRecord, key: str, level: StoredLevel, part: str, subjects: list[Any]
) -> dict[Any, list[dict[str, Any]]]:
    found = await store.reader.rows(course, key, level, part, subjects)
    names = ("chapter", "activity", "seconds", "active_learners", "mean_seconds")
    return {
        subject: [{name: row[name] for name in names if name in row} for row in each]
        for subject, each in found.items()
    }


async def test_rows_come_by_subject_in_the_order_of_the_result(course: CourseRecord, store: Store):
    assert await rows(store, course, "toy_chapters", "student", "rows", [1, 2, 3]) == {
        1: [
            {"chapter": "c1", "activity": Activity.VIDEO, "seconds": 2.0},
            {"chapter": "c2", "activity": None, "seconds": None},
        ],
        2: [{"chapter": "c1", "activity": Activity.FORUM, "seconds": 1.0}],
        3: [],
    }
    assert await rows(store, course, "toy_chapters", "student", "total", [1]) == {
        1: [{"seconds": 2.0}]
    }


async def test_groups_have_rows_and_scalars(course: CourseRecord, store: Store):
    assert await rows(store, course, "toy_chapters", "group", "rows", ["course"]) == {
        "course": [{"chapter": "c1", "activity": None, "seconds": 3.0}]
    }
    groups = ["course", "cohort:Blue"]
    assert await rows(store, course, "toy_time", "group", "values", groups) == {
        "course": [],
        "cohort:Blue": [{"active_learners": 2, "mean_seconds": None}],
    }


async def test_an_envelope_says_how_a_result_was_made(course: CourseRecord, store: Store):
    found = await store.reader.envelopes(course, ["toy_time", "acme_posts", "nobody"])
    assert set(found) == {"toy_time", "acme_posts"}
    envelope = found["toy_time"]
    assert envelope.missing_source == ("events",)
    assert envelope.notes == {"cutoff_defaulted": True}
    assert envelope.parameters == {"tz": "UTC"}
    assert (envelope.start_at, envelope.end_at) == (None, from_us(AS_OF_US))
    assert envelope.status == "ready"
    assert found["acme_posts"].provider == "acme-forum"
    assert found["acme_posts"].provider_version == "1.0"


async def test_a_null_result_is_null_for_everyone(course: CourseRecord, store: Store):
    ref = FieldRef("toy_time", "seconds")
    found = await store.reader.student_values(course, [1, 2], [ref], standing=True)
    assert [found[user][ref.column] for user in (1, 2)] == [None, None]


async def test_summaries_are_found_by_group_and_field(course: CourseRecord, store: Store):
    refs = [FieldRef("toy_time", "seconds"), FieldRef("toy_progress", "days")]
    found = await store.reader.summaries(course, ["course", "cohort:Blue"], refs)
    assert set(found) == {("course", "toy_time", "seconds")}
    summary = found["course", "toy_time", "seconds"]
    assert (summary.n, summary.n_null, summary.mean, summary.sd) == (2, 1, 1.5, None)
    assert summary.histogram == (1, 0, 1)


async def test_blocks_have_names_and_places(course: CourseRecord, store: Store):
    found = await store.reader.blocks(course, ["c1", "_forum_"])
    assert set(found) == {"c1"}
    assert (found["c1"].display_name, found["c1"].position) == ("Chapter c1", 2)
    assert found["c1"].due_at == from_us(AS_OF_US)


async def test_what_nobody_declares_is_refused(course: CourseRecord, store: Store):
    with pytest.raises(UnknownIndicator):
        await store.reader.student_values(course, [1], [FieldRef("x", "y")], standing=False)
    with pytest.raises(BadParameter):
        await store.reader.rows(course, "toy_time", "student", 'rows"; --', [1])
