from __future__ import annotations

import orjson
import pytest

from courselens.errors import SourceRefused
from courselens.simulator.course import build_course
from courselens.simulator.into_mysql import table_statements, write_into_mysql
from courselens.simulator.mysql_rows import posts_of
from courselens.simulator.options import Options
from courselens.simulator.outline import outline_course
from courselens.simulator.package import forum_lines
from courselens.simulator.people import make_people
from courselens.simulator.truth import imagine
from tests.mariadb import run_on_mysql

SIZE = {"students": 15, "weeks": 1, "seed": 4}


@pytest.fixture
def database(mysql_server):
    made = []

    def make(name):
        run_on_mysql(mysql_server, f"CREATE DATABASE {name}")
        made.append(name)
        return f"{mysql_server}/{name}"

    yield make
    for name in made:
        run_on_mysql(mysql_server, f"DROP DATABASE {name}")


def content(url):
    return {
        name: sorted(map(repr, run_on_mysql(url, f"SELECT * FROM {name}")))
        for name, _ in table_statements()
    }


def test_the_same_seed_writes_the_same_rows(database):
    urls = [database("sim_first"), database("sim_second")]
    for url in urls:
        write_into_mysql(url, enrollment_history=True, **SIZE)
    assert content(urls[0]) == content(urls[1])


def test_the_report_counts_the_rows_of_every_table(database):
    url = database("sim_counted")
    report = write_into_mysql(url, enrollment_history=True, courses=2, **SIZE)
    counted = {name: len(rows) for name, rows in content(url).items() if rows}
    assert report.rows == counted
    assert len(report.courses) == 2


def test_an_installation_without_forum_and_history_lacks_their_tables(database):
    url = database("sim_old")
    write_into_mysql(url, forum=False, **SIZE)
    names = {row[0] for row in run_on_mysql(url, "SHOW TABLES")}
    made = {name for name, _ in table_statements()}
    assert made - names == {
        "student_courseenrollment_history", "forum_commentthread", "forum_comment",
        "forum_uservote", "forum_mongocontent",
    }  # fmt: skip


def test_a_second_run_takes_the_place_of_the_first(database):
    once, twice = database("sim_once"), database("sim_twice")
    write_into_mysql(once, enrollment_history=True, **SIZE)
    write_into_mysql(twice, enrollment_history=True, courses=2, students=20, weeks=1, seed=9)
    write_into_mysql(twice, enrollment_history=True, **SIZE)
    assert content(twice) == content(once)


def test_a_database_of_a_platform_is_refused_and_keeps_its_rows(database):
    url = database("sim_real")
    run_on_mysql(
        url,
        *(statement for name, statement in table_statements() if name == "auth_user"),
        "INSERT INTO auth_user (id, username, email, password, first_name, last_name, is_staff,"
        " is_active, is_superuser, date_joined) VALUES (7, 'a', '', '', '', '', 0, 1, 0, NOW())",
    )
    with pytest.raises(SourceRefused, match="no simulation made: auth_user"):
        write_into_mysql(url, **SIZE)
    assert run_on_mysql(url, "SELECT id FROM auth_user") == [(7,)]


def test_posts_that_moved_keep_the_ids_of_the_files_whatever_the_course():
    options = Options(students=60, weeks=2, courses=2, seed=4)
    course, people = build_course(options, 1), make_people(options)
    truth = imagine(options, people, outline_course(course), 0, 0)
    written = dict(posts_of(course, truth.posts, truth.roster, people, first_id=1, migrated=True))
    in_files = forum_lines(course, truth.posts, truth.roster, people)
    assert [row["mongo_id"] for row in written["forum_mongocontent"]] == [
        orjson.loads(line)["_id"]["$oid"] for line in in_files
    ]
    assert in_files


def test_text_survives_with_its_escapes_and_breaks(database):
    url = database("sim_text")
    write_into_mysql(url, **SIZE)
    goals = {row[0] for row in run_on_mysql(url, "SELECT goals FROM auth_userprofile")}
    # What the simulator gives every eleventh account, beside nothing.
    assert goals == {"", "To learn\\practise:\n\tmodels\r\nand more"}


def test_posts_keep_letters_beyond_ascii(database):
    url = database("sim_posts")
    report = write_into_mysql(url, students=150, weeks=3, seed=7)
    bodies = run_on_mysql(url, "SELECT DISTINCT body FROM forum_commentthread")
    assert report.rows["forum_commentthread"] > 0
    assert bodies == [("Could someone explain?\n\tI do not see it \\o/ … thank you",)]
