from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit, urlunsplit

import pytest

from courselens.errors import BadParameter, SourceRefused, SourceUnavailable
from courselens.simulator.into_mysql import write_into_mysql
from loaders.mysql.connection import Bounds, Deadline, MySQL
from loaders.mysql.source import MySQLSource
from tests.mariadb import run_on_mysql
from tests.proxy import TcpProxy

QUICK = Bounds(
    connect_seconds=0.3, deadline_seconds=0.6, attempts=2, failures=2, cool_down_seconds=0.4
)
GRACE_SECONDS = 1.0  # what a busy machine may add; without a deadline it would be for ever


def replaced(url, **parts):
    return urlunsplit(urlsplit(url)._replace(**parts))


@pytest.fixture
def proxy(installation):
    parts = urlsplit(installation.url)
    with TcpProxy(parts.hostname, parts.port) as running:
        yield running


def through(proxy, url):
    account = urlsplit(url).netloc.rpartition("@")[0]
    return replaced(url, netloc=f"{account}@127.0.0.1:{proxy.port}")


async def test_a_session_reads_only_in_utc_with_a_time_limit(installation):
    async with MySQL(installation.url, bounds=Bounds(statement_seconds=7)) as database:
        ((version,),) = await database.fetch("SELECT VERSION()")
        is_mariadb = b"MariaDB" in version
        ((zone, isolation, limit, charset),) = await database.fetch(
            "SELECT @@session.time_zone, @@session.tx_isolation, @@session.max_statement_time,"
            " @@character_set_results"
            if is_mariadb
            else "SELECT @@session.time_zone, @@session.transaction_isolation,"
            " @@session.max_execution_time, @@character_set_results"
        )
        with pytest.raises(SourceRefused, match="READ ONLY"):
            await database.fetch("DELETE FROM auth_user")

    assert (zone, isolation, charset) == (b"+00:00", b"READ-COMMITTED", b"utf8mb4")
    assert float(limit) == (7 if is_mariadb else 7000)


async def test_parameters_are_values_and_never_sql(installation):
    text = "'; DROP TABLE auth_user; -- %s \\"
    async with MySQL(installation.url) as database:
        rows = await database.fetch(
            "SELECT %(text)s, 5 IN %(some)s, 5 IN %(none)s, %(nothing)s",
            {"text": text, "some": [4, 5], "none": [], "nothing": None},
        )
    assert rows == [(text.encode(), b"1", None, None)]


async def test_never_more_connections_than_the_bound(installation):
    async with MySQL(installation.url, bounds=Bounds(connections=3)) as database:
        asked = [
            asyncio.create_task(database.fetch("SELECT SLEEP(0.1), CONNECTION_ID()"))
            for _ in range(12)
        ]
        name = urlsplit(installation.url).path[1:]
        seen = 0
        while not all(task.done() for task in asked):
            ((count,),) = run_on_mysql(
                installation.url,
                f"SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{name}'"
                " AND id <> CONNECTION_ID()",
            )
            seen = max(seen, count)
            await asyncio.sleep(0.01)
        used = {rows[0][1] for rows in await asyncio.gather(*asked)}
    assert len(used) == 3
    assert seen == 3


async def test_a_wrong_password_is_refused_and_not_shown(installation):
    url = replaced(installation.url, netloc=installation.url.split("@")[1].split("/")[0])
    wrong = url.replace("://", "://tests:canary-password@")
    async with MySQL(wrong) as database:
        before = time.monotonic()
        with pytest.raises(SourceRefused, match="Access denied") as caught:
            await database.fetch("SELECT 1")
    assert "canary" not in str(caught.value)
    assert caught.value.retryable is False
    assert time.monotonic() - before < database.bounds.deadline_seconds
    assert not database.circuit.is_open


@pytest.mark.parametrize(
    "url", ["postgresql://u:canary@h/db", "mysql://u:canary@h", "mysql://u:canary@h/db?tls=1"]
)
def test_a_url_of_another_kind_is_refused_and_not_shown(url):
    with pytest.raises(BadParameter) as caught:
        MySQL(url)
    assert "canary" not in str(caught.value)


