"""Hours of tutoring, from the file to the number."""

from __future__ import annotations

from pathlib import Path

from acme_tutoring.sessions import sessions

from courselens.testing import (
    CourseBuilder,
    check_indicator,
    load_dataset,
    run_indicator,
    sample_course,
    student_rows,
)

COURSE = CourseBuilder().course_key
FILE = f"""session,course_key,username,minutes,room
a,{COURSE},student1,30,B12
b,{COURSE},student1,60,B12
c,{COURSE},student2,45,
d,another,student2,999,
"""


def test_sessions_of_a_student_add_up(tmp_path: Path):
    file = tmp_path / "sessions.csv"
    file.write_text(FILE, encoding="utf-8")
    course = CourseBuilder().student(1).student(2).student(3)
    course.load(sessions, file=file)
    result = run_indicator("acme_tutoring_hours", course)
    assert student_rows(result) == [(1, 1.5), (2, 0.75), (3, 0.0)]


def test_what_the_file_says_is_read_as_declared(tmp_path: Path):
    file = tmp_path / "sessions.csv"
    file.write_text(FILE, encoding="utf-8")
    (first, *_) = load_dataset(sessions, file=file).to_pylist()
    assert first == {
        "session": "a",
        "course_key": COURSE,
        "username": "student1",
        "minutes": 30.0,
    }


def test_without_the_file_the_value_is_null_with_the_reason():
    result = run_indicator("acme_tutoring_hours", CourseBuilder().student(1))
    assert student_rows(result) == [(1, None)]
    assert result.envelope.missing_source == ("acme_tutoring_sessions",)


def test_the_contract_holds(courselens_database_url: str):
    course = sample_course()
    course.add(sessions, session="a", username="student1", minutes=30.0)
    check_indicator("acme_tutoring_hours", course=course, database_url=courselens_database_url)
