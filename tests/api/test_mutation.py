"""The course team asks for a refresh; nobody else does, and twice is once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aggregates.work import Kind
from api.http.rates import LocalRates
from courselens.tokens import issue_token
from tests.data.served_courses import (
    BETA,
    BIG,
    GLOBAL,
    NOW,
    NOWHERE,
    ORG_INSTRUCTOR,
    SMALL_STAFF,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
)
from workers.ledger import Ledger

REFRESH = """mutation($c: ID!) {
  refreshCourse(key: $c) { state requestedAt startedAt course { key computedAt } }
}"""


@pytest.fixture(scope="module")
async def server(postgres_url: str) -> AsyncIterator[Served]:
    async with serve(postgres_url, [big_course()]) as served:
        yield served


@pytest.fixture
async def served(server: Served) -> Served:
    await server.database.fetch("DELETE FROM work")
    return server


async def work(served: Served) -> list[Any]:
    return await served.database.fetch("SELECT * FROM work ORDER BY work_id")


@pytest.mark.parametrize("user_id", [STAFF, ORG_INSTRUCTOR, GLOBAL])
async def test_team_asks_for_a_refresh(served: Served, user_id: int) -> None:
    answer = await served.ask(REFRESH, user_id=user_id, c=BIG)
    asked = answer["data"]["refreshCourse"]
    assert asked["state"] == "QUEUED"
    assert asked["startedAt"] is None
    assert asked["course"]["key"] == BIG
    assert asked["course"]["computedAt"]
    (row,) = await work(served)
    assert (row["kind"], row["subject"], row["state"]) == (Kind.REFRESH_COURSE, BIG, "due")
    assert asked["requestedAt"].startswith(f"{row['created_at']:%Y-%m-%dT%H:%M:%S}")
    assert str(user_id) not in repr(tuple(row))


async def test_person_goes_before_the_night(served: Served) -> None:
    ledger = Ledger(served.database, lease_seconds=5)
    await served.database.fetch(
        "INSERT INTO work (kind, subject, priority, state, due_at, asked_by)"
        " VALUES ('refresh_course', 'another', 30, 'due', now() - interval '1 hour', 'scheduler')"
    )
    await served.ask(REFRESH, user_id=STAFF, c=BIG)
    claim = await ledger.claim("worker")
    assert claim is not None
    assert claim.subject == BIG


async def test_asked_twice_it_is_done_once(served: Served) -> None:
    first = await served.ask(REFRESH, user_id=STAFF, c=BIG)
    assert await served.ask(REFRESH, user_id=ORG_INSTRUCTOR, c=BIG) == first
    assert len(await work(served)) == 1


async def test_running_refresh_is_told_and_done_once_more(served: Served) -> None:
    await served.ask(REFRESH, user_id=STAFF, c=BIG)
    ledger = Ledger(served.database, lease_seconds=60)
    claim = await ledger.claim("worker")
    assert claim is not None
    for _ in range(2):
        asked = (await served.ask(REFRESH, user_id=STAFF, c=BIG))["data"]["refreshCourse"]
        assert asked["state"] == "RUNNING"
        assert asked["startedAt"] >= asked["requestedAt"]
    assert [row["state"] for row in await work(served)] == ["running", "due"]
    await ledger.finish(claim)
    asked = (await served.ask(REFRESH, user_id=STAFF, c=BIG))["data"]["refreshCourse"]
    assert asked["state"] == "QUEUED"


async def test_what_was_set_aside_waits_for_the_operator(served: Served) -> None:
    await served.ask(REFRESH, user_id=STAFF, c=BIG)
    await served.database.fetch("UPDATE work SET state = 'parked'")
    asked = (await served.ask(REFRESH, user_id=STAFF, c=BIG))["data"]["refreshCourse"]
    assert asked["state"] == "SET_ASIDE"
    assert [row["state"] for row in await work(served)] == ["parked"]


@pytest.mark.parametrize(
    ("user_id", "course", "code"),
    [
        (None, BIG, "UNAUTHENTICATED"),
        (STUDENTS[0], BIG, "FORBIDDEN"),
        (SMALL_STAFF, BIG, "FORBIDDEN"),
        (BETA, BIG, "FORBIDDEN"),
        (STAFF, NOWHERE, "FORBIDDEN"),
        (GLOBAL, NOWHERE, "UNKNOWN_COURSE"),
    ],
)
async def test_nobody_else_asks(
    served: Served, user_id: int | None, course: str, code: str
) -> None:
    answer = await served.ask(REFRESH, user_id=user_id, c=course)
    assert answer["data"] == {"refreshCourse": None}
    assert answer["errors"][0]["extensions"]["code"] == code
    assert await work(served) == []


async def test_token_for_oneself_changes_nothing(served: Served) -> None:
    token = issue_token(served.key, user_id=STAFF, username="a", now=NOW, filters=["user:me"])
    answer = await served.client.post(
        "/graphql",
        json={"query": REFRESH, "variables": {"c": BIG}},
        headers={"authorization": f"JWT {token}"},
    )
    assert answer.json()["data"] == {"refreshCourse": None}
    assert await work(served) == []


async def test_it_does_not_come_by_get(served: Served) -> None:
    params = {"query": 'mutation { refreshCourse(key: "a") { state } }'}
    answer = await served.client.get("/graphql", params=params, headers=served.headers(STAFF))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


async def test_answer_is_kept_by_nobody(served: Served) -> None:
    answer = await served.client.post(
        "/graphql", json={"query": REFRESH, "variables": {"c": BIG}}, headers=served.headers(STAFF)
    )
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


async def test_refreshes_are_dear(postgres_url: str, served: Served) -> None:
    async with serve(postgres_url, [], rates=LocalRates(60_000)) as rated:
        answers = [await rated.ask(REFRESH, user_id=STAFF, c=BIG) for _ in range(5)]
    codes = [answer.get("errors", [{}])[0].get("extensions", {}).get("code") for answer in answers]
    assert codes == [None, None, None, "RATE_LIMITED", "RATE_LIMITED"]
    both = 'mutation($c: ID!) { a: refreshCourse(key: $c) { state } b: refreshCourse(key: "b") {'
    answer = await served.ask(f"{both} state }} }}", user_id=GLOBAL, c=BIG)
    assert answer["errors"][0]["extensions"]["code"] == "COST_EXCEEDED"
