"""Blocks per type."""

from __future__ import annotations

import pytest

from courselens.errors import MissingSource
from courselens.testing import CourseBuilder, run_indicator, run_live_course, worked_example


def counts(course):
    result = run_indicator("course_module_counts", course, as_of="2024-06-01")
    assert {row["group_id"] for row in result.group["rows"].to_pylist()} <= {"course"}
    return {row["block_type"]: row["blocks"] for row in result.group["rows"].to_pylist()}


def test_every_block_of_the_worked_example_counts_by_its_type():
    assert counts(worked_example()) == {
        "chapter": 2,
        "course": 1,
        "problem": 3,
        "sequential": 3,
        "vertical": 3,
        "video": 1,
    }


def test_children_of_a_library_count_once_and_hidden_blocks_count_too():
    course = CourseBuilder().block("course", "course")
    course.block("library", "library_content", under="course")
    for key in ("P1", "P2"):
        course.block(key, "problem", under="library", draw_wrapper_key="library",
                     draw_child_key=key)  # fmt: skip
    course.block("draft", "html", under="course", visible_to_staff_only=True)
    assert counts(course) == {"course": 1, "html": 1, "library_content": 1, "problem": 2}


def test_without_a_structure_there_are_no_rows_and_it_says_so():
    course = CourseBuilder().student(1, enrolled="2024-03-04")
    result = run_indicator("course_module_counts", course, as_of="2024-06-01")
    assert result.envelope.missing_source == ("blocks",)
    assert result.group["rows"].num_rows == 0


async def test_counts_read_now_are_those_that_are_computed_in_the_same_order():
    found = await run_live_course("course_module_counts", worked_example())
    computed = run_indicator("course_module_counts", worked_example(), as_of="2024-06-01")
    assert [(row.block_type, row.blocks) for row in found.rows] == [
        (row["block_type"], row["blocks"]) for row in computed.group["rows"].to_pylist()
    ]


async def test_without_a_structure_there_is_nothing_to_read():
    with pytest.raises(MissingSource):
        await run_live_course("course_module_counts", CourseBuilder().student(1))
