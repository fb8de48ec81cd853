"""A course with three homeworks of 10 points and an exam, and ways to grade people in it."""

from __future__ import annotations

from typing import Any

from courselens.testing import CourseBuilder

AS_OF = "2024-06-01"


def graded_course(**course: Any) -> CourseBuilder:
    """C1 = H1, H2 (Homework), C2 = H3 (Homework), E1 (Exam); one problem of 10 points in each.

    Pass mark 0.6, so honours from 0.8 on; homeworks weigh 0.4, the lowest is dropped.
    """
    built = CourseBuilder().course(**{"start_us": "2024-03-04", "pass_cutoff": 0.6, **course})
    built.block("course", "course")
    for chapter, sequentials in {"C1": ("H1", "H2"), "C2": ("H3", "E1")}.items():
        built.block(chapter, "chapter", under="course")
        for key in sequentials:
            kind = "Exam" if key == "E1" else "Homework"
            built.block(key, "sequential", under=chapter, graded=True, assignment_type=kind)
            built.block(f"{key}-unit", "vertical", under=key)
            built.block(f"{key}-problem", "problem", under=f"{key}-unit", weight=10.0)
    built.add("grading_policy", assignment_type="Homework", position=0, drop_count=1, weight=0.4)
    built.add("grading_policy", assignment_type="Exam", position=1, drop_count=0, weight=0.6)
    return built


def grade(
    course: CourseBuilder, user_id: int, subsection: str, earned: float, **columns: Any
) -> None:
    """Give a learner a persistent subsection grade: attempted, of 10 points unless said."""
    course.add(
        "subsection_grades",
        **{
            "user_id": user_id,
            "block_key": subsection,
            "earned_all": earned,
            "possible_all": 10.0,
            "earned_graded": earned,
            "possible_graded": 10.0,
            "first_attempted_us": "2024-03-10",
            "overridden": False,
            **columns,
        },
    )


def state(course: CourseBuilder, user_id: int, block: str, **columns: Any) -> None:
    """Give a learner a state on a problem."""
    course.add(
        "module_states",
        **{"user_id": user_id, "block_key": block, "block_type": "problem", **columns},
    )
