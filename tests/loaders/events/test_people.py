"""Whom events name, and the profiles that a course has for that."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyarrow import parquet

from courselens.sources import profiles_for
from loaders.datasets import DATASETS
from loaders.events.people import People, people_in


@pytest.fixture
def write(tmp_path):
    def write_file(name, *rows):
        path = tmp_path / name
        table = pa.table(
            {"user_id": [row[0] for row in rows], "username": [row[1] for row in rows]},
            schema=pa.schema([("user_id", pa.int64()), ("username", pa.string())]),
        )
        parquet.write_table(table, path)
        return path

    return write_file


def test_ids_and_names_of_those_without_one_are_found_once(write):
    files = [
        write("1.parquet", (1, "ann"), (1, "ann"), (-7, "bob"), (None, None)),
        write("2.parquet", (2, "cid"), (-7, "bob"), (-8, None)),
    ]
    found = people_in(files)
    assert sorted(found.user_ids.drop_null().to_pylist()) == [-8, -7, 1, 2]
    assert found.usernames.to_pylist() == ["bob"]


def test_no_files_name_nobody():
    assert (len(people_in([]).user_ids), len(people_in([]).usernames)) == (0, 0)


def test_a_file_that_was_replaced_is_read_again(write):
    people_in([write("1.parquet", (1, "ann"))])
    assert people_in([write("1.parquet", (2, "bob"))]).user_ids.to_pylist() == [2]


def test_a_course_has_the_profiles_of_its_people_and_of_global_staff():
    names = ["enrolled", "team", "seen", "named", "staff", "stranger", None]
    blank = dict.fromkeys(DATASETS["profiles"].columns)
    profiles = pa.Table.from_pylist(
        [
            {**blank, "user_id": n, "username": name, "is_staff": name == "staff" or None}
            for n, name in enumerate(names, 1)
        ],
        schema=DATASETS["profiles"].schema,
    )
    tables = {
        "profiles": profiles,
        "enrollments": pa.table(
            {"user_id": [1, None]}, schema=pa.schema([("user_id", pa.int64())])
        ),
        "course_roles": pa.table({"user_id": [2]}),
        "blocks": pa.table({"block_key": ["b"]}),
    }
    people = People(pa.array([3, -9], pa.int64()), pa.array(["named"]))
    kept = profiles_for(tables, people).column("username").to_pylist()
    assert kept == ["enrolled", "team", "seen", "named", "staff"]
