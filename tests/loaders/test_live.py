"""Small questions to the platform's databases, and what they share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from courselens.errors import MissingSource, SourceRefused, SourceUnavailable
from courselens.simulator.into_mongo import write_into_mongo
from courselens.simulator.into_mysql import write_into_mysql
from loaders.live import LiveSource
from loaders.mysql.versions import TABLE
from tests.mariadb import run_on_mysql
from tests.proxy import TcpProxy

SIZE = {"students": 30, "weeks": 1, "seed": 5}
SECONDS = 20.0


@pytest.fixture(scope="module")
def platform_url(mysql_url: str) -> str:
    write_into_mysql(mysql_url, **SIZE)
    run_on_mysql(mysql_url, f"DROP TABLE {TABLE}")
    return mysql_url


@pytest.fixture
async def course_key(mongo_url: str) -> str:
    """Key of the course, whose structure is in MongoDB."""
    name = mongo_url.rpartition("/")[2]
    (key,) = await write_into_mongo(
        mongo_url, database=name, forum_database=name, forum=False, **SIZE
    )
    return key


@pytest.fixture
def mongo_proxy(mongo_url: str) -> AsyncIterator[TcpProxy]:
    parts = urlsplit(mongo_url)
    with TcpProxy(parts.hostname, parts.port) as proxy:
        yield proxy


def behind(proxy: TcpProxy, url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.replace(str(parts.port), str(proxy.port))).geturl()


async def test_rows_about_some_learners_are_those_of_the_whole_course(
    platform_url: str, course_key: str
) -> None:
    async with LiveSource.at(platform_url, None, deadline_seconds=SECONDS) as live:
        whole = await live.fetch_course("course_grades", course_key, deadline_seconds=SECONDS)
        wanted = sorted(whole.column("user_id").to_pylist())[:7]
        some = await live.fetch_for_users(
            "course_grades", course_key, wanted, deadline_seconds=SECONDS
        )
    expected = [row for row in whole.to_pylist() if row["user_id"] in wanted]
    assert len(expected) == 7
    assert sorted(some.to_pylist(), key=lambda row: row["user_id"]) == sorted(
        expected, key=lambda row: row["user_id"]
    )


async def test_what_is_not_configured_is_missing(platform_url: str, course_key: str) -> None:
    async with LiveSource.at(platform_url, None, deadline_seconds=SECONDS) as live:
        assert "course_grades" in live.datasets
        assert "blocks" not in live.datasets
        assert "courses" not in live.datasets
        with pytest.raises(MissingSource):
            await live.fetch_course("blocks", course_key, deadline_seconds=SECONDS)
    async with LiveSource.at(None, "mongodb://127.0.0.1:1/x", deadline_seconds=SECONDS) as live:
        assert live.datasets == {"blocks", "block_access", "grading_policy"}
        for fetch in (
            live.fetch_for_users("course_grades", course_key, [1], deadline_seconds=SECONDS),
            live.fetch_course("course_grades", course_key, deadline_seconds=SECONDS),
        ):
            with pytest.raises(MissingSource):
                await fetch


async def test_a_structure_that_takes_too_long_is_there_for_the_next(
    mongo_url: str, course_key: str, mongo_proxy: TcpProxy
) -> None:
    async with LiveSource.at(
        None, behind(mongo_proxy, mongo_url), deadline_seconds=SECONDS
    ) as live:
        mongo_proxy.latency_seconds = 0.1
        with pytest.raises(SourceUnavailable):
            await live.fetch_course("blocks", course_key, deadline_seconds=0.05)
        whole = await live.fetch_course("blocks", course_key, deadline_seconds=SECONDS)
        assert whole.num_rows > 10


async def test_a_structure_is_loaded_once_for_all_who_ask_at_a_time(
    mongo_url: str, course_key: str, mongo_proxy: TcpProxy
) -> None:
    async with LiveSource.at(
        None, behind(mongo_proxy, mongo_url), deadline_seconds=SECONDS
    ) as live:

        async def ask(dataset: str) -> int:
            table = await live.fetch_course(dataset, course_key, deadline_seconds=SECONDS)
            return int(table.num_rows)

        await ask("grading_policy")
        before = mongo_proxy.sent
        await ask("blocks")
        one = mongo_proxy.sent - before  # the version alone: the structure is kept
        assert await asyncio.gather(*[ask("blocks")] * 10) == [await ask("blocks")] * 10
        assert mongo_proxy.sent - before < 4 * one


async def test_an_unknown_course_has_no_structure(mongo_url: str, course_key: str) -> None:
    async with LiveSource.at(None, mongo_url, deadline_seconds=SECONDS) as live:
        with pytest.raises(MissingSource):
            await live.fetch_course("blocks", "course-v1:No+Such+Run", deadline_seconds=SECONDS)


async def test_what_the_installation_has_is_looked_up_again_after_a_refusal(
    platform_url: str, course_key: str
) -> None:
    table = "certificates_generatedcertificate"
    async with LiveSource.at(platform_url, None, deadline_seconds=SECONDS) as live:

        async def ask() -> object:
            return await live.fetch_for_users(
                "certificates", course_key, [1, 2], deadline_seconds=SECONDS
            )

        await ask()
        run_on_mysql(platform_url, f"RENAME TABLE {table} TO away")
        try:
            with pytest.raises(SourceRefused):
                await ask()
            with pytest.raises(MissingSource):
                await ask()
        finally:
            run_on_mysql(platform_url, f"RENAME TABLE away TO {table}")


async def test_nothing_is_sent_before_the_first_question() -> None:
    with TcpProxy("127.0.0.1", 1) as proxy:
        urls = (
            f"mysql://a:b@127.0.0.1:{proxy.port}/x",
            f"mongodb://127.0.0.1:{proxy.port}/x",
        )
        async with LiveSource.at(*urls, deadline_seconds=0.5):
            await asyncio.sleep(0.1)
        assert proxy.accepted == 0


async def test_roles_of_a_user_are_those_of_all_courses(platform_url: str, course_key: str) -> None:
    ((instructor,),) = run_on_mysql(
        platform_url,
        "SELECT MIN(user_id) FROM student_courseaccessrole WHERE role = 'instructor'",
    )
    stored = run_on_mysql(
        platform_url,
        f"INSERT INTO student_courseaccessrole (user_id, org, course_id, role) VALUES"
        f" ({instructor}, 'Elsewhere', '', 'staff')",
        f"SELECT org, course_id, role FROM student_courseaccessrole WHERE user_id = {instructor}",
    )
    async with LiveSource.at(platform_url, None, deadline_seconds=SECONDS) as live:
        found = await live.fetch_roles(int(instructor), deadline_seconds=SECONDS)
        assert set(found.held) == {(org or None, key or None, role) for org, key, role in stored}
        assert ("Elsewhere", None, "staff") in found.held
        assert (await live.fetch_roles(2**62, deadline_seconds=SECONDS)).held == ()
    async with LiveSource.at(None, "mongodb://127.0.0.1:1/x", deadline_seconds=SECONDS) as live:
        with pytest.raises(MissingSource):
            await live.fetch_roles(int(instructor), deadline_seconds=SECONDS)
