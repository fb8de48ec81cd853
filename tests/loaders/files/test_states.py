from __future__ import annotations

import json

import pytest

from loaders.files.convert import convert_table
from loaders.files.tsv import TsvTable
from loaders.tables.specs import TABLE_SPECS
from loaders.tables.typed import connect

SPEC = TABLE_SPECS["courseware_studentmodule"]


@pytest.fixture
def load(tmp_path):
    def load_state(state, kind="problem", course="course-v1:O+C+R"):
        path = tmp_path / "t.sql"
        path.write_text(
            "student_id\tmodule_id\tcourse_id\tmodule_type\tstate\tgrade\tmax_grade\tcreated\t"
            f"modified\n1\tb\t{course}\t{kind}\t{state}\t1\t2\tNULL\tNULL\n",
            newline="",
        )
        with connect() as connection:
            typed = convert_table(connection, TsvTable(SPEC.name, path), SPEC, "t.sql")
        (row,) = typed.table.to_pylist()
        return row, typed.problems

    return load_state


def test_a_problems_attempts_and_last_submission_are_read(load):
    state = {"attempts": 3, "done": True, "last_submission_time": "1970-01-01T00:00:05Z"}
    row, problems = load(json.dumps(state))

    assert (row["attempts"], row["done"], row["last_submission"]) == (3, True, 5_000_000)
    assert (row["grade"], row["max_grade"]) == (1.0, 2.0)
    assert problems == ()


@pytest.mark.parametrize(
    ("position", "seconds"), [("00:01:30", 90.0), ("1:00:00.5", 3600.5), (12.5, 12.5), ("", None)]
)
def test_the_position_in_a_video_is_seconds(load, position, seconds):
    row, _ = load(json.dumps({"saved_video_position": position, "speed": "1.25"}), "video")

    assert (row["saved_video_position_seconds"], row["speed"]) == (seconds, 1.25)


@pytest.mark.parametrize(
    ("course", "key"),
    [
        ("course-v1:O+C+R", "block-v1:O+C+R+type@problem+block@p"),
        ("O/C/R", "i4x://O/C/problem/p"),
        ("ccx-v1:O+C+R+ccx@1", "ccx-block-v1:O+C+R+ccx@1+type@problem+block@p"),
    ],
)
def test_drawn_children_are_named_by_their_keys(load, course, key):
    row, _ = load(json.dumps({"selected": [["problem", "p"]]}), "library_content", course)

    assert row["selected"] == [key]


@pytest.mark.parametrize("state", ["{}", "NULL", "", '{"attempts": null, "selected": "x"}'])
def test_what_a_state_does_not_say_is_null(load, state):
    row, problems = load(state, "library_content")

    assert {row[name] for name in SPEC.derived} == {None}
    assert problems == ()


def test_doubled_backslashes_are_undone_once(load):
    inner = json.dumps({"student_answers": {"a": 'say "hi"\n\\'}, "attempts": 4})
    row, problems = load(inner.replace("\\", "\\\\"))

    assert row["attempts"] == 4
    assert problems == ()


def test_a_state_whose_backslashes_are_not_doubled_is_read_as_it_stands(load):
    # Unescaped, the line break inside the text would make it no JSON.
    row, problems = load(json.dumps({"student_answers": {"a": "one\ntwo"}, "attempts": 5}))

    assert row["attempts"] == 5
    assert problems == ()


def test_a_number_beyond_json_does_not_spoil_the_rest(load):
    row, problems = load('{"attempts": 2, "speed": NaN, "score": {"raw_earned": Infinity}}')

    assert (row["attempts"], row["speed"]) == (2, None)
    assert problems == ()


def test_a_state_that_is_no_json_is_missing_and_reported(load):
    row, problems = load('{"attempts": 2')

    assert row["attempts"] is None
    assert [(problem.line, problem.reason.split(";")[0]) for problem in problems] == [
        (
            2,
            "courseware_studentmodule: 1 values of state cannot be read and were taken as missing",
        )
    ]
