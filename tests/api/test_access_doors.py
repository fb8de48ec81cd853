"""Every door asks the policy, every route is known, and what ends, ends in time."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from starlette.routing import BaseRoute, Mount, Route

import api.access.policy
from api.cursors import write_id
from api.subscriptions.places import StreamLimits
from tests.data.canaries import canaries_in, watched_logs
from tests.data.doors import DOORS, FILES, OPEN, Door, question
from tests.data.guarded_api import Clock, guarded_schema, send, serve_guarded, viewers
from tests.data.guarded_courses import HERE, ME, PRINCIPALS, guarded_registry
from tests.data.served_courses import Served
from tests.streaming import events

ROUTES = {
    "/graphql": "policy",
    "/exports/{course:path}/{file}": "policy",
    "/schema.graphql": "what may be asked, not what is answered",
    "/healthz": "whether the process answers",
    "/readyz": "whether the store answers",
    "/": "a redirection",
    "/graphiql": "a page of vendored files",
    "/graphiql/examples.json": "example questions",
    "/graphiql/static": "vendored files",
}
"""Every route: decided by the policy, or why it is the same for everybody."""


CLOCK = Clock()


@pytest.fixture(scope="module")
async def guarded(postgres_url: str) -> AsyncIterator[Served]:
    async with serve_guarded(postgres_url, CLOCK) as served:
        yield served


@contextmanager
def policy_calls() -> Iterator[list[str]]:
    """Functions of the policy that run meanwhile, in this thread."""
    ran: list[str] = []
    own = {
        one.__code__: name
        for name, one in vars(api.access.policy).items()
        if hasattr(one, "__code__")
    }

    def look(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in own:
            ran.append(own[frame.f_code])

    sys.setprofile(look)
    try:
        yield ran
    finally:
        sys.setprofile(None)


DECIDING = {"decide", "require_viewer"}
ABOVE = {
    "Query": "{ __typename }",
    "Mutation": "{ __typename }",
    "Subscription": "{ __typename }",
    "Course": "{ course(key: $course) { key } }",
    "Viewer": "{ viewer { userId } }",
}


@pytest.mark.parametrize("door", [door for door in DOORS if door not in OPEN], ids=".".join)
async def test_every_door_asks_the_policy_itself(guarded: Served, door: Door) -> None:
    token = PRINCIPALS["`staff` of the course"].token
    variables = {"course": HERE, "user": ME, "id": write_id("Student", HERE, ME)}
    above = ABOVE[door[0]]
    calls = []
    for query in (f"query($course: ID!) {above}", question(guarded_schema(), door)):
        query = query if "$course" in query.partition(")")[2] else above
        with policy_calls() as ran:
            answer = await send(guarded, query, token, **variables)
        assert answer.status_code == 200
        calls.append(sum(name in DECIDING for name in ran))
    # More than what leads to it has asked already.
    assert calls[1] > calls[0]


@pytest.mark.parametrize("file", FILES)
async def test_every_file_asks_the_policy_itself(guarded: Served, file: str) -> None:
    token = PRINCIPALS["`staff` of the course"].token
    with policy_calls() as ran:
        answer = await guarded.client.get(
            f"/exports/{HERE}/{file}", headers={"authorization": f"JWT {token}"}
        )
    assert answer.status_code in (200, 403) or "part" in file
    # Once for the course, once for the table; "all" indicators each.
    assert sum(name == "decide" for name in ran) >= 2, ran


def test_files_are_all_that_there_are() -> None:
    """A new indicator of the guarded courses must be exported here too."""
    asked = {file.partition(".")[0] for file in FILES}
    assert asked == {"roster", "own", *guarded_registry().indicators}


def routes_of(routes: list[BaseRoute], prefix: str = "") -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            found |= routes_of(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            found[prefix + route.path] = set(route.methods or ())
        else:
            found[prefix + getattr(route, "path", repr(route))] = {"GET"}
    return found


def test_every_route_is_known(guarded: Served) -> None:
    assert set(routes_of(guarded.app.routes)) == set(ROUTES)


@pytest.mark.parametrize("path", [path for path, why in ROUTES.items() if why != "policy"])
async def test_open_route_is_the_same_for_everybody_and_tells_of_nobody(
    guarded: Served, path: str
) -> None:
    path = f"{path}/graphiql.min.js" if path.endswith("static") else path
    answers = set()
    for _, _, token in viewers():
        headers = {"authorization": f"JWT {token}"} if token else {}
        answer = await guarded.client.get(path, headers=headers)
        assert answer.status_code in (200, 307)
        assert canaries_in(repr(answer.headers.raw).encode()) == set()
        answers.add(answer.content)
    (content,) = answers
    assert path.endswith(".js") or canaries_in(content) == set()


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_no_mutation_can_come_by_get(guarded: Served, accept: str) -> None:
    mutation = guarded_schema().mutation_type
    assert mutation is not None
    token = PRINCIPALS["global staff"].token
    await guarded.database.fetch("DELETE FROM work")
    for name in mutation.fields:
        params = {
            "query": question(guarded_schema(), ("Mutation", name)),
            "variables": orjson.dumps({"course": HERE}).decode(),
        }
        headers = {"authorization": f"JWT {token}", "accept": accept}
        answer = await guarded.client.get("/graphql", params=params, headers=headers)
        assert answer.status_code == 405
        assert "data" not in answer.json()
    assert await guarded.database.fetch("SELECT FROM work") == []


async def test_withdrawn_role_ends_within_a_minute(guarded: Served) -> None:
    staff = PRINCIPALS["`staff` of the course"]
    query = "query($c: ID!) { course(key: $c) { students { nodes { userId } } } }"
    CLOCK.now += 60
    assert (await send(guarded, query, staff.token, c=HERE)).json()["data"]["course"]
    await guarded.database.fetch("DELETE FROM course_roles WHERE user_id = $1", staff.user_id)
    CLOCK.now += 59
    assert (await send(guarded, query, staff.token, c=HERE)).json()["data"]["course"]
    CLOCK.now += 1
    assert (await send(guarded, query, staff.token, c=HERE)).json()["data"]["course"] is None


async def test_withdrawn_role_ends_a_subscription_within_a_minute(guarded: Served) -> None:
    limits = StreamLimits()
    assert limits.roles_seconds + limits.check_seconds < 60
    staff = PRINCIPALS["`staff` of its organisation"]
    CLOCK.now += 60
    query = "subscription($c: ID!) { courseRefreshed(key: $c) { key } }"
    headers = {"authorization": f"JWT {staff.token}"}
    async with events(guarded.app, query, headers=headers, c=HERE) as stream:
        event = await stream.next()
        assert event is not None
        assert event.data["data"]["courseRefreshed"]
        await guarded.database.fetch("DELETE FROM course_roles WHERE user_id = $1", staff.user_id)
        CLOCK.now += limits.roles_seconds
        event = await stream.next()
        assert event is not None
        assert event.data["data"] == {"courseRefreshed": None}
        event = await stream.next()
        assert event is not None
        assert event.name == "complete"


async def test_failure_tells_nobody_who_asked(guarded: Served) -> None:
    """The last test of the module: it closes the pool."""
    await guarded.database.close()
    principal = PRINCIPALS["student of the course"]
    CLOCK.now += 60
    with watched_logs() as lines:
        answer = await send(
            guarded,
            question(guarded_schema(), ("Viewer", "student")),
            principal.token,
            course=HERE,
            user=ME,
            id=write_id("Student", HERE, ME),
        )
    assert answer.json()["data"] in (None, {"viewer": {"student": None}})
    text = "\n".join(lines) + answer.text
    assert "canary" not in text
    assert principal.token not in text
    assert "request failed" in text or "store unavailable" in text
