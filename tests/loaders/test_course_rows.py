from __future__ import annotations

from loaders.course_rows import build_course_tables
from loaders.datasets import DATASETS
from loaders.tree import RawBlock, RawCourse

OLD = "i4x://Org/Course"


def old_course(*blocks, policy=None, **options):
    root = f"{OLD}/course/Run"
    return RawCourse(
        "Org/Course/Run",
        "course.json",
        {each.block_key: each for each in blocks},
        root,
        policy,
        **options,
    )


def old_block(kind, name, *children, **fields):
    return RawBlock(f"{OLD}/{kind}/{name}", kind, fields, children)


def rows(course, dataset):
    tables, problems = build_course_tables([course])
    assert problems == ()
    assert tables[dataset].schema == DATASETS[dataset].schema
    return tables[dataset].to_pylist()


def test_old_keys_give_html_ids_with_the_platforms_replacements():
    course = old_course(
        old_block("course", "Run", f"{OLD}/problem/a:b.c-d"), old_block("problem", "a:b.c-d")
    )

    assert [row["html_id"] for row in rows(course, "blocks")] == [
        "i4x-Org-Course-course-Run",
        "i4x-Org-Course-problem-a_b_c-d",
    ]


def test_a_video_of_unknown_length_has_no_duration():
    names = ["a", "b", "c"]
    course = old_course(
        old_block("course", "Run", *(f"{OLD}/video/{name}" for name in names)),
        old_block("video", "a", duration="0.0"),
        old_block("video", "b", duration=12.5),
        old_block("video", "c"),
    )

    assert [row["duration_seconds"] for row in rows(course, "blocks")] == [None, None, 12.5, None]


def test_a_leaf_is_neither_container_nor_wrapper_nor_parent():
    kinds = ["split_test", "problem-builder", "html", "openassessment"]
    course = old_course(
        old_block("course", "Run", *(f"{OLD}/{kind}/x" for kind in kinds), f"{OLD}/unheard/x"),
        *(old_block(kind, "x") for kind in kinds),
        old_block("unheard", "x", f"{OLD}/html/y"),
        old_block("html", "y"),
    )

    assert {
        row["block_key"].removeprefix(OLD): row["is_leaf"] for row in rows(course, "blocks")
    } == {
        "/course/Run": False,
        "/split_test/x": False,
        "/problem-builder/x": False,
        "/html/x": True,
        "/openassessment/x": True,
        "/unheard/x": False,
        "/html/y": True,
    }


def test_the_course_row_has_dates_and_the_lowest_cutoff_above_zero():
    course = old_course(
        old_block(
            "course",
            "Run",
            display_name="A course",
            start="1970-01-01T00:00:01Z",
            end="1970-01-01T00:00:02Z",
        ),
        policy={"GRADE_CUTOFFS": {"A": 0.9, "Pass": 0.6, "F": 0}},
    )

    (row,) = rows(course, "courses")
    assert row == {
        "course_key": "Org/Course/Run",
        "display_name": "A course",
        "org": "Org",
        "start_us": 1_000_000,
        "end_us": 2_000_000,
        "created_us": None,
        "self_paced": False,
        "pass_cutoff": 0.6,
        "lowest_passing_grade": None,
    }


def test_a_course_without_a_policy_has_no_default_one():
    tables, _ = build_course_tables([old_course(old_block("course", "Run"))])

    assert "grading_policy" not in tables
    assert tables["courses"]["pass_cutoff"].to_pylist() == [None]


def test_assignment_types_keep_their_order():
    policy = {
        "GRADER": [
            {"type": "Lab", "min_count": 3, "drop_count": 1, "weight": 0.25},
            {"type": "Exam", "weight": "0.75"},
        ]
    }

    assert rows(old_course(old_block("course", "Run"), policy=policy), "grading_policy") == [
        {
            "course_key": "Org/Course/Run",
            "assignment_type": "Lab",
            "position": 0,
            "min_count": 3,
            "drop_count": 1,
            "weight": 0.25,
        },
        {
            "course_key": "Org/Course/Run",
            "assignment_type": "Exam",
            "position": 1,
            "min_count": None,
            "drop_count": None,
            "weight": 0.75,
        },
    ]


def test_an_end_that_cannot_be_read_is_reported():
    _, problems = build_course_tables([old_course(old_block("course", "Run", end="later"))])

    assert [problem.reason for problem in problems] == [
        "Org/Course/Run: end: 'later' is no instant; taken as not set"
    ]
