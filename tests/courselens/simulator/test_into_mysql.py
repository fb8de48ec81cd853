from __future__ import annotations

import pytest

from courselens.errors import SourceRefused
from courselens.simulator.into_mysql import table_statements, write_into_mysql
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


def test_a_database_that_holds_tables_is_refused(database):
    url = database("sim_twice")
    write_into_mysql(url, **SIZE)
    with pytest.raises(SourceRefused, match="already exists"):
        write_into_mysql(url, **SIZE)


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
