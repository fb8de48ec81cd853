from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from api.cursors import write_id
from api.metrics import BORDERS, Metrics
from tests.data.served_courses import (
    BIG,
    GLOBAL,
    SMALL_STAFF,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
    small_course,
)

NODE = "query($id: ID!) { node(id: $id) { ... on Course { title } } }"


@pytest.fixture(scope="module")
async def counted(postgres_url: str) -> AsyncIterator[tuple[Served, Metrics]]:
    metrics = Metrics()
    async with serve(postgres_url, [big_course(), small_course()], metrics=metrics) as served:
        yield served, metrics


async def test_reason_for_no_plan_is_counted_and_told_to_staff_alone(
    counted: tuple[Served, Metrics],
) -> None:
    served, metrics = counted
    variables = {"id": write_id("Course", BIG)}
    first = await served.ask(NODE, user_id=STAFF, **variables)
    assert "plan" not in first["extensions"]  # it was new, which is no reason
    before = metrics.deopts["abstract"]
    told = {}
    for viewer in (STAFF, GLOBAL, SMALL_STAFF, STUDENTS[0], 5, None):
        answer = await served.ask(NODE, user_id=viewer, **variables)
        told[viewer] = answer["extensions"].get("plan")
    assert told == {
        STAFF: {"deopt": "abstract"},
        GLOBAL: {"deopt": "abstract"},
        SMALL_STAFF: {"deopt": "abstract"},
        STUDENTS[0]: None,
        5: None,
        None: None,
    }
    assert metrics.deopts["abstract"] == before + len(told)


async def test_requests_are_counted_by_what_became_of_them(
    counted: tuple[Served, Metrics],
) -> None:
    served, metrics = counted
    before = metrics.outcomes.copy()
    binned = sum(metrics.took.bins)
    await served.ask("{ indicators { key } }")
    await served.ask("{")
    await served.ask("{ nothing }")
    await served.ask("{ course(key: 1) { key } }", user_id=STAFF)
    await served.client.post("/graphql", content=b"no", headers={"content-type": "text/plain"})
    await served.client.post("/graphql", json={}, headers={"authorization": "JWT canary"})
    await served.client.post(
        "/graphql", json={"query": "{__typename}"}, headers={"authorization": "JWT canary"}
    )
    assert metrics.outcomes - before == {
        "OK": 1,
        "GRAPHQL_PARSE_FAILED": 1,
        "GRAPHQL_VALIDATION_FAILED": 1,
        "FORBIDDEN": 1,
        "BAD_REQUEST": 2,
        "UNAUTHENTICATED": 1,
    }
    assert sum(metrics.took.bins) == binned + 7
    assert len(metrics.took.bins) == len(BORDERS) + 1
    statements = metrics.readings["statements"].read()
    assert statements == served.database.statements > 0
