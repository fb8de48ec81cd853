"""Prints the class of a course and its roster by time on course.

`COURSELENS_TOKEN=… python roster.py COURSE_KEY`, and `COURSELENS_URL` for another server than
http://127.0.0.1:8000.
"""

from __future__ import annotations

import os
import sys

from course import read_roster, read_summary
from courselens_client import Client, RequestFailed


def main() -> None:
    """Ask and print."""
    address = os.environ.get("COURSELENS_URL", "http://127.0.0.1:8000")
    token = os.environ.get("COURSELENS_TOKEN")
    if token is None or len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        with Client(f"{address}/graphql", lambda _refused: token) as client:
            show(client, sys.argv[1])
    except RequestFailed as failed:
        sys.exit(f"{failed}" + (" (try again later)" if failed.retryable else ""))


def show(client: Client, course_key: str) -> None:
    """Print a course: a line on the class, then a line for each student."""
    course = read_summary(client, course_key)
    if course is None:
        sys.exit(f"there is no course {course_key}, or this token may not see it")
    print(f"{course.title}, computed {course.computed_at:%Y-%m-%d %H:%M} UTC")
    if course.indicators is not None:
        time, grade = course.indicators.time_on_course, course.indicators.course_grade
        if time is not None:
            print(f"time on course: {time.n} students, median {_hours(time.median)}")
        if grade is not None:
            print(f"grade: mean {_percent(grade.mean)}, {_text(grade.passed_learners)} passed")
    for place, student in enumerate(read_roster(client, course_key), start=1):
        seconds = ratio = None
        if student.indicators is not None:
            time_spent, graded = student.indicators.time_on_course, student.indicators.course_grade
            seconds = time_spent.seconds if time_spent else None
            ratio = graded.ratio if graded else None
        print(place, student.username, _hours(seconds), _percent(ratio), sep="\t")


def _hours(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds / 3600:.1f} h"


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.0%}"


def _text(count: int | None) -> str:
    return "-" if count is None else str(count)


if __name__ == "__main__":
    main()
