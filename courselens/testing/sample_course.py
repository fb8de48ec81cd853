"""The course on which the contract suite computes: small, and with something of every dataset."""

from __future__ import annotations

from courselens.testing.builder import CourseBuilder

_PEOPLE = {1: ("Blue", "f", 1990), 2: ("Blue", "m", 1985), 3: ("Green", "f", 2001),
           4: ("Green", None, None), 5: (None, "o", 1970), 6: ("Blue", "f", 1999)}  # fmt: skip


def sample_course() -> CourseBuilder:
    """Six students in the first week of March 2024, one who never came, one who left, a teacher.

    C1: S1 (video V1) and S2 (problems P1, P2; Homework); C2: S3 (problem P3; Exam).
    """
    course = CourseBuilder().course(
        start_us="2024-03-01", pass_cutoff=0.5, lowest_passing_grade=0.5, org="Org",
        display_name="Sample",
    )  # fmt: skip
    course.video("V1", "C1/S1/U1", seconds=100.0)
    course.problem("P1", "C1/S2/U2", graded_as="Homework").problem("P2", "C1/S2/U2", points=2.0)
    course.problem("P3", "C2/S3/U3", points=4.0, graded_as="Exam")
    for position, (kind, weight) in enumerate((("Homework", 0.4), ("Exam", 0.6))):
        course.add(
            "grading_policy", assignment_type=kind, position=position, min_count=1, drop_count=0,
            weight=weight,
        )  # fmt: skip
    for user_id, (cohort, gender, year) in _PEOPLE.items():
        course.student(
            user_id, enrolled="2024-03-01", cohort=cohort, gender=gender, year_of_birth=year,
            mode="verified" if user_id % 2 else "audit",
        )  # fmt: skip
    course.student(7, enrolled="2024-03-01", is_active=False)
    course.student(8, enrolled="2024-03-01")
    course.add("course_roles", user_id=8, org="Org", course_key=course.course_key, role="staff")
    _events(course)
    _states(course)
    return course


def _events(course: CourseBuilder) -> None:
    for user_id in _PEOPLE:
        course.steps_of(user_id, f"2024-03-01T0{user_id}:00").does(
            "edx.course.enrollment.activated"
        )
    reads = course.steps_of(1, "2024-03-04T10:00").opens("S1").after(minutes=2).plays("V1")
    reads.after(minutes=1).pauses("V1", at=60).after(minutes=2).opens("S2")
    reads.after(minutes=5).answers("P1", correct=False).after(minutes=2).answers("P1", correct=True)
    reads.after(minutes=8).answers("P2", correct=True, points=2.0).after(hours=1).opens("S3")
    reads.after(minutes=10).answers("P3", correct=False, points=4.0).after(minutes=1).leaves()
    late = course.steps_of(2, "2024-03-05T23:50").opens("S1").after(minutes=1).plays("V1")
    late.after(seconds=100).finishes("V1", at=100.0).after(minutes=20).opens("S2")
    late.after(minutes=3).asks_for_hint("P1").after(minutes=1).answers("P1", correct=True)
    late.after(minutes=1).sees_answer("P2").after(minutes=1).answers("P2", correct=True, points=2.0)
    forum = course.steps_of(3, "2024-03-06T08:00").posts().after(minutes=4).opens("S3")
    forum.after(minutes=3).answers("P3", correct=True, points=4.0)
    again = (
        course.steps_of(4, "2024-03-02T12:00")
        .plays("V1")
        .after(seconds=30)
        .seeks("V1", old=30.0, new=80.0)
    )
    again.after(seconds=20).finishes("V1", at=100.0).after(days=4).plays("V1")
    course.steps_of(5, "2024-03-03T09:00").opens("_info_").after(minutes=3).leaves()
    course.steps_of(7, "2024-03-02T09:00").opens("S1").after(minutes=3).does(
        "edx.course.enrollment.deactivated"
    )
    course.steps_of(8, "2024-03-02T09:00").opens("S1").after(minutes=9).leaves()


def _states(course: CourseBuilder) -> None:
    when = "2024-03-06T12:00"
    earned = {(1, "P1"): (1.0, 1.0), (1, "P2"): (2.0, 2.0), (1, "P3"): (0.0, 4.0),
              (2, "P1"): (1.0, 1.0), (2, "P2"): (2.0, 2.0), (3, "P3"): (4.0, 4.0)}  # fmt: skip
    for (user_id, problem), (grade, most) in earned.items():
        course.add(
            "module_states", user_id=user_id, block_key=problem, block_type="problem", grade=grade,
            max_grade=most, attempts=1, done=True, created_us=when, modified_us=when,
            last_submission_us=when,
        )  # fmt: skip
        course.add(
            "completions", user_id=user_id, block_key=problem, block_type="problem",
            completion=1.0, modified_us=when,
        )  # fmt: skip
    scores = {(1, "S2"): (3.0, 3.0), (1, "S3"): (0.0, 4.0), (2, "S2"): (3.0, 3.0),
              (3, "S3"): (4.0, 4.0)}  # fmt: skip
    for (user_id, block), (grade, most) in scores.items():
        course.add(
            "subsection_grades", user_id=user_id, block_key=block, earned_all=grade,
            possible_all=most, earned_graded=grade, possible_graded=most,
            first_attempted_us=when, overridden=False, modified_us=when,
        )  # fmt: skip
    for user_id, ratio in ((1, 0.4), (2, 0.4), (3, 0.6)):
        course.add(
            "course_grades", user_id=user_id, percent_grade=ratio,
            letter_grade="Pass" if ratio >= 0.5 else "", modified_us=when,
        )  # fmt: skip
    course.add(
        "certificates", user_id=3, status="downloadable", mode="verified", created_us=when,
        modified_us=when,
    )  # fmt: skip
    course.add(
        "forum_posts", post_id="t1", kind="thread", thread_id="t1", thread_type="discussion",
        user_id=3, anonymous=False, endorsed=False, votes_up=1, votes_down=0,
        created_us="2024-03-06T08:00", updated_us="2024-03-06T08:00",
    )  # fmt: skip
