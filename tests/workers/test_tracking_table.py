"""The tracking log of a table becomes log files, each row once, and then events."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime

import pytest

from courselens.domain import to_us
from courselens.settings import Settings
from courselens.simulator.into_mysql import table_statements
from loaders.events.ingest import ingest
from loaders.events.lake import Lake
from loaders.events.structure import Structure
from loaders.mysql.source import MySQLSource
from tests.mariadb import run_on_mysql
from workers import tracking_table
from workers.platform_tables import PlatformTables
from workers.source_files import Look, SourceFiles
from workers.table_sync import copy_tables
from workers.tracking_table import look_at, write_out

NOW_US = to_us(datetime(2014, 3, 2, 12, tzinfo=UTC))
_numbers = itertools.count()


@pytest.fixture
def url(mysql_server):
    name = f"tracking_table_{next(_numbers)}"
    tables = dict(table_statements())
    run_on_mysql(mysql_server, f"CREATE DATABASE {name}")
    run_on_mysql(f"{mysql_server}/{name}", tables["track_trackinglog"])
    yield f"{mysql_server}/{name}"
    run_on_mysql(mysql_server, f"DROP DATABASE {name}")


def log(url, *rows):
    """Add rows: id and time, of visits to a course."""
    for row_id, time in rows:
        run_on_mysql(
            url,
            "INSERT INTO track_trackinglog (id, dtcreated, username, ip, event_source, event_type,"
            f" event, agent, page, time, host) VALUES ({row_id}, '{time}', 'u{row_id}', '', '',"
            f" '/courses/O/C/R/courseware/{row_id}/', '{{}}', '', NULL, '{time}', '')",
        )


async def write(url, folder, now_us=NOW_US):
    async with MySQLSource.at(url) as source:
        await write_out(source, folder, now_us=now_us, progress=lambda *_: None)
        return await look_at(source, folder, now_us=now_us)


def written(folder):
    lines = (path.read_bytes().splitlines() for path in sorted(folder.glob("*.log")))
    return [json.loads(line)["id"] for file in lines for line in file]


async def test_rows_are_written_once_and_go_on_after_the_last(url, tmp_path):
    log(url, (3, "2014-03-01 10:00:00"), (4, "2014-03-01 10:00:01"))
    assert await write(url, tmp_path) == (4,)
    log(url, (7, "2014-03-01 10:00:02"))
    assert await write(url, tmp_path) == (7,)
    assert await write(url, tmp_path) == (7,)
    assert written(tmp_path) == [3, 4, 7]


async def test_rows_of_the_last_minute_wait_for_their_neighbours(url, tmp_path):
    log(url, (1, "2014-03-02 11:58:00"), (3, "2014-03-02 11:59:30"), (4, "2014-03-02 11:58:30"))
    behind = await write(url, tmp_path)
    assert written(tmp_path) == [1]
    # Committed late, with an id that was drawn before.
    log(url, (2, "2014-03-02 11:59:29"))
    later_us = NOW_US + 60_000_000
    assert await write(url, tmp_path, later_us) == (4,) != behind
    assert written(tmp_path) == [1, 2, 3, 4]


async def test_a_clock_that_is_ahead_stops_nobody(url, tmp_path):
    log(url, (1, "2031-01-01 00:00:00"), (2, "2014-03-01 10:00:00"))
    await write(url, tmp_path)
    assert written(tmp_path) == [1, 2]


@pytest.mark.parametrize("kept", [0, 1, 40, -1])
async def test_a_line_that_was_cut_is_written_anew(url, tmp_path, kept):
    log(url, *((n, "2014-03-01 10:00:00") for n in (1, 2, 3)))
    await write(url, tmp_path)
    (path,) = tmp_path.glob("*.log")
    whole = path.read_bytes()
    last = whole.rindex(b'{"id":3')
    path.write_bytes(whole[:-1] if kept == -1 else whole[: last + kept] if kept else b"")
    assert await write(url, tmp_path) == (3,)
    assert path.read_bytes() == whole


async def test_large_files_are_followed_by_others(url, tmp_path, monkeypatch):
    monkeypatch.setattr(tracking_table, "FILE_BYTES", 10)
    for n in (1, 2, 3):
        log(url, (n, "2014-03-01 10:00:00"))
        await write(url, tmp_path)
    assert len(list(tmp_path.glob("*.log"))) == 3
    assert written(tmp_path) == [1, 2, 3]


async def test_lines_longer_than_a_glance_do_not_confuse(url, tmp_path, monkeypatch):
    monkeypatch.setattr(tracking_table, "_TAIL_BYTES", 16)
    log(url, (1, "2014-03-01 10:00:00"), (2, "2014-03-01 10:00:00"))
    await write(url, tmp_path)
    assert await write(url, tmp_path) == (2,)
    assert written(tmp_path) == [1, 2]


async def test_the_lake_takes_every_event_once(url, tmp_path):
    folder, lake = tmp_path / "tracking", Lake(tmp_path / "lake")
    files = SourceFiles((), own_logs=folder)
    assert files.look().logs == {}
    for rows in ([1, 2], [3], []):
        log(url, *((n, f"2014-03-01 10:00:0{n}") for n in rows))
        await write(url, folder)
        ingest(sorted(files.look().logs), lake, structure=Structure(), threads=1)
    (partition,) = lake._manifest().partitions
    assert (partition.course_key, partition.rows) == ("O/C/R", 3)


def test_new_rows_make_a_copy_due_where_the_setting_says_so(url, tmp_path):
    settings = Settings(home=tmp_path, mysql_url=url)
    unset, sync = (
        PlatformTables(each, frozenset())
        for each in (settings, settings.model_copy(update={"tracking_table": True}))
    )
    look = Look({}, "")
    before = [each.state(look, NOW_US) for each in (unset, sync)]
    log(url, (1, "2014-03-01 10:00:00"))
    after = [each.state(look, NOW_US) for each in (unset, sync)]
    assert after[0] == before[0]
    assert after[1] != before[1]

    for each in (unset, sync):
        copy_tables(each, tmp_path / "copy", look, now_us=NOW_US, progress=lambda *_: None)
    assert written(tmp_path / "tracking") == [1]
    assert sync.state(look, NOW_US) == sync.state(look, NOW_US + 1)
