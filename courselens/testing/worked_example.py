"""The shared worked example of the indicator catalogue (section 4)."""

from __future__ import annotations

from courselens.testing.builder import CourseBuilder


def worked_example() -> CourseBuilder:
    """One learner on 2024-03-04: C1 = S1 (video V1) and S2 (P1, P2), C2 = S3 (P3)."""
    course = CourseBuilder().course(start_us="2024-03-04", pass_cutoff=0.6)
    course.block("course", "course")
    course.block("C1", "chapter", under="course")
    course.block("S1", "sequential", under="C1")
    course.block("U1", "vertical", under="S1")
    course.block("V1", "video", under="U1", duration_seconds=100.0)
    course.block("S2", "sequential", under="C1", graded=True, assignment_type="Homework")
    course.block("U2", "vertical", under="S2")
    course.block("P1", "problem", under="U2", weight=1.0)
    course.block("P2", "problem", under="U2", weight=1.0)
    course.block("C2", "chapter", under="course")
    course.block("S3", "sequential", under="C2", graded=True, assignment_type="Exam")
    course.block("U3", "vertical", under="S3")
    course.block("P3", "problem", under="U3", weight=1.0)
    course.student(1, enrolled="2024-03-04")

    def check(time: str, problem: str, success: str, attempt: int) -> None:
        course.event(
            1, f"2024-03-04T{time}", "problem_check", problem,
            success=success, attempt=attempt, grade=float(success == "correct"), max_grade=1.0,
        )  # fmt: skip

    course.event(1, "2024-03-04T10:00:00", "page", "S1")
    course.event(1, "2024-03-04T10:02:00", "play_video", "V1", current_seconds=0.0)
    course.event(1, "2024-03-04T10:03:00", "pause_video", "V1", current_seconds=60.0)
    course.event(1, "2024-03-04T10:05:00", "page", "S2")
    check("10:10:00", "P1", "incorrect", 1)
    check("10:12:00", "P1", "correct", 2)
    check("10:20:00", "P2", "correct", 1)
    course.event(1, "2024-03-04T11:30:00", "page", "S3")
    check("11:40:00", "P3", "incorrect", 1)
    course.event(1, "2024-03-04T11:41:00", "page_close")
    return course
