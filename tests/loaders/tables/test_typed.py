from __future__ import annotations

import pyarrow as pa
import pytest

from loaders.tables.specs import TABLE_SPECS
from loaders.tables.typed import connect, make_schema, type_text


@pytest.fixture
def type_rows():
    def run(name, **columns):
        with connect() as connection:
            batch = pa.table({key: pa.array(each, pa.string()) for key, each in columns.items()})
            return type_text(connection, batch, TABLE_SPECS[name])

    return run


def test_a_servers_text_gets_the_types_of_the_columns(type_rows):
    typed = type_rows(
        "student_courseenrollment",
        user_id=["7"],
        course_id=["C"],
        created=["1970-01-01 00:00:01.500000"],
        is_active=["1"],
        mode=[""],
    )
    assert typed.schema == make_schema(TABLE_SPECS["student_courseenrollment"])
    assert typed.to_pylist() == [
        {"user_id": 7, "course_id": "C", "created": 1_500_000, "is_active": True, "mode": ""}
    ]


def test_rows_without_their_key_are_left_out_and_the_others_keep_their_order(type_rows):
    typed = type_rows(
        "student_courseenrollment",
        user_id=["9", None, "8", "7"],
        course_id=["C", "C", "", "C"],
    )
    assert typed.column("user_id").to_pylist() == [9, 7]
    assert typed.column("mode").to_pylist() == [None, None]


def test_what_cannot_be_read_is_null(type_rows):
    typed = type_rows(
        "courseware_studentmodule",
        student_id=["1", "2"],
        module_id=["b", "b"],
        course_id=["C", "C"],
        grade=["nan", "0.5"],
        created=["0000-00-00 00:00:00", None],
        state=['{"attempts": 2', '{"attempts": 3}'],
    )
    rows = [(row["grade"], row["created"], row["attempts"]) for row in typed.to_pylist()]
    assert rows == [(None, None, None), (0.5, None, 3)]
