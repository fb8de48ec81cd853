"""The commands that work on a platform's databases."""

from __future__ import annotations

import itertools
import json

import pymongo
import pytest

from tests.mariadb import run_on_mysql

SMALL = ("--students", 15, "--weeks", 1, "--seed", 4)
_numbers = itertools.count()


@pytest.fixture
def mysql_database(mysql_server):
    name = f"platform_commands_{next(_numbers)}"
    run_on_mysql(mysql_server, f"CREATE DATABASE {name}")
    yield f"{mysql_server}/{name}"
    run_on_mysql(mysql_server, f"DROP DATABASE {name}")


@pytest.fixture
def platform(run, mysql_database, mongo_url, monkeypatch, tmp_path):
    """Settings of a platform with one course, whose logs are files."""
    shown = run(
        *("simulate", "--into", mysql_database, "--into", mongo_url),
        *("--out", tmp_path / "files", *SMALL),
    )
    assert shown.code == 0, shown.err
    monkeypatch.setenv("COURSELENS_MYSQL_URL", mysql_database)
    monkeypatch.setenv("COURSELENS_MONGO_URL", mongo_url)
    (key,) = shown.out.split()
    return key


def test_simulating_twice_replaces_and_prints_the_courses_once(run, mysql_database, mongo_url):
    into = ("simulate", "--into", mysql_database, "--into", mongo_url)
    first = run(*into, "--courses", 2, *SMALL)
    again = run(*into, *SMALL)
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert first.out.split() == [*again.out.split(), "course-v1:SimX+SIM102+2025_02"]
    assert "1 courses in MySQL and MongoDB" in again.err
    ((courses,),) = run_on_mysql(
        mysql_database, "SELECT COUNT(*) FROM course_overviews_courseoverview"
    )
    with pymongo.MongoClient(mongo_url) as client:
        versions = client.get_default_database()["modulestore.active_versions"]
        assert (courses, versions.count_documents({})) == (1, 1)


def test_a_platform_of_its_own_is_not_written_over(run, mysql_database):
    run_on_mysql(mysql_database, "CREATE TABLE auth_user (id INT)")
    shown = run("simulate", "--into", mysql_database, *SMALL)
    assert shown.code == 1
    assert "tables that no simulation made: auth_user" in " ".join(shown.err.split())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--into", "postgresql://u:canary@127.0.0.1/x"),
        ("--into", "mysql://u:canary@127.0.0.1"),
        ("--into", "mysql://u:canary@127.0.0.1/x", "--into", "mysql://u:canary@127.0.0.1/y"),
        ("--out", "x", "--history-into", "mysql://u:canary@127.0.0.1/x"),
    ],
)
def test_a_target_that_is_none_is_wrong_usage_and_shows_no_password(run, arguments):
    shown = run("simulate", *arguments)
    assert shown.code == 2
    assert "into" in shown.err
    assert "canary" not in shown.out + shown.err


@pytest.mark.parametrize("scheme", ["mysql", "mongodb"])
def test_simulating_into_a_server_that_is_away_is_one_line(run, scheme, monkeypatch):
    options = "?serverSelectionTimeoutMS=300" if scheme == "mongodb" else ""
    shown = run("simulate", "--into", f"{scheme}://u:canary@127.0.0.1:9/x{options}", *SMALL)
    assert shown.code == 1
    assert f"{scheme} did not answer" in " ".join(shown.err.split())
    assert "Traceback" not in shown.err
    assert "canary" not in shown.out + shown.err


def test_refresh_without_paths_reads_what_is_configured_and_then_only_what_is_new(
    run, platform, monkeypatch, tmp_path
):
    monkeypatch.setenv("COURSELENS_SOURCE_PATHS", str(tmp_path / "files"))
    first, again = (json.loads(run("refresh", "--json").out) for _ in range(2))
    assert [(row["course"], row["changed"], row["failed"]) for row in first] == [
        (platform, True, "")
    ]
    assert first[0]["people"] > 15
    assert [row["changed"] for row in again] == [False]


def test_refresh_with_nothing_to_read_is_wrong_usage(run):
    shown = run("refresh")
    assert shown.code == 2
    assert "COURSELENS_MYSQL_URL" in shown.err


def test_check_says_what_a_platform_has(run, platform):
    shown = run("check", "--json")
    assert shown.code == 0, shown.out + shown.err
    rows = {row["check"]: row for row in json.loads(shown.out)}
    assert rows["mysql"]["ok"]
    assert "datasets" in rows["mysql"]["detail"]
    assert "modulestore: split" in rows["mongodb"]["detail"]
    assert "mysql certificates" not in rows


def test_check_names_what_is_missing_and_the_indicators_that_rest_on_it(
    run, platform, mysql_database
):
    run_on_mysql(
        mysql_database,
        "DROP TABLE grades_persistentcoursegrade",
        "ALTER TABLE auth_userprofile DROP COLUMN gender",
    )
    shown = run("check", "--json")
    assert shown.code == 0, shown.err
    rows = {row["check"]: row for row in json.loads(shown.out)}
    grades = rows["mysql course_grades"]
    assert not grades["available"]
    assert grades["ok"]
    assert "no table grades_persistentcoursegrade" in grades["detail"]
    assert "course_grade" in grades["indicators"]
    assert "enrollment_daily" not in grades["indicators"]
    assert rows["mysql profiles"]["available"]
    assert "no column gender" in rows["mysql profiles"]["detail"]
    in_words = run("check")
    assert in_words.code == 0
    assert "What the platform lacks" in in_words.out


def test_check_names_a_server_that_is_down_in_a_line(run, monkeypatch):
    monkeypatch.setenv("COURSELENS_MYSQL_URL", "mysql://u:canary@127.0.0.1:9/x")
    monkeypatch.setenv("COURSELENS_MONGO_URL", "mongodb://u:canary@127.0.0.1:9/x")
    monkeypatch.setenv("COURSELENS_SOURCE_DEADLINE_SECONDS", "0.5")
    shown = run("check", "--json")
    assert shown.code == 1
    rows = {row["check"]: row for row in json.loads(shown.out)}
    assert not rows["mysql"]["ok"]
    assert not rows["mongodb"]["ok"]
    assert "mongodb did not answer within 0.5 s" in rows["mongodb"]["detail"]
    assert "canary" not in shown.out + shown.err
    assert "Traceback" not in shown.err


def test_check_doubts_a_database_without_the_platforms_tables(run, mysql_database, monkeypatch):
    monkeypatch.setenv("COURSELENS_MYSQL_URL", mysql_database)
    shown = run("check", "--json")
    assert shown.code == 1
    rows = {row["check"]: row for row in json.loads(shown.out)}
    assert "is it the right database?" in rows["mysql"]["detail"]
