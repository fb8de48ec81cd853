"""The guarded courses behind the API, and everybody who might ask about them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx
import orjson
from graphql import GraphQLSchema

from api.access.auth import TokenAuth
from api.access.policy import ProfileFilters
from api.access.roles import RoleCache
from api.documents.limits import Limits
from api.schema.assembled import assemble
from api.subscriptions.places import StreamLimits
from courselens.keys import KeyRing
from tests.data.canaries import canaries_in, watched_logs
from tests.data.guarded_courses import (
    PRINCIPALS,
    Principal,
    as_expired,
    guarded_registry,
    here,
    there,
)
from tests.data.served_courses import NOW, Served, serve, signing_key
from tests.streaming import events


class Clock:
    """Seconds that never go back, as a test wants them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def serve_guarded(postgres_url: str, clock: Clock) -> AsyncIterator[Served]:
    """The two courses, with tokens and roles remembered as in production.

    Whatever is logged meanwhile is read at the end: it must name nobody and hold no token.
    """
    limits = Limits(tokens=10_000, fields=20_000, depth=20, aliases=1_000, cost=1_000_000)
    with watched_logs() as lines:
        async with serve(
            postgres_url,
            [here(), there()],
            registry=guarded_registry(),
            limits=limits,
            auth=TokenAuth(KeyRing([signing_key().verifying()]), now=lambda: NOW),
            roles=lambda source: RoleCache(source, clock=clock),
            streams=StreamLimits(check_seconds=0.05),
            profile_filters=ProfileFilters.DATA_RESEARCHER,
        ) as served:
            yield served
    text = "\n".join(lines)
    assert "canary" not in text
    assert canaries_in(text.encode()) == set()
    assert not any(token.rpartition(".")[2] in text for _, _, token in viewers() if token)


@cache
def guarded_schema() -> GraphQLSchema:
    """Their schema."""
    return assemble(guarded_registry()).schema


async def send(
    served: Served, query: str, token: str | None, method: str = "POST", **variables: Any
) -> httpx.Response:
    """The answer to a question asked with a token; to a subscription the first."""
    headers = {"x-request-id": "test"}
    if token is not None:
        headers["authorization"] = f"JWT {token}"
    if query.startswith("subscription"):
        asked = events(served.app, query, headers=headers, method=method, **variables)
        async with asked as stream:
            event = await stream.next() if stream.status == 200 else None
            body = event.data if event else await stream.body()
        return httpx.Response(stream.status, headers=stream.headers, json=body)
    method = "POST" if query.startswith("mutation") else method
    if method == "POST":
        body = {"query": query, "variables": variables}
        return await served.client.post("/graphql", json=body, headers=headers)
    params = {"query": query, "variables": orjson.dumps(variables).decode()}
    return await served.client.get("/graphql", params=params, headers=headers)


def viewers() -> Iterator[tuple[str, Principal | None, str | None]]:
    """Name, who may see what, and the token."""
    yield "nobody", None, None
    for name, principal in PRINCIPALS.items():
        yield name, principal, principal.token
    staff = PRINCIPALS["global staff"]
    yield "expired", None, as_expired(staff).token
    body, _, signature = staff.token.rpartition(".")
    yield "forged", None, f"{body}.{signature[::-1]}"
