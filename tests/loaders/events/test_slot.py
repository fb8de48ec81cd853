"""How sorted rows become the files of their slots."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from loaders.datasets import EVENTS
from loaders.events.finish import shares
from loaders.events.slot import Names, Slot, by_slot, write_slot

NAMES = Names(pa.array(["play_video", "never", "/progress"]), pa.array(["_course_", "b", "c"]))
ACTIVITY = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int8()), ["other"])


@pytest.fixture
def rows():
    two = {
        name: pa.nulls(2, {"int": pa.int64(), "float": pa.float64()}.get(kind, pa.string()))
        for name, kind in EVENTS.columns.items()
    }
    return pa.table(
        two
        | {
            "slot": [0, 1],
            "event_no": pa.array([2, 0], pa.int32()),
            "location_no": pa.array([1, None], pa.int32()),
            "family": ACTIVITY,
            "activity_type": ACTIVITY,
            "fingerprint": pa.array([1, 2], pa.uint64()),
        }
    )


def test_a_file_names_what_its_rows_name_and_no_more(tmp_path, rows):
    slot = Slot(date(2024, 3, 4), "course-v1:O+C+1")
    path = tmp_path / "a.parquet"
    written = write_slot(rows.slice(0, 1), slot, NAMES, path)
    assert (written.rows, written.slot) == (1, slot)
    table = parquet.ParquetFile(path).read()
    assert table.column_names == [*EVENTS.columns, "fingerprint", "day"]
    for name in ("course_key", "event_type", "family", "activity_type", "location"):
        assert table.schema.field(name).type == pa.string()
    (row,) = table.to_pylist()
    assert (row["course_key"], row["day"]) == (slot.course_key, slot.day)
    assert (row["event_type"], row["location"]) == ("/progress", "b")
    assert b"never" not in path.read_bytes()


def test_rows_are_parted_by_their_slot(rows):
    assert [(n, part.num_rows) for n, part in by_slot(rows)] == [(0, 1), (1, 1)]


def test_small_slots_are_sorted_together_and_large_ones_alone():
    with duckdb.connect() as engine:
        engine.execute("""
            CREATE TABLE batch AS
            SELECT slot FROM (VALUES (0, 10), (1, 20), (2, 400000), (3, 200000), (5, 50000),
                (6, 1)) t (slot, rows), range(rows)""")
        assert shares(engine) == [range(0, 2), range(2, 3), range(3, 6), range(6, 7)]
