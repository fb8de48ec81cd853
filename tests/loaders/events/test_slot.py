"""How sorted rows become the files of their slots."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from pyarrow import parquet

from loaders.datasets import EVENTS
from loaders.events.slot import Names, Slot, write_slot

NAMES = Names(pa.array(["play_video", "never", "/progress"]), pa.array(["_course_", "b", "c"]))


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
            "family": pa.array([1, 9], pa.uint8()),
            "activity_type": pa.array([0, 4], pa.uint8()),
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
    assert (row["family"], row["activity_type"]) == ("video", "video")
    assert b"never" not in path.read_bytes()
