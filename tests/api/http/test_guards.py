"""Names of this server, and pages of other origins."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.data.served_courses import Served, serve

PAGE = "https://dashboards.example"


@pytest.fixture(scope="module")
async def guarded(postgres_url: str) -> AsyncIterator[Served]:
    async with serve(
        postgres_url, [], allowed_hosts=["test", "*.example.org"], cors_origins=[PAGE]
    ) as served:
        yield served


@pytest.mark.parametrize(
    ("host", "status"),
    [("test", 200), ("api.example.org", 200), ("evil.example", 400), ("example.org.evil", 400)],
)
async def test_answers_under_its_own_names_only(guarded: Served, host: str, status: int) -> None:
    answer = await guarded.client.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"host": host}
    )
    assert answer.status_code == status


async def test_health_is_told_under_any_name(guarded: Served) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await guarded.client.get(path, headers={"host": "10.0.0.7"})
        assert answer.status_code == 200


async def test_named_pages_may_ask_from_a_browser(guarded: Served) -> None:
    asked = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    answer = await guarded.client.options("/graphql", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in answer.headers
    answer = await guarded.client.get(
        "/graphql", params={"query": "{ __typename }"}, headers={"origin": PAGE}
    )
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "etag" in answer.headers["access-control-expose-headers"].split(", ")
    assert {"Origin", "Authorization"} <= set(answer.headers["vary"].split(", "))


async def test_other_pages_may_not(guarded: Served) -> None:
    for method in ("options", "get"):
        answer = await guarded.client.request(
            method,
            "/graphql?query={__typename}",
            headers={"origin": "https://evil.example", "access-control-request-method": "POST"},
        )
        assert "access-control-allow-origin" not in answer.headers
