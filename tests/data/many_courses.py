"""Courses of one person: the same people and numbers in each, so that pages can be compared.

Student `n` (1 to 25) of course `c` (from 1 on) spent `100 * n + c` seconds and wrote `c` posts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from indicators.result import COURSE_GROUP, CourseResults, Status
from tests.data.served_courses import GLOBAL, served_registry, summary
from tests.data.stored_course import (
    Person,
    build_course,
    build_result,
)

PEOPLE = tuple(range(600_001, 600_026))


def key_of(number: int) -> str:
    """The key of a course; keys sort as the numbers do."""
    return f"course-v1:Many+C{number:02}+2026"


def one_of_many(
    number: int,
    *,
    others: Sequence[Person] = (),
    roles: Sequence[Mapping[str, object]] = (),
    failed: bool = False,
    title: str = "Toy",
    org: str = "Many",
) -> CourseResults:
    """A course of 25 people in two cohorts, and others of whom nothing is known."""
    one = served_registry().indicator
    key, chapter = key_of(number), f"chapter-{number}"
    seconds = [100.0 * place + number for place, _ in enumerate(PEOPLE, start=1)]
    users = list(enumerate(PEOPLE, start=1))
    time = build_result(
        one("toy_time"),
        student={
            "values": [
                {"user_id": user_id, "seconds": seconds[place - 1]} for place, user_id in users
            ]
        },
        group={"values": [{"group_id": COURSE_GROUP, "active_learners": 25, "mean_seconds": 7.5}]},
        summaries=[summary(COURSE_GROUP, "seconds", seconds)],
        standing=[
            {"user_id": user_id, "field": "seconds", "percentile": 4.0 * place - 2.0}
            for place, user_id in users
        ],
        course_key=key,
    )
    chapters = [
        {subject: who, "chapter": chapter, "activity": "video", "seconds": 30.0}
        for subject, subjects in (("user_id", PEOPLE), ("group_id", (COURSE_GROUP,)))
        for who in subjects
    ]
    results = [
        build_result(
            one("toy_posts"),
            student={"values": [{"user_id": user_id, "posts": number} for user_id in PEOPLE]},
            course_key=key,
        ),
        build_result(
            one("toy_chapters"),
            student={"rows": [row for row in chapters if "user_id" in row]},
            group={"rows": [row for row in chapters if "group_id" in row]},
            course_key=key,
        ),
        build_result(one("toy_time"), course_key=key, status=Status.FAILED) if failed else time,
    ]
    return build_course(
        [
            *(
                Person(user_id, cohort="Blue" if place < 13 else "Green", username=f"many-{place}")
                for place, user_id in users
            ),
            *others,
        ],
        results,
        course_key=key,
        chapters=(chapter,),
        roles=[{"user_id": GLOBAL, "role": "global_staff"}, *roles],
        display_name=title,
        org=org,
    )
