"""Courses of the old modulestore."""

from __future__ import annotations

from loaders.course_rows import build_course_tables
from loaders.files.course_files import FolderFiles
from loaders.files.olx import read_olx
from tests.data.mongo_course import draft_documents

DAY_US = 86_400_000_000


def document(category, name, *children, data=None, revision=None, **metadata):
    return {
        "_id": {
            "tag": "i4x",
            "org": "O",
            "course": "C",
            "category": category,
            "name": name,
            "revision": revision,
        },
        "definition": {
            "data": {} if data is None else data,
            "children": [f"i4x://O/C/{child}" for child in children],
        },
        "metadata": metadata,
    }


async def test_a_run_is_the_tree_below_its_root(open_source, database):
    policy = {"GRADER": [{"type": "Lab", "min_count": 1, "drop_count": 0, "weight": 1.0}]}
    database["modulestore"].insert_many(
        [
            document(
                "course",
                "R1",
                "chapter/a",
                data={"grading_policy": policy, "wiki_slug": "w"},
                start="1970-01-02T00:00:00Z",
            ),
            document("chapter", "a", "problem/p", display_name="First"),
            document("problem", "p", data="<problem/>", weight=2),
            document("problem", "p", data="<problem/>", weight=7, revision="draft"),
            document("course", "R2", "chapter/b"),
            document("chapter", "b"),
        ]
    )

    async with open_source() as source:
        keys = await source.course_keys()
        loaded = await source.load_course("O/C/R1")

    blocks = loaded.tables["blocks"].to_pydict()
    assert keys == ["O/C/R1", "O/C/R2"]
    assert loaded.problems == ()
    assert loaded.version is None
    assert blocks["block_key"] == [
        "i4x://O/C/course/R1",
        "i4x://O/C/chapter/a",
        "i4x://O/C/problem/p",
    ]
    assert blocks["display_name"] == [None, "First", None]
    assert blocks["weight"] == [None, None, 2.0]
    assert blocks["released_us"] == [DAY_US, DAY_US, DAY_US]
    assert loaded.tables["grading_policy"]["assignment_type"].to_pylist() == ["Lab"]


async def test_a_run_without_a_policy_has_the_platforms(open_source, database):
    database["modulestore"].insert_one(document("course", "R"))

    async with open_source() as source:
        tables = await source.course_tables("O/C/R")

    assert tables["grading_policy"].num_rows == 4


async def test_a_run_without_a_root_has_no_rows(open_source, database):
    database["modulestore"].insert_one(document("chapter", "a"))

    async with open_source() as source:
        tables = await source.course_tables("O/C/R")

    assert [table.num_rows for table in tables.values()] == [0, 0, 0, 0]


async def test_blocks_that_no_run_points_to_are_a_problem(open_source, database):
    database["modulestore"].insert_many(
        [document("course", "R", "chapter/gone"), document("chapter", "orphan")]
    )

    async with open_source() as source:
        loaded = await source.load_course("O/C/R")

    assert [problem.reason for problem in loaded.problems] == [
        "O/C/R: i4x://O/C/course/R has a child that does not exist: i4x://O/C/chapter/gone",
        "O/C/R: 1 blocks that no block of the tree points to were left out: "
        "i4x://O/C/chapter/orphan",
    ]


async def test_the_demo_course_is_the_same_from_olx_and_from_the_old_store(
    open_source, database, demo_folder
):
    old_key = "OpenedX/DemoX/DemoCourse"
    raw, _ = read_olx(FolderFiles(demo_folder), "demo", old_keys=frozenset({old_key}))
    assert raw is not None
    expected, _ = build_course_tables([raw])
    database["modulestore"].insert_many(draft_documents(raw))

    async with open_source() as source:
        loaded = await source.load_course(old_key)

    assert loaded.problems == ()
    assert loaded.tables["blocks"].num_rows == 401
    assert loaded.tables == expected
