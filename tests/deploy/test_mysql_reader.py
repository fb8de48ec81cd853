"""The account that operators are told to make, on a real server with real table definitions."""

import os
from urllib.parse import urlsplit

import pymysql
import pytest

from courselens.simulator.into_mysql import write_into_mysql
from loaders.mysql.capabilities import Capabilities
from loaders.mysql.registry import table_names
from loaders.mysql.source import MySQLSource
from tests.deploy.reading import DEPLOY
from tests.mariadb import run_on_mysql

SQL = (DEPLOY / "mysql-reader.sql").read_text(encoding="utf-8")
NAMES = {"openedx": f"reader_main_{os.getpid()}", "edxapp_csmh": f"reader_history_{os.getpid()}"}


@pytest.fixture(scope="module")
def site(mysql_server):
    """Address of a server with a site's databases under names of the test's own."""
    for name in NAMES.values():
        run_on_mysql(mysql_server, f"CREATE DATABASE {name}")
    write_into_mysql(
        f"{mysql_server}/{NAMES['openedx']}",
        history_url=f"{mysql_server}/{NAMES['edxapp_csmh']}",
        enrollment_history=True,
        students=20,
        weeks=1,
    )
    text = SQL.replace("READER_PASSWORD", "secret")
    for theirs, ours in NAMES.items():
        text = text.replace(f"{theirs}.", f"{ours}.")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    refused = []
    for statement in lines:
        try:
            run_on_mysql(mysql_server, statement)
        except pymysql.ProgrammingError as error:  # as `mysql --force` goes on
            refused.append(error.args)
    yield mysql_server, refused
    run_on_mysql(mysql_server, "DROP USER courselens@'%'")
    for name in NAMES.values():
        run_on_mysql(mysql_server, f"DROP DATABASE {name}")


def urls(server: str, account: str) -> list[str]:
    address = urlsplit(server).netloc.rpartition("@")[2]
    return [f"mysql://{account}@{address}/{name}" for name in NAMES.values()]


def test_only_a_table_that_the_site_has_not_is_refused(site):
    _, refused = site
    assert [code for code, _ in refused] == [1146]
    assert f"{NAMES['openedx']}.coursewarehistoryextended" in refused[0][1]


def test_every_table_that_is_read_is_granted_by_name():
    assert {name for name in table_names() if f"ON openedx.{name} TO" not in SQL} == set()
    assert "*" not in SQL


async def test_the_account_reads_what_an_administrator_reads(site):
    server, _ = site
    everything = urlsplit(server).netloc.rpartition("@")[0]
    found = []
    for account in (everything, "courselens:secret"):
        async with MySQLSource.at(*urls(server, account)) as source:
            capabilities = await source.capabilities()
            (course_key,) = await source.course_keys()
            rows = {
                name: await source.fetch_course(name, course_key)
                for name in sorted(_by_course(capabilities))
            }
            found.append((capabilities.reads, capabilities.datasets, rows))
    whole, granted = found
    assert granted[0] == whole[0]
    assert granted[1] == whole[1]
    assert whole[2]["profiles"].num_rows > 0
    for name, table in whole[2].items():
        assert granted[2][name].equals(table), name


def _by_course(capabilities: Capabilities) -> set[str]:
    return {read.query.dataset.name for read in capabilities.reads if read.by_course}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT email FROM auth_user",
        "SELECT password FROM auth_user",
        "SELECT name FROM auth_userprofile",
        "UPDATE student_courseenrollment SET is_active = 0",
        "CREATE TABLE more (id INT)",
    ],
)
def test_the_account_may_do_nothing_else(site, statement):
    server, _ = site
    with pytest.raises(pymysql.OperationalError, match="denied"):
        run_on_mysql(urls(server, "courselens:secret")[0], statement)