async def test_a_statement_over_its_limit_is_stopped_by_the_server_and_not_repeated(installation):
    async with MySQL(installation.url, bounds=Bounds(statement_seconds=0.2)) as database:
        with pytest.raises(SourceUnavailable, match=r"a statement took more than its 0\.2 s"):
            await database.fetch(
                "SELECT COUNT(*) FROM auth_user a, auth_user b, auth_user c, auth_user d"
            )
        assert database.statements == 1
        assert await database.fetch("SELECT 1") == [(b"1",)]


async def test_a_statement_that_is_wrong_is_refused_at_once(installation):
    async with MySQL(installation.url) as database:
        with pytest.raises(SourceRefused, match="no_such_table"):
            await database.fetch("SELECT * FROM no_such_table")
        assert database.statements == 1


async def test_a_silent_server_costs_the_deadline_and_then_nothing(installation, proxy):
    async with MySQL(through(proxy, installation.url), bounds=QUICK) as database:
        assert await database.fetch("SELECT 1") == [(b"1",)]
        proxy.is_silent = True
        for _ in range(QUICK.failures):
            assert await seconds_to_fail(database) < QUICK.deadline_seconds + GRACE_SECONDS
        assert database.circuit.is_open
        # No connection is tried while the circuit is open.
        accepted = proxy.accepted
        await seconds_to_fail(database)
        assert proxy.accepted == accepted

        proxy.heal()
        await asyncio.sleep(QUICK.cool_down_seconds)
        assert await database.fetch("SELECT 1") == [(b"1",)]
        assert not database.circuit.is_open


async def test_a_silent_server_at_the_first_connection_costs_the_deadline(installation, proxy):
    proxy.is_silent = True
    async with MySQL(through(proxy, installation.url), bounds=QUICK) as database:
        assert await seconds_to_fail(database) < QUICK.deadline_seconds + GRACE_SECONDS


async def test_a_question_with_its_own_deadline_keeps_it(installation, proxy):
    async with MySQL(through(proxy, installation.url)) as database:
        await database.fetch("SELECT 1")
        proxy.is_silent = True
        before = time.monotonic()
        with pytest.raises(SourceUnavailable, match=r"did not answer within 0\.3 s"):
            await database.fetch("SELECT 1", deadline=Deadline(0.3))
        assert time.monotonic() - before < 0.3 + GRACE_SECONDS


async def test_a_deadline_is_for_all_statements_of_a_question(installation, proxy):
    async with MySQLSource.at(through(proxy, installation.url)) as source:
        proxy.latency_seconds = 0.15
        before = time.monotonic()
        # Connecting alone takes about four answers of the server.
        with pytest.raises(SourceUnavailable, match=r"did not answer within 0\.5 s"):
            await source.fetch_for_users(
                "cohort_members", installation.course_keys[0], [10_001], deadline_seconds=0.5
            )
        assert time.monotonic() - before < 0.5 + GRACE_SECONDS


async def test_a_connection_that_is_reset_is_replaced_without_a_word(installation, proxy):
    async with MySQL(through(proxy, installation.url)) as database:
        await database.fetch("SELECT 1")
        proxy.reset()
        assert await database.fetch("SELECT 2") == [(b"2",)]
        assert proxy.accepted == 2


async def test_a_slow_network_is_waited_for(installation, proxy):
    proxy.latency_seconds, proxy.slice_bytes = 0.005, 3000
    course_key = installation.course_keys[0]
    async with MySQLSource.at(through(proxy, installation.url)) as source:
        found = await source.fetch_course("enrollments", course_key)
    assert found.num_rows > 100


