"""Retired users leave the copies of tables and logs, and no source brings them back."""

from __future__ import annotations

import itertools
import json
import threading

import pyarrow as pa
import pytest

from courselens.errors import LakeError
from courselens.settings import Settings
from courselens.simulator.into_mysql import table_statements, write_into_mysql
from indicators.registry import load_registry
from loaders.events.ingest import ingest
from loaders.events.lake import Lake
from loaders.events.structure import Structure
from loaders.events.users import name_only_user_id
from loaders.manifests import locked
from loaders.mysql.source import MySQLSource
from loaders.retired import RetiredList, UnderWay
from tests.data.log_lines import COURSE, line, rows, write_log
from tests.mariadb import run_on_mysql
from workers import tracking_table
from workers.retirement import take_out
from workers.snapshot import Snapshot, writing
from workers.source_files import Look, SourceFiles
from workers.table_sync import copy_tables, table_syncs

NOW_US = 1_800_000_000_000_000
QUIET = {"patience_seconds": 5.0, "progress": lambda *_: None}
_numbers = itertools.count()


@pytest.fixture
def database(mysql_server):
    name = f"retirement_{next(_numbers)}"
    run_on_mysql(mysql_server, f"CREATE DATABASE {name}")
    yield f"{mysql_server}/{name}"
    run_on_mysql(mysql_server, f"DROP DATABASE {name}")


def retired(folder, *user_ids):
    known = RetiredList(folder)
    with locked(folder):
        known.begin(UnderWay(list(user_ids)))
    return known


def about(path, user_id):
    """Datasets of a copy with a row of the user."""
    manifest = Snapshot(path).manifest
    return {
        name
        for name in manifest.tables
        if "user_id" in (table := Snapshot(path).table(name)).column_names
        and user_id in table["user_id"].to_pylist()
    }


def test_a_platform_does_not_bring_back_whom_it_still_has(database, tmp_path):
    write_into_mysql(database, students=30, weeks=2, courses=2, seed=5, enrollment_history=True)
    settings = Settings(home=tmp_path, mysql_url=database, sweep_every_seconds=3600)
    sync = table_syncs(settings, SourceFiles(()), load_registry())["platform"]
    known = RetiredList(settings.retired_path)
    path = settings.tables_path / "platform"

    def copy(now_us):
        look = Look({}, "")
        assert copy_tables(
            sync, path, look, now_us=now_us, progress=lambda *_: None, retired=known.ids
        )

    copy(NOW_US)
    states = Snapshot(path).table("module_states")["user_id"].to_pylist()
    user_id = max(set(states), key=states.count)
    assert {"profiles", "enrollments", "module_states"} < about(path, user_id)
    loaded_us = Snapshot(path).manifest.loaded_us
    others = len(states) - states.count(user_id)

    retired(settings.retired_path, user_id)
    taken = take_out(path, known, [], **QUIET)
    assert taken["module_states"] == states.count(user_id)
    assert about(path, user_id) == set()
    assert Snapshot(path).manifest.loaded_us == loaded_us
    assert take_out(path, known, [], **QUIET) == {}

    run_on_mysql(
        database,
        "UPDATE courseware_studentmodule SET modified = UTC_TIMESTAMP(6)"
        f" WHERE student_id = {user_id}",
    )
    copy(NOW_US + 1)
    copy(NOW_US + 3600 * 1_000_000)  # a sweep
    assert about(path, user_id) == set()
    assert Snapshot(path).table("module_states").num_rows == others
    assert set(path.glob("*/*.arrow")) == {
        path / piece.file
        for pieces in Snapshot(path).manifest.tables.values()
        for piece in pieces.values()
    }


