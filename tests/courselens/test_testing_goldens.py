"""Golden files: a line for each row, compared word for word, written only when asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from courselens.testing import CourseBuilder, Golden, run_indicator

ROWS = {"table": [{"day": "monday", "learners": 3}, {"day": "tuesday", "learners": None}]}


def test_a_changed_number_is_one_changed_line(tmp_path: Path):
    path = tmp_path / "goldens" / "a.json"
    Golden(path, update=True)(ROWS)
    Golden(path, update=False)(ROWS)
    changed = {"table": [{"day": "monday", "learners": 4}, ROWS["table"][1]]}
    with pytest.raises(AssertionError) as told:
        Golden(path, update=False)(changed)
    lines = str(told.value).splitlines()
    assert [line for line in lines if line.startswith(('-{"', '+{"'))] == [
        '-{"day":"monday","learners":3},',
        '+{"day":"monday","learners":4},',
    ]


def test_without_a_file_nothing_is_written_unasked(tmp_path: Path):
    path = tmp_path / "a.json"
    with pytest.raises(AssertionError, match="run `pytest --update-goldens` if they are right"):
        Golden(path, update=False)(ROWS)
    assert not path.exists()


def test_a_result_is_written_by_level_and_part(tmp_path: Path):
    course = CourseBuilder().student(1)
    course.steps_of(1, "2024-03-04T10:00").opens("_info_")
    path = tmp_path / "a.json"
    Golden(path, update=True)(run_indicator("active_days", course))
    assert path.read_text(encoding="utf-8") == (
        '{\n"student.values": [\n{"user_id":1,"days":1}\n],\n'
        '"group.rows": [\n{"group_id":"course","day":"2024-03-04","learners":1},\n'
        '{"group_id":"mode:audit","day":"2024-03-04","learners":1}\n]\n}\n'
    )
