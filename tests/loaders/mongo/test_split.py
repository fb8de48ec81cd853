"""Courses of the split modulestore."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from bson import ObjectId
from bson.datetime_ms import DatetimeMS

from courselens.errors import SourceMalformed
from courselens.simulator.split_store import split_documents
from loaders.course_rows import build_course_tables
from loaders.datasets import BLOCK_ACCESS, BLOCKS, COURSES, GRADING_POLICY
from loaders.files.course_files import FolderFiles
from loaders.files.olx import read_olx
from tests.data.mongo_course import (
    DEFINITION_ID,
    KEY,
    STRUCTURE_ID,
    active_version,
    block,
    structure,
    usage,
)

DAY_US = 86_400_000_000
POLICY = {
    "GRADER": [{"type": "Homework", "min_count": 2, "drop_count": 1, "weight": 0.5}],
    "GRADE_CUTOFFS": {"A": 0.9, "Pass": 0.6},
}
SMALL = (
    block(
        "course",
        "course",
        "chapter/a",
        display_name="Small",
        start=datetime(1970, 1, 2, tzinfo=UTC),
    ),
    block("chapter", "a", "sequential/s", start="1970-01-04T00:00:00Z"),
    block("sequential", "s", "vertical/v", format="Homework", graded=True),
    block("vertical", "v", "problem/p", due=datetime(1970, 1, 11, tzinfo=UTC)),
    block("problem", "p", weight=3.0, max_attempts=2, group_access={"50": [7, 8]}),
)


def column(tables, name, kind="blocks"):
    return tables[kind][name].to_pylist()


async def test_the_published_structure_becomes_the_tree(open_source, put_course):
    put_course(*SMALL, policy=POLICY)

    async with open_source() as source:
        tables = await source.course_tables(KEY)

    assert column(tables, "block_key") == [
        usage("course", "course"),
        usage("chapter", "a"),
        usage("sequential", "s"),
        usage("vertical", "v"),
        usage("problem", "p"),
    ]
    # Days after 1970-01-01, as a BSON date and as text; the latest start on the way down holds.
    assert column(tables, "released_us") == [DAY_US, *[3 * DAY_US] * 4]
    assert column(tables, "due_us") == [None, None, None, 10 * DAY_US, 10 * DAY_US]
    assert column(tables, "graded") == [False, False, True, True, True]
    assert column(tables, "assignment_type") == [None, None, *["Homework"] * 3]
    assert column(tables, "weight")[-1] == 3.0
    assert column(tables, "max_attempts")[-1] == 2
    assert column(tables, "group_id", "block_access") == [7, 8]
    assert tables["grading_policy"].to_pylist() == [
        {
            "course_key": KEY,
            "assignment_type": "Homework",
            "position": 0,
            "min_count": 2,
            "drop_count": 1,
            "weight": 0.5,
        }
    ]
    assert column(tables, "pass_cutoff", "courses") == [0.6]
    assert column(tables, "display_name", "courses") == ["Small"]
    for dataset in (BLOCKS, BLOCK_ACCESS, COURSES, GRADING_POLICY):
        assert tables[dataset.name].schema == dataset.schema


async def test_a_course_without_a_policy_of_its_own_has_the_platforms(open_source, put_course):
    put_course(*SMALL)

    async with open_source() as source:
        tables = await source.course_tables(KEY)

    rows = [
        (row["assignment_type"], row["min_count"], row["drop_count"], row["weight"])
        for row in tables["grading_policy"].to_pylist()
    ]
    assert rows == [
        ("Homework", 12, 2, 0.15),
        ("Lab", 12, 2, 0.15),
        ("Midterm Exam", 1, 0, 0.3),
        ("Final Exam", 1, 0, 0.4),
    ]
    assert column(tables, "pass_cutoff", "courses") == [0.5]


async def test_the_version_that_mysql_gives_goes_before_that_of_mongodb(
    open_source, put_course, database
):
    put_course(*SMALL)
    other = ObjectId("65b0c0de00000000000000bb")
    database["modulestore.structures"].insert_one(structure(SMALL[0], _id=other))

    async with open_source() as source:
        loaded = await source.load_course(KEY, published_version=str(other))
        assert await source.published_version(KEY) == str(STRUCTURE_ID)

    assert loaded.version == str(other)
    assert loaded.tables["blocks"].num_rows == 1


@pytest.mark.parametrize("versions", [{"draft-branch": STRUCTURE_ID}, {}])
async def test_a_course_that_was_never_published_has_no_rows(open_source, put_course, versions):
    put_course(*SMALL, version=active_version(versions=versions))

    async with open_source() as source:
        tables = await source.course_tables(KEY)
        assert await source.course_keys() == []

    assert {name: table.num_rows for name, table in tables.items()} == {
        "courses": 0,
        "blocks": 0,
        "block_access": 0,
        "grading_policy": 0,
    }


async def test_an_empty_version_of_mysql_says_never_published(open_source, put_course):
    put_course(*SMALL)

    async with open_source() as source:
        tables = await source.course_tables(KEY, published_version="")

    assert tables["courses"].num_rows == 0


@pytest.mark.parametrize(
    "key", ["course-v1:O+C+other", "Old/Course/Run", "no key", "library-v1:O+L"]
)
async def test_an_unknown_course_has_no_rows(open_source, put_course, key):
    put_course(*SMALL)

    async with open_source() as source:
        tables = await source.course_tables(key)

    assert [table.num_rows for table in tables.values()] == [0, 0, 0, 0]


async def test_of_two_entries_of_a_run_the_one_updated_last_counts(open_source, database):
    newer = ObjectId("65b0c0de00000000000000bb")
    database["modulestore.active_versions"].insert_many(
        [
            active_version(last_update=datetime(2025, 1, 1, tzinfo=UTC)),
            active_version(
                last_update=datetime(2025, 1, 2, tzinfo=UTC), versions={"published-branch": newer}
            ),
            active_version(last_update=datetime(2024, 1, 1, tzinfo=UTC)),
        ]
    )

    async with open_source() as source:
        assert await source.published_version(KEY) == str(newer)


async def test_courses_are_listed_without_libraries(open_source, database):
    database["modulestore.active_versions"].insert_many(
        [
            active_version(run="R2"),
            active_version(),
            active_version(run="library", versions={"library": STRUCTURE_ID}),
        ]
    )

    async with open_source() as source:
        assert await source.course_keys() == [KEY, "course-v1:O+C+R2"]


async def test_what_a_block_copied_from_a_library_holds_where_it_sets_nothing(
    open_source, put_course
):
    problem = block("problem", "p", weight=5.0)
    problem["defaults"] = {"weight": 1.0, "max_attempts": 4}
    put_course(block("course", "course", "problem/p"), problem)

    async with open_source() as source:
        tables = await source.course_tables(KEY)

    assert (column(tables, "weight")[1], column(tables, "max_attempts")[1]) == (5.0, 4)


async def test_the_arms_of_an_experiment_are_in_its_definition(open_source, put_course, database):
    arms = ObjectId("65b0c0de00000000000000ee")
    put_course(
        block("course", "course", "split_test/t"),
        block("split_test", "t", "vertical/x", "vertical/y", definition=arms),
        block("vertical", "x"),
        block("vertical", "y"),
    )
    database["modulestore.definitions"].insert_one(
        {
            "_id": arms,
            "block_type": "split_test",
            "fields": {
                "user_partition_id": 9,
                "group_id_to_child": {"0": ["vertical", "x"], "1": usage("vertical", "y")},
            },
        }
    )

    async with open_source() as source:
        tables = await source.course_tables(KEY)

    assert [
        (row["block_key"], row["partition_id"], row["group_id"])
        for row in tables["block_access"].to_pylist()
    ] == [(usage("vertical", "x"), 9, 0), (usage("vertical", "y"), 9, 1)]


async def test_blocks_that_do_not_fit_are_problems_and_the_rest_is_loaded(open_source, put_course):
    put_course(
        block("course", "course", "chapter/a", "chapter/gone"),
        block("chapter", "a", "sequential/s"),
        block("sequential", "s", "chapter/a"),
        block("vertical", "orphan"),
        block("about", "overview"),
        {"definition": DEFINITION_ID},
    )

    async with open_source() as source:
        loaded = await source.load_course(KEY)

    assert column(loaded.tables, "block_type") == ["course", "chapter", "sequential"]
    reasons = [problem.reason.removeprefix(f"{KEY}: ") for problem in loaded.problems]
    assert sorted(reasons) == [
        "1 blocks that no block of the tree points to were left out: "
        + usage("vertical", "orphan"),
        f"{usage('chapter', 'a')} is below itself (child of {usage('sequential', 's')}); cut there",
        f"{usage('course', 'course')} has a child that does not exist: {usage('chapter', 'gone')}",
    ]
    assert loaded.problems[0].path.endswith(f"modulestore.structures/{STRUCTURE_ID}")


async def test_without_its_root_the_rest_of_a_course_is_loaded(open_source, put_course):
    put_course(block("chapter", "a"))

    async with open_source() as source:
        loaded = await source.load_course(KEY)

    assert column(loaded.tables, "depth") == [1]
    assert "the course root is missing" in loaded.problems[0].reason


async def test_a_missing_definition_leaves_the_policy_unknown_until_it_is_there(
    open_source, put_course, database
):
    put_course(*SMALL, policy=POLICY)
    kept = database["modulestore.definitions"].find_one({})
    database["modulestore.definitions"].delete_many({})

    async with open_source() as source:
        before = await source.load_course(KEY)
        database["modulestore.definitions"].insert_one(kept)
        after = await source.load_course(KEY)

    assert "grading_policy" not in before.tables
    assert [problem.reason for problem in before.problems] == [
        f"{KEY}: {usage('course', 'course')}: its definition does not exist"
    ]
    assert column(before.tables, "pass_cutoff", "courses") == [None]
    assert after.problems == ()
    assert after.tables["grading_policy"].num_rows == 1


async def test_a_date_that_python_cannot_hold_costs_that_date_only(open_source, put_course):
    far = DatetimeMS(300_000_000_000_000)
    put_course(block("course", "course", "chapter/a", start=far), block("chapter", "a"))

    async with open_source() as source:
        loaded = await source.load_course(KEY)

    assert column(loaded.tables, "released_us") == [None, None]
    assert "start" in loaded.problems[0].reason


@pytest.mark.parametrize("version", [str(STRUCTURE_ID), "not hexadecimal"])
async def test_a_version_without_a_structure_is_an_error_that_names_the_course(
    open_source, version
):
    async with open_source() as source:
        with pytest.raises(SourceMalformed, match="course-v1:O\\+C\\+R"):
            await source.course_tables(KEY, published_version=version)


async def test_a_structure_is_read_once(open_source, put_course, database):
    put_course(*SMALL)

    async with open_source() as source:
        before = await source.course_tables(KEY)
        database["modulestore.structures"].delete_many({})
        after = await source.course_tables(KEY)

    assert after is before


async def test_the_demo_course_is_the_same_from_olx_and_from_mongodb(
    open_source, database, demo_folder
):
    raw, problems = read_olx(FolderFiles(demo_folder), "demo")
    assert raw is not None
    assert problems == ()
    expected, _ = build_course_tables([raw])
    documents = split_documents(raw)
    database["modulestore.active_versions"].insert_one(documents.active_version)
    database["modulestore.structures"].insert_many(documents.structures)
    database["modulestore.definitions"].insert_many(documents.definitions)

    async with open_source() as source:
        assert await source.course_keys() == ["course-v1:OpenedX+DemoX+DemoCourse"]
        loaded = await source.load_course(raw.course_key)

    assert loaded.problems == ()
    assert loaded.version == documents.published_version
    # As many as SOURCE.md of the sample counts: 82 containers and 319 leaves.
    assert loaded.tables["blocks"].num_rows == 401
    assert loaded.tables["grading_policy"].num_rows == 3
    assert loaded.tables == expected