def test_rows_of_plugins_go_by_any_column_of_users(tmp_path):
    rows_of = {
        "acme_by_id": pa.table({"user_id": [1, 2], "grant": ["a", "b"]}),
        "acme_by_name": pa.table({"username": ["ana", "bo"], "grant": ["a", "b"]}),
        "acme_by_mail": pa.table({"email": ["ana@x.example", "bo@x.example"]}),
        "acme_other": pa.table({"track": ["ana", "bo"]}),
    }

    def load(known):
        with writing(tmp_path / "copy", loaded_us=1, retired=known.ids) as writer:
            for name, table in rows_of.items():
                writer.replace(name, table)
            writer.commit("s")

    def left():
        copy = Snapshot(tmp_path / "copy")
        return {name: copy.rows(name, "")[0].num_rows for name in rows_of}

    known = RetiredList(tmp_path / "retired")
    load(known)
    retired(known.folder, 1, name_only_user_id("ana"))
    take_out(tmp_path / "copy", known, ["ana", "ana@x.example"], **QUIET)
    assert left() == {"acme_by_id": 1, "acme_by_name": 1, "acme_by_mail": 1, "acme_other": 2}
    load(known)  # names are not kept, and their ids tell again whose a name is
    assert left() == {"acme_by_id": 1, "acme_by_name": 1, "acme_by_mail": 2, "acme_other": 2}


def test_lines_of_a_table_s_log_keep_their_places_and_nothing_else(tmp_path):
    folder = tmp_path / "tracking"
    folder.mkdir()
    lines = [
        json.loads(line("play_video", n, username=name, context={"user_id": None}))
        for n, name in enumerate(["ana", "bo", "ana", "cy"])
    ]
    log = write_log(
        folder / "track_trackinglog-after-000000000000.log",
        [json.dumps({"id": n, **one}) for n, one in enumerate(lines, 1)],
    )
    lake = Lake(tmp_path / "lake")
    ana = name_only_user_id("ana")
    known = RetiredList(tmp_path / "retired")

    def bring_in():
        report = ingest(
            [log], lake, structure=Structure(), retired=known.ids, memory_limit="500MB", threads=1
        )
        assert report.parsed + sum(report.rejected.values()) == report.lines
        return report

    bring_in()
    before = rows(lake)
    retired(known.folder, ana)
    assert tracking_table.take_out(folder, [ana], **QUIET) == 2
    assert tracking_table.take_out(folder, [ana], **QUIET) == 0
    assert b"ana" not in log.read_bytes()
    assert [json.loads(one)["id"] for one in log.read_bytes().splitlines()] == [1, 2, 3, 4]
    report = bring_in()
    assert (report.stored, report.duplicates) == (0, 2)
    assert len(rows(lake)) == len(before)


async def test_rows_of_a_table_s_log_are_written_out_without_the_retired(database, tmp_path):
    run_on_mysql(database, dict(table_statements())["track_trackinglog"])
    for row_id, name in enumerate(["ana", "bo"], 1):
        run_on_mysql(
            database,
            "INSERT INTO track_trackinglog (id, dtcreated, username, ip, event_source, event_type,"
            f" event, agent, page, time, host) VALUES ({row_id}, '2014-03-01 10:00:00', '{name}',"
            " '', '', '/courses/O/C/R/courseware/1/', '{}', '', NULL, '2014-03-01 10:00:00', '')",
        )
    known = retired(tmp_path / "retired", name_only_user_id("ana"))
    async with MySQLSource.at(database) as mysql:
        await tracking_table.write_out(
            mysql,
            tmp_path / "tracking",
            now_us=NOW_US,
            progress=lambda *_: None,
            retired=known.ids,
        )
    (log,) = (tmp_path / "tracking").glob("*.log")
    events = [json.loads(one) for one in log.read_bytes().splitlines()]
    assert events[0] == {"id": 1}
    assert events[1]["username"] == "bo"


def test_lines_of_the_retired_are_counted_and_give_no_event(tmp_path):
    log = write_log(
        tmp_path / "t.log",
        [
            line("play_video", 1),
            line("play_video", 2, username="bo", context={"user_id": 2}),
            line("play_video", 3, username="cy", context={"user_id": ""}),
        ],
    )
    known = retired(tmp_path / "retired", 2, name_only_user_id("cy"))
    lake = Lake(tmp_path / "lake")
    report = ingest(
        [log], lake, structure=Structure(), retired=known.ids, memory_limit="500MB", threads=1
    )
    assert (report.stored, report.rejected) == (1, {"dropped_retired": 2})
    assert rows(lake, "user_id") == [1]
    assert lake.course_keys() == [COURSE]


def test_a_place_that_is_being_written_is_waited_for(tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with locked(tmp_path):
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    with pytest.raises(LakeError, match="is being written by process"), locked(tmp_path):
        pass
    threading.Timer(0.2, leave.set).start()
    with locked(tmp_path, patience_seconds=10):
        assert leave.is_set()
    holder.join()
