"""One simulated installation that the tests read, and the same courses as files."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pyarrow as pa
import pytest

from courselens.simulator import simulate
from courselens.simulator.into_mysql import table_statements, write_into_mysql
from loaders.files.source import open_source
from loaders.mysql.source import MySQLSource
from tests.mariadb import run_on_mysql

SIZE = {"students": 120, "weeks": 3, "courses": 2, "seed": 11}
_numbers = itertools.count()


@dataclass(frozen=True)
class Installation:
    """Where the databases are, what was written, and what the files of the same seed hold."""

    url: str
    history_url: str
    rows: dict[str, int]
    course_keys: tuple[str, ...]
    tables: dict[str, pa.Table]

    def source(self, **options) -> MySQLSource:
        return MySQLSource.at(self.url, self.history_url, **options)


def make_database(server: str) -> str:
    """URL of a new database; the server of the tests is thrown away with all of them."""
    name = f"courselens_mysql_{os.getpid()}_{next(_numbers)}"
    run_on_mysql(server, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def installation(mysql_server, tmp_path_factory):
    url, history_url = make_database(mysql_server), make_database(mysql_server)
    written = write_into_mysql(url, history_url=history_url, enrollment_history=True, **SIZE)
    folder = tmp_path_factory.mktemp("files") / "out"
    simulate(folder, **SIZE)
    return Installation(
        url=url,
        history_url=history_url,
        rows=written.rows,
        course_keys=tuple(course.course_key for course in written.courses),
        tables=open_source([folder]).load().tables,
    )


@pytest.fixture
def old_installation(mysql_server):
    """URL of an installation of its own, for tests that change its tables."""
    url = make_database(mysql_server)
    write_into_mysql(url, forum=False, students=20, weeks=1, seed=3)
    return url


@pytest.fixture
def empty_installation(mysql_server):
    """URL of an installation of its own that has all tables and no rows."""
    url = make_database(mysql_server)
    run_on_mysql(url, *(statement for _, statement in table_statements()))
    return url