async def test_a_course_that_is_cut_inside_a_row_is_read_whole(installation, proxy):
    course_key = installation.course_keys[0]
    async with installation.source() as source:
        expected = await source.fetch_course("module_states", course_key)
    async with MySQLSource.at(through(proxy, installation.url)) as source:
        source.page_rows = 200
        await source.capabilities()
        proxy.cut_after = 100_000
        task = asyncio.create_task(source.fetch_course("module_states", course_key))
        while proxy.cut_after > 0:
            await asyncio.sleep(0.001)
        proxy.heal()
        found = await task
    assert found.equals(expected)
    assert proxy.accepted == 2


async def test_who_gives_up_leaves_no_connection_in_the_middle_of_an_answer(installation):
    async with MySQL(installation.url, bounds=Bounds(connections=1)) as database:
        task = asyncio.create_task(database.fetch("SELECT SLEEP(5)"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await database.fetch("SELECT 'mine'") == [(b"mine",)]


async def test_waiting_for_a_free_connection_counts_towards_the_deadline(installation):
    async with MySQL(installation.url, bounds=Bounds(connections=1)) as database:
        slow = asyncio.create_task(database.fetch("SELECT SLEEP(0.5)"))
        await asyncio.sleep(0.05)
        for _ in range(5):
            with pytest.raises(SourceUnavailable, match="all 1 connections were busy"):
                await database.fetch("SELECT 1", deadline=Deadline(0.02))
        assert await slow == [(b"0",)]
        assert not database.circuit.is_open


async def test_a_killed_server_is_unavailable_within_the_deadline_and_heals(mysql_process):
    run_on_mysql(mysql_process.url, "CREATE DATABASE killed")
    url = f"{mysql_process.url}/killed"
    written = write_into_mysql(url, students=30, weeks=2, seed=5)
    course_key = written.courses[0].course_key
    async with MySQLSource.at(url, bounds=QUICK) as source:
        source.page_rows = 20
        whole = await source.fetch_course("module_states", course_key)
        sent = source.statements
        task = asyncio.create_task(source.fetch_course("module_states", course_key))
        while source.statements < sent + 5:
            await asyncio.sleep(0)
        mysql_process.kill()
        before = time.monotonic()
        with pytest.raises(SourceUnavailable):
            await task
        assert time.monotonic() - before < QUICK.deadline_seconds + GRACE_SECONDS
        with pytest.raises(SourceUnavailable):
            await source.fetch_course("module_states", course_key)
        assert source.databases["main"].circuit.is_open

        mysql_process.start()
        await asyncio.sleep(QUICK.cool_down_seconds)
        again = await source.fetch_course("module_states", course_key)
    assert again.equals(whole)


async def test_a_hanging_server_is_unavailable_within_the_deadline_and_heals(mysql_process):
    async with MySQL(f"{mysql_process.url}/mysql", bounds=QUICK) as database:
        await database.fetch("SELECT 1")
        mysql_process.pause()
        try:
            assert await seconds_to_fail(database) < QUICK.deadline_seconds + GRACE_SECONDS
        finally:
            mysql_process.resume()
        assert await database.fetch("SELECT 1") == [(b"1",)]


async def test_a_full_server_is_asked_again_until_it_has_room(mysql_process):
    run_on_mysql(
        mysql_process.url,
        "CREATE USER IF NOT EXISTS narrow@'127.0.0.1' IDENTIFIED BY 'narrow'"
        " WITH MAX_USER_CONNECTIONS 1",
        "GRANT SELECT ON mysql.* TO narrow@'127.0.0.1'",
    )
    url = f"mysql://narrow:narrow@127.0.0.1:{mysql_process.port}/mysql"
    async with MySQL(url) as first, MySQL(url) as second:
        await first.fetch("SELECT 1")
        task = asyncio.create_task(second.fetch("SELECT 2"))
        await asyncio.sleep(0.03)
        first.close()
        assert await task == [(b"2",)]


async def seconds_to_fail(database):
    before = time.monotonic()
    with pytest.raises(SourceUnavailable):
        await database.fetch("SELECT 1")
    return time.monotonic() - before
