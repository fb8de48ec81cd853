"""Answers that are given again: the same bytes, to nobody else, and never of before a refresh."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.access.auth import TokenAuth
from api.app import create_app
from api.http.rates import LocalRates
from api.kept import KeptAnswers
from api.metrics import Metrics
from api.options import Options
from api.schema.assembled import assemble
from tests.api.plans.questions import Questions
from tests.api.plans.test_equal import ARGUMENTS, VARIABLES
from tests.data.guarded_api import Clock
from tests.data.served_courses import (
    BIG,
    GLOBAL,
    NOW,
    SMALL,
    SMALL_STAFF,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
    served_registry,
    signing_key,
    small_course,
)

PAGE = (
    "query($c: ID!, $n: Int!) { course(key: $c) { computedAt students(first: $n) { nodes"
    " { userId username indicators { toyTime { seconds } toyProgress { days } } } } } }"
)
OWN = "query($c: ID!) { viewer { student(course: $c) { indicators { toyTime { seconds } } } } }"
COURSES = "{ courses { nodes { key } } }"
OWN_COURSES = "{ viewer { students { nodes { course { key } } } } }"


@asynccontextmanager
async def keeping(postgres_url: str, **options: Any) -> AsyncIterator[tuple[Served, Metrics]]:
    """Both courses, served by an application that keeps answers."""
    metrics = Metrics()
    courses = [big_course(), small_course()]
    async with (
        serve(postgres_url, courses, metrics=metrics, **options) as served,
        served.store.notices.listening(),
    ):
        while not served.store.notices.is_connected:
            await asyncio.sleep(0.01)
        yield served, metrics


@pytest.fixture(scope="module")
async def kept(postgres_url: str) -> AsyncIterator[tuple[Served, Metrics]]:
    async with keeping(postgres_url) as found:
        yield found


async def ask(served: Served, query: str, user_id: int | None, **variables: Any) -> httpx.Response:
    return await served.client.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={**served.headers(user_id), "x-request-id": "test"},
    )


async def heard(served: Served, position: int) -> None:
    """Wait until something was heard."""
    async with asyncio.timeout(5):
        while served.store.notices.position == position:
            await asyncio.sleep(0.01)


def hits(metrics: Metrics) -> float:
    return metrics.readings["kept_answers_found"].read()


async def test_answer_is_given_again_without_a_statement(kept: tuple[Served, Metrics]) -> None:
    served, metrics = kept
    # The fixture's roles are not remembered, so these are asked for each time.
    first = await ask(served, PAGE, STAFF, c=BIG, n=7)
    before, found = served.database.statements, hits(metrics)
    again = await ask(served, PAGE, STAFF, c=BIG, n=7)
    assert again.content == first.content
    assert len(again.json()["data"]["course"]["students"]["nodes"]) == 7
    assert served.database.statements - before == 1
    assert hits(metrics) == found + 1


async def test_refresh_that_found_nothing_new_drops_no_answer(
    kept: tuple[Served, Metrics],
) -> None:
    served, metrics = kept
    first = await ask(served, PAGE, STAFF, c=BIG, n=6)
    found, position = hits(metrics), served.store.notices.position
    await served.database.fetch(
        "INSERT INTO work (kind, subject, priority, state, due_at, started_at, asked_by)"
        " VALUES ('refresh_course', $1, 30, 'running', now(), now(), 'scheduler')",
        BIG,
    )
    await served.database.fetch("UPDATE work SET state = 'done', finished_at = now()")
    await heard(served, position)
    again = await ask(served, PAGE, STAFF, c=BIG, n=6)
    assert again.content == first.content
    assert hits(metrics) == found + 1


async def test_other_variables_and_other_askers_are_other_questions(
    kept: tuple[Served, Metrics],
) -> None:
    served, metrics = kept
    found = hits(metrics)
    three = await ask(served, PAGE, STAFF, c=BIG, n=3)
    four = await ask(served, PAGE, STAFF, c=BIG, n=4)
    assert len(three.json()["data"]["course"]["students"]["nodes"]) == 3
    assert len(four.json()["data"]["course"]["students"]["nodes"]) == 4
    denied = await ask(served, PAGE, STUDENTS[0], c=BIG, n=3)
    assert denied.json()["data"]["course"]["students"] is None
    assert denied.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    own = [(await ask(served, OWN, user_id, c=BIG)).json()["data"] for user_id in STUDENTS[:3]]
    assert [one["viewer"]["student"]["indicators"]["toyTime"]["seconds"] for one in own] == [
        100.0,
        200.0,
        300.0,
    ]
    assert hits(metrics) == found


async def test_refresh_is_in_the_next_answer_and_spares_other_courses(postgres_url: str) -> None:
    async with keeping(postgres_url) as (served, metrics):
        before = await ask(served, PAGE, STAFF, c=BIG, n=3)
        other = await ask(served, PAGE, SMALL_STAFF, c=SMALL, n=3)
        position = served.store.notices.position
        await served.store.write(big_course(), input_digest="2", cursors={})
        await heard(served, position)
        found = hits(metrics)
        await served.database.fetch(
            "UPDATE courses SET computed_at = now() WHERE course_key = $1", BIG
        )
        after = await ask(served, PAGE, STAFF, c=BIG, n=3)
        assert (
            after.json()["data"]["course"]["computedAt"]
            != (before.json()["data"]["course"]["computedAt"])
        )
        assert hits(metrics) == found
        assert (await ask(served, PAGE, SMALL_STAFF, c=SMALL, n=3)).content == other.content
        assert hits(metrics) == found + 1


@pytest.mark.parametrize("query", [COURSES, OWN_COURSES], ids=["courses", "own students"])
async def test_list_of_courses_is_read_anew_when_any_course_changed(
    postgres_url: str, query: str
) -> None:
    async with keeping(postgres_url) as (served, metrics):
        assert BIG in (await ask(served, query, STUDENTS[0])).text
        none = await ask(served, query, 5)
        assert '"nodes":[]' in none.text
        assert (await ask(served, query, 5)).content == none.content
        found, position = hits(metrics), served.store.notices.position
        await served.store.write(small_course(), input_digest="2", cursors={})
        await heard(served, position)
        await ask(served, query, 5)
        assert hits(metrics) == found


async def test_withdrawn_role_ends_what_was_kept(postgres_url: str) -> None:
    async with keeping(postgres_url) as (served, _):
        assert "errors" not in (await ask(served, PAGE, STAFF, c=BIG, n=3)).json()
        await served.database.fetch("DELETE FROM course_roles WHERE user_id = $1", STAFF)
        answer = await ask(served, PAGE, STAFF, c=BIG, n=3)
        assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        await served.store.write(big_course(), input_digest="3", cursors={})


async def test_nothing_is_kept_while_nothing_is_heard(postgres_url: str) -> None:
    metrics = Metrics()
    async with serve(postgres_url, [big_course()], metrics=metrics) as served:
        for _ in range(3):
            await ask(served, PAGE, STAFF, c=BIG, n=3)
        assert hits(metrics) == 0
        assert metrics.readings["kept_answers_bytes"].read() == 0


async def test_answers_with_errors_are_read_anew(kept: tuple[Served, Metrics]) -> None:
    served, metrics = kept
    found = hits(metrics)
    query = (
        "query($c: ID!) { course(key: $c) { indicators { toyFailed { n } title: __typename } } }"
    )
    for _ in range(3):
        assert (await ask(served, query, STAFF, c=BIG)).json()["errors"]
        assert (await ask(served, PAGE, STAFF, c="nowhere", n=1)).json()["errors"]
    assert hits(metrics) == found


async def test_kept_answer_is_paid_for(postgres_url: str) -> None:
    rates = LocalRates(1_500, clock=Clock())
    async with keeping(postgres_url, rates=rates) as (served, metrics):
        codes = []
        for _ in range(20):
            answer = (await ask(served, PAGE, STAFF, c=BIG, n=3)).json()
            codes += [error["extensions"]["code"] for error in answer.get("errors", ())]
        assert codes
        assert set(codes) == {"RATE_LIMITED"}
        assert hits(metrics) > 0


async def test_get_of_a_kept_answer_has_its_tag(kept: tuple[Served, Metrics]) -> None:
    served, _ = kept
    params = {"query": COURSES}
    first = await served.client.get("/graphql", params=params, headers=served.headers(STAFF))
    headers = {**served.headers(STAFF), "if-none-match": first.headers["etag"]}
    again = await served.client.get("/graphql", params=params, headers=headers)
    assert (again.status_code, again.content) == (304, b"")


async def test_room_is_bounded(kept: tuple[Served, Metrics]) -> None:
    served, _ = kept
    metrics = Metrics()
    app = create_app(
        served_registry(),
        served.store,
        TokenAuth.of(signing_key(), now=lambda: NOW),
        Options(kept_bytes=40_000, metrics=metrics),
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for number in range(60):
            variables = {"c": BIG, "n": number}
            body = {"query": PAGE, "variables": variables}
            await client.post("/graphql", json=body, headers=served.headers(STAFF))
    assert 0 < metrics.readings["kept_answers_bytes"].read() <= 40_000


async def test_viewers_by_turns_get_their_own_answers(kept: tuple[Served, Metrics]) -> None:
    """Plans, looks-ups and kept answers of one process, asked by all at once."""
    served, metrics = kept
    viewers = (STAFF, SMALL_STAFF, STUDENTS[0], STUDENTS[1], GLOBAL, None)
    questions = Questions(assemble(served_registry()).schema, ARGUMENTS, VARIABLES)
    asked = [questions.ask(seed) for seed in range(24)]
    fresh = create_app(
        served_registry(),
        served.store,
        TokenAuth.of(signing_key(), now=lambda: NOW),
        Options(roles=served.store.reader, kept_bytes=0),
    )
    transport = httpx.ASGITransport(app=fresh)
    jobs = [(one, viewer) for one in asked for viewer in viewers] * 3
    random.Random(1).shuffle(jobs)
    found = hits(metrics)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        alone = Served(client, served.database, served.key, fresh, served.store)
        expected: dict[tuple[str, int | None], Any] = {}
        for one in asked:
            for viewer in viewers:
                expected[one.text, viewer] = told(await ask(alone, one.text, viewer,
                                                            **one.variables))  # fmt: skip
        for start in range(0, len(jobs), 12):
            group = jobs[start : start + 12]
            answers = await asyncio.gather(
                *(ask(served, one.text, viewer, **one.variables) for one, viewer in group)
            )
            for (one, viewer), answer in zip(group, answers, strict=True):
                assert told(answer) == expected[one.text, viewer], (one, viewer)
    assert hits(metrics) > found + len(jobs) // 10


def told(answer: httpx.Response) -> tuple[Any, list[str]]:
    """What an answer says, and its errors without their order, which is a matter of time."""
    body = answer.json()
    return body.get("data"), sorted(repr(error) for error in body.get("errors", ()))


class Still:
    """Nothing ever changes."""

    position = 0

    def is_fresh(self, since: int, course_keys: Any) -> bool:
        return True


def test_least_recently_used_goes_first() -> None:
    kept = KeptAnswers(Still(), 17_000)
    context: Any = type("Used", (), {"used": frozenset(), "is_about_all": False})
    for number in range(16):
        kept.keep(number, b"x" * 1_000, since=0, roles=(), context=context)
        kept.find(0, ())
    assert kept.find(0, ()) is not None
    assert kept.find(1, ()) is None
    assert kept.find(15, ()) is not None
    kept.keep("large", b"x" * 3_000, since=0, roles=(), context=context)
    assert kept.find("large", ()) is None
