"""Graded and other time per chapter."""

from __future__ import annotations

from courselens.testing import (
    CourseBuilder,
    group_rows,
    run_indicator,
    student_rows,
    worked_example,
)


def test_time_of_the_worked_example_by_subsection():
    result = run_indicator("chapter_time_graded_split", worked_example(), as_of="2024-03-05")
    assert student_rows(result, "rows") == [
        (1, "C1", 900.0, 300.0, 0.0),
        (1, "C2", 660.0, 0.0, 0.0),
    ]


def test_by_problem_only_time_on_scored_blocks_of_graded_subsections_is_graded():
    result = run_indicator(
        "chapter_time_graded_split", worked_example(), as_of="2024-03-05", split_by="problem"
    )
    # S2: 300 s on its page, 600 s on P1; S3: 600 s on its page, 60 s on P3
    assert group_rows(result) == [("C1", 600.0, 600.0, 0.0), ("C2", 60.0, 600.0, 0.0)]


def test_a_problem_that_earns_nothing_is_not_graded_time():
    course = worked_example()
    next(row for row in course.rows["blocks"] if row["block_key"] == "P1")["weight"] = 0.0
    result = run_indicator(
        "chapter_time_graded_split", course, as_of="2024-03-05", split_by="problem"
    )
    assert group_rows(result)[0] == ("C1", 0.0, 1200.0, 0.0)


def test_pages_of_a_chapter_are_apart_and_pseudo_blocks_are_nowhere():
    course = worked_example().event(1, "2024-03-04T15:00:00", "page", "C1")
    course.event(1, "2024-03-04T15:00:40", "page", "_wiki_")
    course.event(1, "2024-03-04T15:01:00", "page_close")
    result = run_indicator("chapter_time_graded_split", course, as_of="2024-03-05")
    assert group_rows(result) == [("C1", 900.0, 300.0, 40.0), ("C2", 660.0, 0.0, 0.0)]


def test_a_subsection_of_which_nobody_knows_whether_it_is_graded_makes_its_chapter_null():
    course = worked_example()
    next(row for row in course.rows["blocks"] if row["block_key"] == "S3")["graded"] = None
    result = run_indicator("chapter_time_graded_split", course, as_of="2024-03-05")
    assert student_rows(result, "rows")[1] == (1, "C2", None, None, 0.0)


def test_cohorts_are_summed_and_chapters_stay_in_course_order():
    course = CourseBuilder().course(start_us="2024-03-04").block("course", "course")
    course.block("Z", "chapter", under="course").block("S1", "sequential", under="Z", graded=True)
    course.block("A", "chapter", under="course").block("S2", "sequential", under="A")
    for user, cohort in ((1, "x"), (2, "x"), (3, "y")):
        course.student(user, cohort=cohort)
        course.event(user, "2024-03-04T10:00:00", "page", "S2")
        course.event(user, f"2024-03-04T10:00:{user}0", "page", "S1")
        course.event(user, "2024-03-04T10:01:00", "page_close")
    result = run_indicator("chapter_time_graded_split", course, as_of="2024-03-05")
    assert group_rows(result, group="cohort:x") == [("Z", 90.0, 0.0, 0.0), ("A", 0.0, 30.0, 0.0)]
    assert group_rows(result, group="cohort:y") == [("Z", 30.0, 0.0, 0.0), ("A", 0.0, 30.0, 0.0)]
