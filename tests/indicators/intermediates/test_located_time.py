"""Time by location and its place in the course."""

from __future__ import annotations

from courselens.testing import CourseBuilder, worked_example
from tests.data.intermediates import result_of, rows_of


def test_each_location_has_its_place_grading_and_time():
    rows = rows_of("located_time", worked_example(), as_of="2024-03-05")
    assert [tuple(row.values())[1:] for row in rows] == [
        ("P1", "C1", "S2", "U2", True, True, 600_000_000, True),
        ("P2", "C1", "S2", "U2", True, True, 0, True),
        ("P3", "C2", "S3", "U3", True, True, 60_000_000, True),
        ("S1", "C1", "S1", None, False, False, 120_000_000, True),
        ("S2", "C1", "S2", None, True, False, 300_000_000, True),
        ("S3", "C2", "S3", None, True, False, 600_000_000, True),
        ("V1", "C1", "S1", "U1", False, False, 180_000_000, True),
    ]


def test_all_removed_blocks_are_one_and_pseudo_blocks_keep_their_name():
    course = CourseBuilder().block("root", "course").student(1)
    for second, place in enumerate(("gone1", "gone2", "_wiki_", "root")):
        course.event(1, f"2024-03-04T10:00:0{second}", "page", place)
    rows = rows_of("located_time", course, as_of="2024-03-05")
    assert [(row["block_key"], row["credit_us"] // 10**6) for row in rows] == [
        ("_removed_", 2), ("_wiki_", 1), ("root", 0),
    ]  # fmt: skip


def test_a_credit_from_before_the_window_is_no_visit():
    course = CourseBuilder().block("a", "course").student(1)
    course.event(1, "2024-03-04T10:00", "page", "a")
    course.event(1, "2024-03-04T10:10", "page", "_wiki_")
    rows = rows_of("located_time", course, start="2024-03-04T10:05", as_of="2024-03-05")
    assert [(row["block_key"], row["is_visitor"]) for row in rows] == [
        ("_wiki_", True), ("a", False),
    ]  # fmt: skip


def test_it_does_not_exist_without_a_structure():
    course = CourseBuilder().student(1).event(1, "2024-03-04T10:00", "page", "a")
    result = result_of("located_time", course, as_of="2024-03-05")
    assert result.envelope.missing_source == ("blocks",)
