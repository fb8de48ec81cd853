"""Blocks that some learners see and others do not."""

from __future__ import annotations

import pytest

from courselens.testing import CourseBuilder
from tests.data.intermediates import rows_of

COHORTS, VERIFIED_ONLY, ARMS = 70, 50, 80


def course_with(*blocks: str, **students: object) -> CourseBuilder:
    course = CourseBuilder().block("course", "course")
    for block in blocks:
        course.block(block, "html", under="course")
    for user_id in (1, 2):
        course.student(user_id, enrolled="2024-03-04", **students)
    return course


def restrict(course, block, partition, *groups, by="course"):
    for group in groups:
        course.add(
            "block_access",
            block_key=block,
            constraint_key=f"{by}#{partition}",
            partition_id=partition,
            group_id=group,
        )


def join_cohort(course, user_id, partition=None, group=None):
    course.add(
        "cohort_members", user_id=user_id, cohort="A", partition_id=partition, group_id=group
    )


def hidden(course):
    rows = rows_of("hidden_blocks", course, as_of="2024-06-01")
    return [(row["user_id"], row["block_key"]) for row in rows]


def test_a_block_without_restriction_has_no_rows():
    assert hidden(course_with("text")) == []


def test_a_content_group_hides_a_block_from_other_cohorts_and_from_those_without_cohort():
    course = course_with("text", "for all").student(3, enrolled="2024-03-04")
    restrict(course, "text", COHORTS, 1)
    join_cohort(course, 1, COHORTS, 1)
    join_cohort(course, 2, COHORTS, 2)
    assert hidden(course) == [(2, "text"), (3, "text")]


def test_one_group_of_a_restriction_is_enough():
    course = course_with("text")
    restrict(course, "text", COHORTS, 1, 2)
    join_cohort(course, 1, COHORTS, 1)
    join_cohort(course, 2, COHORTS, 2)
    assert hidden(course) == []


def test_every_restriction_must_be_met():
    course = course_with("text")
    restrict(course, "text", COHORTS, 1, 2, by="chapter")
    restrict(course, "text", COHORTS, 1, by="text")
    join_cohort(course, 1, COHORTS, 1)
    join_cohort(course, 2, COHORTS, 2)
    assert hidden(course) == [(2, "text")]


@pytest.mark.parametrize(
    ("mode", "group", "is_hidden"),
    [
        ("audit", 1, False),
        ("verified", 2, False),
        ("honor", 6, False),
        ("credit", 2, False),  # sees what the verified see
        ("custom", 1, False),  # a mode that the platform does not know is audit to it
        ("audit", 2, True),
        ("honor", 1, True),
    ],
)
def test_modes_are_the_groups_of_partition_50(mode, group, is_hidden):
    course = course_with("text", mode=mode)
    restrict(course, "text", VERIFIED_ONLY, group)
    assert hidden(course) == ([(1, "text"), (2, "text")] if is_hidden else [])


def test_nothing_is_hidden_by_mode_from_learners_whose_mode_is_unknown():
    course = course_with("text", mode=None)
    restrict(course, "text", VERIFIED_ONLY, 2)
    assert hidden(course) == []


def test_a_partition_of_which_nobody_tells_the_groups_hides_nothing():
    course = course_with("text")
    restrict(course, "text", 51, 2)
    join_cohort(course, 1)
    assert hidden(course) == []


def split_course():
    course = course_with()
    course.block("split", "split_test", under="course")
    for arm, group in (("left", 0), ("right", 1), ("retired", None)):
        course.block(arm, "vertical", under="split")
        restrict(course, arm, ARMS, group, by="split")
    return course


def test_an_arm_of_an_experiment_is_seen_by_those_sent_to_it():
    course = split_course()
    course.add("experiment_groups", user_id=1, partition_id=ARMS, group_id=0)
    assert hidden(course) == [(1, "retired"), (1, "right"), (2, "left"), (2, "retired"),
                              (2, "right")]  # fmt: skip


def test_before_anybody_is_sent_to_an_arm_all_are_hidden():
    course = split_course()
    course.add("experiment_groups", user_id=1, partition_id=99, group_id=0)
    assert len(hidden(course)) == 2 * 3


def test_without_experiment_groups_in_the_source_only_the_arm_of_nobody_is_hidden():
    assert hidden(split_course()) == [(1, "retired"), (2, "retired")]


def library_course():
    course = course_with().block("library", "library_content", under="course")
    for problem in ("P1", "P2"):
        course.block(
            problem, "problem", under="library", draw_wrapper_key="library", draw_child_key=problem
        )
    return course


def draw(course, user_id, *selected):
    course.add(
        "module_states",
        user_id=user_id,
        block_key="library",
        block_type="library_content",
        selected=list(selected) if selected else None,
    )


def test_what_a_library_did_not_draw_for_a_learner_is_hidden():
    course = library_course()
    draw(course, 1, "P1")
    draw(course, 2, "P1", "P2")
    assert hidden(course) == [(1, "P2")]


def test_before_a_draw_everything_of_a_library_is_hidden():
    course = library_course()
    draw(course, 1)
    assert hidden(course) == [(1, "P1"), (1, "P2"), (2, "P1"), (2, "P2")]


def test_blocks_below_a_drawn_block_go_with_it():
    course = library_course()
    course.block("text", "html", under="P1")
    draw(course, 1, "P2")
    draw(course, 2, "P1")
    assert hidden(course) == [(1, "P1"), (1, "text"), (2, "P2")]


def test_without_module_states_in_the_source_a_library_hides_nothing():
    assert hidden(library_course()) == []


def test_the_course_team_has_no_rows():
    course = course_with("text").student(3, enrolled="2024-03-04", is_staff=True)
    restrict(course, "text", VERIFIED_ONLY, 2)
    assert hidden(course) == [(1, "text"), (2, "text")]


def test_learners_who_left_have_rows_by_their_last_mode():
    course = course_with("text").student(3, enrolled="2024-03-04", is_active=False, mode="audit")
    course.student(4, enrolled="2024-03-04", is_active=False, mode="verified")
    restrict(course, "text", VERIFIED_ONLY, 2)
    assert hidden(course) == [(1, "text"), (2, "text"), (3, "text")]
