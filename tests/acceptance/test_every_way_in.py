"""The same courses as files and in a platform's MySQL and MongoDB give the same numbers."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import pytest

from courselens.computing import Limits, compute_course
from courselens.settings import Settings
from courselens.simulator import simulate
from courselens.simulator.into_mongo import write_into_mongo
from courselens.simulator.into_mysql import write_into_mysql
from indicators.context import Times, default_as_of_us
from indicators.registry import load_registry
from loaders.files.source import open_source
from tests.mariadb import run_on_mysql
from workers.keeping_up import keep_up

SIZE = {"students": 120, "weeks": 3, "courses": 2, "seed": 11}
NOW_US = 1_750_000_000_000_000
IN_MYSQL_ALONE = ("created_us", "lowest_passing_grade")
"""What the platform's overview of a course says and no export does; no number rests on it here."""
WAYS = ("newer site", "older site")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folder of the courses as files."""
    folder = tmp_path_factory.mktemp("every-way") / "out"
    simulate(folder, **SIZE)
    return folder


@pytest.fixture(scope="module")
def registry():
    return load_registry()


@pytest.fixture(scope="module")
def from_files(files, registry, tmp_path_factory):
    """Numbers of the courses, from files alone."""
    settings = Settings(home=tmp_path_factory.mktemp("files"), source_paths=(files,))
    return numbers(settings, registry)


@pytest.fixture
def platform(request, mysql_server, mongo_url, tmp_path, files):
    """Settings of an installation whose logs alone are files."""
    is_newer = request.param == "newer site"
    names = [f"every_way_{is_newer:d}", f"every_way_history_{is_newer:d}"]
    for name in names:
        run_on_mysql(mysql_server, f"CREATE DATABASE {name}")
    urls = [f"{mysql_server}/{name}" for name in names]
    write_into_mysql(
        urls[0], history_url=urls[1], forum=is_newer, enrollment_history=is_newer, **SIZE
    )
    name = mongo_url.rpartition("/")[2]
    asyncio.run(
        write_into_mongo(mongo_url, database=name, forum_database=name, forum=not is_newer, **SIZE)
    )
    if not is_newer:
        table = "split_modulestore_django_splitmodulestorecourseindex"
        run_on_mysql(urls[0], f"DROP TABLE {table}")
    yield Settings(
        home=tmp_path,
        mysql_url=urls[0],
        mysql_history_url=urls[1],
        mongo_url=mongo_url,
        mongo_forum_database=name,
        source_paths=open_source([files]).log_files,
    )
    for name in names:
        run_on_mysql(mysql_server, f"DROP DATABASE {name}")


def numbers(settings, registry):
    """Every result of every course, as plain values."""
    facts = keep_up(settings, registry, now_us=NOW_US, progress=lambda *_: None)
    return {key: plain(computed(registry, facts, key)) for key in facts.course_keys}


def computed(registry, facts, course_key):
    data = facts.course(course_key)
    return compute_course(
        registry,
        list(registry.indicators),
        data,
        times=Times(now_us=NOW_US, as_of_us=default_as_of_us(data, NOW_US)),
        limits=Limits("500MB", 2),
        full_roster=True,
    )


def plain(results):
    course = {name: value for name, value in results.course.items() if name not in IN_MYSQL_ALONE}
    found = {
        ("course", "course"): course,
        ("course", "roles"): rows(results.roles),
        ("course", "blocks"): rows(results.blocks),
        ("course", "students"): rows(results.roster.students),
        ("course", "groups"): rows(results.roster.groups),
        ("course", "memberships"): rows(results.roster.memberships),
    }
    for one in results.results:
        key = one.indicator.key
        found |= {(key, f"student {part}"): rows(table) for part, table in one.student.items()}
        found |= {(key, f"group {part}"): rows(table) for part, table in one.group.items()}
        found[key, "summaries"] = rows(one.summaries)
        found[key, "standing"] = rows(one.standing)
        found[key, "envelope"] = asdict(one.envelope)
    return found


def rows(table):
    return sorted(map(repr, table.to_pylist()))


@pytest.mark.slow
@pytest.mark.parametrize("platform", WAYS, indirect=True)
def test_all_indicators_give_the_same_rows_at_all_levels(from_files, platform, registry):
    found = numbers(platform, registry)

    assert sorted(found) == sorted(from_files)
    assert len(found) == 2
    for course_key, parts in found.items():
        wanted = from_files[course_key]
        assert parts.keys() == wanted.keys()
        differing = [name for name, part in parts.items() if part != wanted[name]]
        assert differing == [], course_key
        for key in registry.indicators:
            assert parts[key, "envelope"]["error"] is None
    filled = {key for (key, part), value in parts.items() if part.startswith("group ") and value}
    filled |= {key for (key, part), value in parts.items() if part.startswith("student ") and value}
    assert filled == set(registry.indicators)
