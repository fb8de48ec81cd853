"""What readers of a lake are told."""

from __future__ import annotations

import os

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from courselens.domain import day_number
from courselens.errors import LakeError
from loaders.datasets import EVENTS
from loaders.events.lake import LOST_DAYS, Lake
from loaders.events.users import name_only_sql, name_only_user_id
from tests.data.log_lines import COURSE, START, bring_in, lake_of, line, rows, write_log

DAY = 86400


def test_files_have_the_columns_of_the_dataset_sorted_by_learner(tmp_path):
    lines = [line("a", n % 7, context={"user_id": 30 - n % 11}, event={"n": n}) for n in range(200)]
    lake = lake_of(tmp_path, *lines)
    (file,) = lake.files(COURSE)
    assert file.parent.name == "day=2024-03-04"
    assert file.parent.parent.name == "course_key=course-v1%3AOrg%2BBio%2B2024"
    table = parquet.ParquetFile(file).read()
    assert table.num_rows == 200
    for name, wanted in zip(EVENTS.schema.names, EVENTS.schema.types, strict=True):
        assert table.schema.field(name).type == wanted, name
        assert table.schema.field(name).nullable
    order = [(r["user_id"], r["ts_us"], r["event_id"]) for r in table.to_pylist()]
    assert order == sorted(order)


def test_big_files_are_sorted_too(tmp_path):
    lines = [line("a", n % 977, context={"user_id": n % 101 + 1}) for n in range(60_000)]
    for course_file in lake_of(tmp_path, *lines).files(COURSE):
        table = parquet.ParquetFile(course_file).read(["user_id", "ts_us", "event_id"])
        keys = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        assert keys == sorted(keys)


def test_files_are_in_order_of_days_and_of_one_course_only(tmp_path):
    other = {"context": {"course_id": "course-v1:Org+Chem+1"}}
    lake = lake_of(tmp_path, line("b", DAY), line("a"), line("c", 2 * DAY, **other))
    assert [path.parent.name[4:] for path in lake.files(COURSE)] == ["2024-03-04", "2024-03-05"]
    assert len(lake.files("course-v1:Org+Chem+1")) == 1
    assert lake.files("course-v1:No+One+1") == []


def test_coverage_spans_all_courses_and_leaves_out_lost_days(tmp_path):
    other = {"context": {"course_id": "course-v1:Org+Chem+1"}}
    lake = lake_of(tmp_path, line("a"), line("c", 3 * DAY, **other))
    first = day_number(START.date())
    (lake.path / LOST_DAYS).write_text("2024-03-06\n2024-03-05\n")
    days = lake.coverage()
    assert days is not None
    assert (days.first_day, days.last_day) == (first, first + 3)
    assert days.lost_days == (first + 1, first + 2)


def test_a_list_of_lost_days_that_is_no_list_of_days_is_named(tmp_path):
    lake = lake_of(tmp_path, line("a"))
    (lake.path / LOST_DAYS).write_text("yesterday\n")
    with pytest.raises(LakeError, match=r"lost-days\.txt.*2024-03-31"):
        lake.coverage()


def test_a_version_changes_with_its_courses_rows_only(tmp_path):
    other = "course-v1:Org+Chem+1"
    lake = lake_of(tmp_path, line("a"), line("a", context={"course_id": other}))
    before = lake.version(COURSE), lake.version(other)
    bring_in(lake, write_log(tmp_path / "2.log", [line("b", 5)]))
    assert lake.version(COURSE) != before[0]
    assert lake.version(other) == before[1]


def test_a_damaged_lake_is_refused_with_a_way_out(tmp_path):
    lake = lake_of(tmp_path, line("a"))
    (lake.path / "manifest.json").write_text("{")
    with pytest.raises(LakeError, match="ingest again"):
        lake.course_keys()


def test_a_lake_of_another_format_is_refused(tmp_path):
    lake = lake_of(tmp_path, line("a"))
    path = lake.path / "manifest.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 99'))
    with pytest.raises(LakeError, match="format 99"):
        lake.course_keys()


def test_old_files_stay_for_readers_until_the_next_run(tmp_path):
    lake = lake_of(tmp_path, line("a"))
    (old,) = lake.files(COURSE)
    bring_in(lake, write_log(tmp_path / "2.log", [line("b", 5)]))
    assert old.exists()
    bring_in(lake)
    assert not old.exists()


def test_rejects_of_all_runs_are_kept(tmp_path):
    lake = lake_of(tmp_path, "x", line("a"))
    bring_in(lake, write_log(tmp_path / "2.log", ["y"]))
    found = lake.rejects()
    assert [os.path.basename(path) for path in found.column("file").to_pylist()] == [
        "tracking.log", "2.log",
    ]  # fmt: skip
    assert isinstance(found, pa.Table)


@pytest.mark.parametrize("name", ["honor", "Ünïcode", "a'b", "x" * 200])
def test_an_id_from_a_name_is_the_same_in_sql(name):
    row = duckdb.execute(f"SELECT {name_only_sql('$1')}", [name]).fetchone()
    assert row == (name_only_user_id(name),)
    assert name_only_user_id(name) < 0


def test_an_id_from_a_name_never_changes():
    # md5("honor") begins b2f3e1...: a change would split stored learners in two
    assert name_only_user_id("honor") == -805926567490615903


def test_a_frozen_lake_stays_as_it_was_and_its_files_stay_over_the_next_ingestion(tmp_path):
    log, lake = tmp_path / "tracking.log", Lake(tmp_path / "lake")
    lines = [line("nowhere", 60 * n, event={"n": n}) for n in range(4)]
    bring_in(lake, write_log(log, lines[:1]))
    frozen = lake.frozen()
    version, seen = frozen.version(COURSE), rows(frozen)
    bring_in(lake, write_log(log, lines[:2]))
    assert (frozen.version(COURSE), rows(frozen)) == (version, seen)
    assert (len(seen), len(rows(lake))) == (1, 2)
    assert lake.version(COURSE) != version
