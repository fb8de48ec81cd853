"""What `compute` prints: JSON, CSV and Parquet of the worked example."""

from __future__ import annotations

import io
import json

import pyarrow.parquet as pq
import pytest

from courselens.domain import Level
from courselens.errors import BadParameter
from courselens.output import MAIN, make_document, write_document
from courselens.testing import CourseBuilder, run_course, worked_example

KEY = "course-v1:Org+Course+Run"


def document(key: str, level: Level, course: CourseBuilder | None = None):
    built = course or worked_example()
    return make_document([run_course(key, built, as_of="2024-03-05", levels=(level,))], level)


def test_rows_of_students_name_them_by_id_and_username():
    assert json.loads(document("time_on_course", Level.STUDENT).to_json())["rows"] == [
        {"course_key": KEY, "user_id": 1, "username": "student1", "seconds": 1860.0}
    ]


def test_head_says_what_was_computed_and_how():
    printed = json.loads(document("time_on_course", Level.STUDENT).to_json())
    assert (printed["indicator"], printed["version"], printed["level"]) == (
        "time_on_course",
        1,
        "student",
    )
    assert printed["parameters"]["inactivity_s"] == 1800
    assert printed["meta"]["as_of"] == "2024-03-05T00:00:00Z"
    assert printed["meta"]["coverage"] == 1.0
    assert printed["meta"]["missing_source"] == []


def test_summary_of_a_single_number_stands_in_the_row():
    (row,) = json.loads(document("time_on_course", Level.COURSE).to_json())["rows"]
    assert row["course_key"] == KEY
    assert (row["n"], row["mean"], row["sd"], row["active_learners"]) == (1, 1860.0, None, 1)
    assert row["histogram"] == [{"lower": 1860.0, "upper": 1860.0, "count": 1}]


def test_lists_are_flat_and_other_parts_stand_beside_them():
    printed = json.loads(document("chapter_time_distribution", Level.COURSE).to_json())
    assert [(row["chapter"], row["seconds"]) for row in printed["rows"]] == [
        ("C1", 1200.0),
        ("C2", 660.0),
    ]
    assert "other" in printed


def test_groups_are_named_and_the_course_is_not_among_them():
    course = worked_example()
    course.add("cohort_members", user_id=1, cohort="Blue")
    rows = json.loads(document("time_on_course", Level.GROUP, course).to_json())["rows"]
    assert [row["group"] for row in rows] == ["cohort:Blue", "mode:audit"]


def test_csv_and_parquet_hold_the_same_rows():
    made = document("time_on_course", Level.STUDENT)
    assert made.to_csv(MAIN).decode().splitlines() == [
        "course_key,user_id,username,seconds",
        f"{KEY},1,student1,1860.0",
    ]
    table = pq.read_table(io.BytesIO(made.to_parquet(MAIN)))
    assert table.to_pylist() == [
        {"course_key": KEY, "user_id": 1, "username": "student1", "seconds": 1860.0}
    ]


def test_text_that_a_spreadsheet_would_run_is_quoted():
    course = CourseBuilder().student(1, username="=1+1", enrolled="2024-03-04")
    course.event(1, "2024-03-04T10:00:00", "page", "S1")
    assert "'=1+1" in document("time_on_course", Level.STUDENT, course).to_csv(MAIN).decode()


def test_a_part_that_does_not_exist_is_refused_by_name():
    with pytest.raises(BadParameter, match="rows"):
        document("time_on_course", Level.STUDENT).to_csv("nothing")


def test_a_named_file_is_written_and_nothing_printed(tmp_path):
    made = document("time_on_course", Level.STUDENT)
    path = tmp_path / "out.json"
    assert write_document(made, path, form="json", part=MAIN) is None
    assert path.read_bytes() == made.to_json()


def test_several_courses_have_an_envelope_each():
    first, second = worked_example(), worked_example()
    second.course_key = "course-v1:Org+Course+Second"
    results = [
        run_course("time_on_course", built, as_of="2024-03-05", levels=(Level.STUDENT,))
        for built in (first, second)
    ]
    printed = json.loads(make_document(results, Level.STUDENT).to_json())
    assert set(printed["meta"]["courses"]) == {KEY, second.course_key}
    assert [row["course_key"] for row in printed["rows"]] == [KEY, second.course_key]
