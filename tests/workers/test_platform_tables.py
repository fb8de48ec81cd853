"""Copies of a platform's tables: what changed is read again, and nothing else; faults harm none."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from urllib.parse import urlsplit

import pymongo
import pytest
from bson import ObjectId
from pydantic import SecretStr

from courselens.computing import input_digest
from courselens.domain import SECOND_US
from courselens.errors import SourceUnavailable
from courselens.settings import Settings
from courselens.simulator.into_mongo import write_into_mongo
from courselens.simulator.into_mysql import write_into_mysql
from indicators.registry import load_registry
from loaders.datasets import DATASETS
from loaders.events.lake import Lake
from tests.mariadb import run_on_mysql
from tests.proxy import TcpProxy
from workers import platform_copy
from workers.facts import KeptFacts
from workers.platform_tables import look_at, open_platform
from workers.snapshot import UNFINISHED, Snapshot
from workers.source_files import Look, SourceFiles
from workers.table_sync import copy_tables, table_syncs

SIZE = {"students": 40, "weeks": 2, "courses": 2, "seed": 5}
DEAD_SECONDS = 0.7
"""How long a server that was cut off is waited for."""
HOUR_US = 3600 * SECOND_US
NO_FILES = Look({}, "")
_numbers = itertools.count()


@pytest.fixture
def site(mysql_server, mongo_url, tmp_path):
    """A platform of its own that a test may change, and its copy."""
    name = f"platform_tables_{next(_numbers)}"
    run_on_mysql(mysql_server, f"CREATE DATABASE {name}")
    yield Site(f"{mysql_server}/{name}", mongo_url, tmp_path)
    run_on_mysql(mysql_server, f"DROP DATABASE {name}")


class Site:
    def __init__(self, mysql_url, mongo_url, home):
        self.mysql_url = mysql_url
        self.database = mongo_url.rpartition("/")[2]
        self.settings = Settings(
            home=home,
            mysql_url=mysql_url,
            mongo_url=mongo_url,
            mongo_forum_database=self.database,
            sweep_every_seconds=3600,
            source_deadline_seconds=2,
        )
        self.now_us = 1000 * HOUR_US
        self.path = self.settings.tables_path / "platform"
        self.keys = [
            course.course_key
            for course in write_into_mysql(mysql_url, enrollment_history=True, **SIZE).courses
        ]
        asyncio.run(
            write_into_mongo(
                mongo_url, database=self.database, forum_database=self.database, **SIZE
            )
        )

    def sql(self, *statements):
        return run_on_mysql(self.mysql_url, *statements)

    @property
    def sync(self):
        return table_syncs(self.settings, SourceFiles(()), load_registry())["platform"]

    def state(self):
        return self.sync.state(NO_FILES, self.now_us)

    def copy(self, **settings):
        changed = self.settings.model_copy(update=settings)
        sync = table_syncs(changed, SourceFiles(()), load_registry())["platform"]
        path = changed.tables_path / "platform"
        return copy_tables(sync, path, NO_FILES, now_us=self.now_us, progress=lambda *_: None)

    @property
    def facts(self):
        lake = Lake(self.settings.lake_path)
        return KeptFacts.open(self.settings.tables_path, ["platform"], lake)

    def digests(self):
        return [input_digest(self.facts, key, self.now_us) for key in self.keys]

    def rows(self, dataset, key):
        return self.facts.course(key).tables[dataset].to_pylist()

    def copied_anew(self, home):
        """Digests of a copy that knows nothing of the one before."""
        self.copy(home=home)
        facts = KeptFacts.open(home / "tables", ["platform"], Lake(home / "lake"))
        return [input_digest(facts, key, self.now_us) for key in self.keys]


def test_without_a_change_nothing_is_due_and_a_sweep_reads_no_course_again(site, monkeypatch):
    assert site.copy()
    before = site.digests()
    state = site.state()
    assert Snapshot(site.path).manifest.state == state
    files = sorted(site.path.glob("*/*"))
    assert len(files) > 10

    site.now_us += HOUR_US
    assert site.state() != state  # a sweep is due

    read = []
    fetch = platform_copy.MySQLSource.fetch_course

    async def noted(self, dataset, course_key):
        read.append(dataset)
        return await fetch(self, dataset, course_key)

    monkeypatch.setattr(platform_copy.MySQLSource, "fetch_course", noted)
    assert site.copy()
    assert set(read) == {"cohort_members"}  # which only reading can compare
    assert sorted(site.path.glob("*/*")) == files
    assert site.digests() == before
    assert Snapshot(site.path).manifest.state == site.state()


def test_new_and_changed_rows_are_followed_and_change_their_course_alone(site, tmp_path):
    site.copy()
    before, state = site.digests(), site.state()
    first, second = site.keys
    site.sql(
        "UPDATE courseware_studentmodule SET grade = 0, modified = UTC_TIMESTAMP(6)"
        f" WHERE course_id = '{first}' AND grade > 0 ORDER BY id LIMIT 1",
        "INSERT INTO auth_user (id, username, email, password, first_name, last_name, is_staff,"
        " is_active, is_superuser, date_joined)"
        " VALUES (9000001, 'newcomer', 'n@example.org', '', '', '', 0, 1, 0, NOW())",
        "INSERT INTO auth_userprofile (id, user_id, name, meta, courseware, language, location,"
        " year_of_birth) VALUES (9000001, 9000001, '', '', '', '', '', 1990)",
        "INSERT INTO student_courseenrollment (user_id, course_id, created, is_active, mode)"
        f" VALUES (9000001, '{first}', NOW(), 1, 'audit')",
    )
    assert site.state() != state
    site.copy()

    after = site.digests()
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert 9000001 in {row["user_id"] for row in site.rows("enrollments", first)}
    assert [
        row["year_of_birth"] for row in site.rows("profiles", first) if row["user_id"] == 9000001
    ] == [1990]
    assert 9000001 not in {row["user_id"] for row in site.rows("profiles", second)}
    assert after == site.copied_anew(tmp_path / "anew")


def test_a_profile_that_nobody_needs_changes_no_course(site):
    site.copy()
    before = site.digests()
    site.sql(
        "INSERT INTO auth_user (id, username, email, password, first_name, last_name, is_staff,"
        " is_active, is_superuser, date_joined)"
        " VALUES (9000002, 'passer-by', 'p@example.org', '', '', '', 0, 1, 0, NOW())"
    )
    site.copy()
    assert 9000002 in site.facts.whole("profiles").column("user_id").to_pylist()
    assert site.digests() == before


def test_rows_that_go_and_silent_changes_are_found_by_the_next_sweep(site, tmp_path):
    site.copy()
    before = site.digests()
    second = site.keys[1]
    ((gone,),) = site.sql(
        f"SELECT MAX(student_id) FROM courseware_studentmodule WHERE course_id = '{second}'"
    )
    ((left,),) = site.sql(
        "SELECT MIN(user_id) FROM student_courseenrollment"
        f" WHERE course_id = '{second}' AND is_active = 1"
    )
    site.sql(
        "DELETE FROM courseware_studentmodule"
        f" WHERE course_id = '{second}' AND student_id = {gone}",
        "UPDATE student_courseenrollment SET is_active = 0"
        f" WHERE course_id = '{second}' AND user_id = {left}",
    )
    site.copy()
    assert site.digests() == before

    site.now_us += HOUR_US
    site.copy()
    assert gone not in {row["user_id"] for row in site.rows("module_states", second)}
    active = {row["user_id"]: row["is_active"] for row in site.rows("enrollments", second)}
    assert active[left] is False
    after = site.digests()
    assert after[0] == before[0]
    assert after == site.copied_anew(tmp_path / "anew")


def test_a_new_version_of_a_course_is_read_and_a_course_that_is_gone_is_forgotten(site, mongo_url):
    site.copy()
    before = site.digests()
    first, second = site.keys
    index = "split_modulestore_django_splitmodulestorecourseindex"
    ((version,),) = site.sql(f"SELECT published_version FROM {index} WHERE course_id = '{first}'")
    with pymongo.MongoClient(mongo_url) as client:
        structures = client.get_default_database()["modulestore.structures"]
        structure = structures.find_one({"_id": ObjectId(version)})
        structure["_id"] = ObjectId("a" * 24)
        for block in structure["blocks"]:
            if block["block_type"] == "chapter":
                block["fields"]["display_name"] = "Renamed"
        structures.insert_one(structure)
    state = site.state()
    site.sql(
        f"UPDATE {index} SET published_version = '{'a' * 24}' WHERE course_id = '{first}'",
        f"DELETE FROM course_overviews_courseoverview WHERE id = '{second}'",
        f"UPDATE {index} SET published_version = '' WHERE course_id = '{second}'",
    )
    assert site.state() != state
    site.copy()
    assert site.digests()[0] != before[0]
    names = {
        row["display_name"] for row in site.rows("blocks", first) if row["block_type"] == "chapter"
    }
    assert names == {"Renamed"}
    assert site.facts.course_keys == [first]


def test_a_course_whose_structure_is_broken_keeps_the_old_one_and_costs_no_other(site):
    site.copy()
    first, second = site.keys
    blocks = site.rows("blocks", first)
    index = "split_modulestore_django_splitmodulestorecourseindex"
    site.sql(
        f"UPDATE {index} SET published_version = '{'b' * 24}' WHERE course_id = '{first}'",
        "UPDATE courseware_studentmodule SET grade = 0, modified = UTC_TIMESTAMP(6)"
        f" WHERE course_id = '{second}' AND grade > 0 ORDER BY id LIMIT 1",
    )
    before = site.digests()
    site.copy()
    assert site.rows("blocks", first) == blocks
    assert site.digests()[1] != before[1]


def test_a_run_that_is_out_of_time_has_whole_courses_and_the_next_goes_on(site, tmp_path):
    done = []
    while not site.copy(task_time_limit_seconds=0.001 if not done else 900):
        done.append(Snapshot(site.path).manifest.state)
    assert done == [None]
    site.now_us += HOUR_US
    assert not site.copy(task_time_limit_seconds=0.001)
    assert Snapshot(site.path).manifest.state == UNFINISHED
    assert site.copy()
    assert site.digests() == site.copied_anew(tmp_path / "anew")


@pytest.mark.slow
@pytest.mark.parametrize("dead", ["mysql", "mongo"])
def test_a_server_that_dies_in_the_middle_leaves_the_old_copy(site, dead, tmp_path):
    site.copy()
    before, manifest = site.digests(), Snapshot(site.path).manifest
    site.now_us += HOUR_US
    site.sql(
        "UPDATE student_courseenrollment SET mode = 'verified'",
        # So that structures are read again, too.
        "UPDATE course_overviews_courseoverview SET lowest_passing_grade = 0.61",
    )
    url = getattr(site.settings, f"{dead}_url").get_secret_value()
    parts = urlsplit(url)
    with TcpProxy(parts.hostname, parts.port) as proxy:
        port = f":{proxy.port}/"
        through = {f"{dead}_url": SecretStr(url.replace(f":{parts.port}/", port))}
        shutil.copytree(site.path, tmp_path / "probe" / "tables" / "platform")
        site.copy(**through, home=tmp_path / "probe")
        size = proxy.sent
        assert size > 1000
        for share in (0.05, 0.5, 0.95):
            proxy.heal()
            proxy.cut_after = int(size * share)
            began = time.monotonic()
            with pytest.raises(SourceUnavailable):
                site.copy(**through, source_deadline_seconds=DEAD_SECONDS)
            assert time.monotonic() - began < 2 * DEAD_SECONDS + 4
            assert proxy.cut_after == 0  # it was the cut, and no slow machine
            assert Snapshot(site.path).manifest == manifest
            assert site.digests() == before
        proxy.heal()
        assert site.copy(**through)
    assert site.digests() == site.copied_anew(tmp_path / "anew")
    assert site.digests() != before


def test_a_hundred_courses_cost_no_more_to_look_at_than_two(site):
    async def look():
        async with open_platform(site.settings) as (mysql, _):
            await look_at(mysql, None, DATASETS)
            return mysql.statements

    few = asyncio.run(look())
    site.sql(
        "INSERT INTO course_overviews_courseoverview (id, _location, org, display_name, version,"
        " created, modified, mobile_available, visible_to_staff_only, invitation_only,"
        " self_paced, catalog_visibility, display_number_with_default, display_org_with_default)"
        " SELECT CONCAT('course-v1:X+Y+', seq), '', 'X', 'Y', 1, NOW(), NOW(), 0, 0, 0, 0, '',"
        " '', '' FROM seq_1_to_98"
    )
    assert asyncio.run(look()) == few
    assert few < 50
