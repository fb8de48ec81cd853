"""The protocol `graphql-transport-ws`, message by message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from aggregates.documents import Documents, StoredDocument
from api.access.auth import TokenAuth
from api.documents.accepted import DocumentRules
from api.http.gate import Gate
from api.subscriptions.places import StreamLimits
from courselens.keys import KeyRing
from tests.api.subscriptions.refreshing import refresh
from tests.data.served_courses import (
    BIG,
    NOBODY,
    NOW,
    STAFF,
    STUDENTS,
    Served,
    big_course,
    serve,
    signing_key,
)
from tests.streaming import Socket, events, socket

TITLE = "subscription($c: ID!) { courseRefreshed(key: $c) { title } }"
QUERY = "query($c: ID!) { course(key: $c) { title } }"


async def test_subscription_goes_on_until_the_client_completes_it(served: Served) -> None:
    async with socket(served.app) as talk:
        await talk.open(Authorization=f"JWT {served.token(STAFF)}")
        talk.subscribe("1", TITLE, c=BIG)
        assert title(await talk.receive(), "1") == "canary-title-big"
        await refresh(served, title="second")
        assert title(await talk.receive(), "1") == "second"
        talk.send(kind="complete", id="1")
        await refresh(served, title="third")
        talk.subscribe("1", TITLE, c=BIG)  # its name is free again
        assert title(await talk.receive(), "1") == "third"


def title(message: dict[str, Any], name: str) -> Any:
    assert message["type"] == "next"
    assert message["id"] == name
    assert "errors" not in message["payload"]
    (found,) = message["payload"]["data"].values()
    return found["title"]


async def test_two_operations_share_a_socket(served: Served) -> None:
    async with socket(served.app) as talk:
        await talk.open(authorization=f"Bearer {served.token(STAFF)}")
        talk.subscribe("follow", TITLE, c=BIG)
        assert title(await talk.receive(), "follow") == "canary-title-big"
        talk.subscribe("ask", QUERY, c=BIG)
        assert title(await talk.receive(), "ask") == "canary-title-big"
        assert await talk.receive() == {"type": "complete", "id": "ask"}
        await refresh(served, title="second")
        assert title(await talk.receive(), "follow") == "second"


@pytest.mark.parametrize("where", ["handshake", "init"])
async def test_token_is_that_of_the_init_or_of_the_handshake(served: Served, where: str) -> None:
    asked, other = served.token(STAFF), served.token(NOBODY)
    handshake = {"authorization": f"JWT {asked if where == 'handshake' else other}"}
    async with socket(served.app, headers=handshake) as talk:
        await talk.open(**({"Authorization": f"JWT {asked}"} if where == "init" else {}))
        talk.subscribe("1", QUERY, c=BIG)
        assert title(await talk.receive(), "1") == "canary-title-big"


async def test_cookies_count_for_pages_of_ours_alone(served: Served) -> None:
    head, _, signature = served.token(STAFF).rpartition(".")
    cookies = f"edx-jwt-cookie-header-payload={head}; edx-jwt-cookie-signature={signature}"
    ours = {"cookie": cookies, "sec-fetch-site": "same-origin"}
    async with socket(served.app, headers=ours) as talk:
        await talk.open()
        talk.subscribe("1", QUERY, c=BIG)
        assert title(await talk.receive(), "1") == "canary-title-big"
    theirs = {"cookie": cookies, "sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    async with socket(served.app, headers=theirs) as talk:
        assert await talk.receive() == {"refused": 401}


async def test_nobody_may_ask_what_is_open_to_everybody(served: Served) -> None:
    async with socket(served.app) as talk:
        await talk.open()
        talk.subscribe("1", "{ indicators { key } }")
        message = await talk.receive()
        assert len(message["payload"]["data"]["indicators"]) > 5
        await talk.receive()
        talk.subscribe("2", TITLE, c=BIG)
        (error,) = (await talk.receive())["payload"]["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert await talk.receive() == {"type": "complete", "id": "2"}


async def test_document_that_is_refused_is_an_error(served: Served) -> None:
    async with socket(served.app) as talk:
        await talk.open(Authorization=f"JWT {served.token(STAFF)}")
        talk.subscribe("1", "subscription { nothing }")
        message = await talk.receive()
        assert message["type"] == "error"
        assert message["id"] == "1"
        assert message["payload"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        talk.subscribe("1", QUERY, c=BIG)
        assert title(await talk.receive(), "1") == "canary-title-big"


async def test_mutation_over_a_socket_is_answered_once(served: Served) -> None:
    async with socket(served.app) as talk:
        await talk.open(Authorization=f"JWT {served.token(STAFF)}")
        talk.subscribe("1", "mutation($c: ID!) { refreshCourse(key: $c) { state } }", c=BIG)
        message = await talk.receive()
        assert message["payload"]["data"] == {"refreshCourse": {"state": "QUEUED"}}
        assert await talk.receive() == {"type": "complete", "id": "1"}


async def test_ping_is_answered_before_and_after_the_init(served: Served) -> None:
    async with socket(served.app) as talk:
        talk.send(kind="ping", payload={"any": "thing"})
        assert await talk.receive() == {"type": "pong"}
        await talk.open()
        talk.send(kind="pong")
        talk.send(kind="ping")
        assert await talk.receive() == {"type": "pong"}


async def closing(talk: Socket) -> int:
    message = await talk.receive()
    code: int = message["closed"]
    return code


async def test_other_protocol_is_closed(served: Served) -> None:
    for protocol in (None, "graphql-ws"):
        async with socket(served.app, protocol=protocol) as talk:
            assert await closing(talk) == 4406


async def test_who_says_nothing_is_closed(served: Served) -> None:
    async with socket(served.app) as talk:
        assert await closing(talk) == 4408


async def test_who_only_pings_is_closed(served: Served) -> None:
    async with socket(served.app) as talk:
        talk.send(kind="ping")
        assert await talk.receive() == {"type": "pong"}
        assert await closing(talk) == 4408


async def test_who_asks_before_the_init_is_closed(served: Served) -> None:
    async with socket(served.app) as talk:
        talk.subscribe("1", QUERY, c=BIG)
        assert await closing(talk) == 4401


async def test_second_init_is_closed(served: Served) -> None:
    async with socket(served.app) as talk:
        await talk.open()
        talk.send(kind="connection_init")
        assert await closing(talk) == 4429


@pytest.mark.parametrize("name", ["1", "ü" * 128], ids=["short", "long"])
async def test_second_subscriber_of_a_name_is_closed(served: Served, name: str) -> None:
    async with socket(served.app) as talk:
        await talk.open(Authorization=f"JWT {served.token(STAFF)}")
        talk.subscribe(name, TITLE, c=BIG)
        await talk.receive()
        talk.subscribe(name, TITLE, c=BIG)
        assert await closing(talk) == 4409


@pytest.mark.parametrize(
    "token", ["JWT forged", "Basic abc", "JWT", ""], ids=["forged", "basic", "empty", "nothing"]
)
async def test_token_that_does_not_hold_is_closed(served: Served, token: str) -> None:
    async with socket(served.app) as talk:
        talk.send(kind="connection_init", payload={"Authorization": token})
        assert await closing(talk) == 4403


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        "[]",
        "null",
        "[" * 100_000,
        '{"type": "start", "id": "1"}',
        '{"id": "1"}',
        '{"type": "connection_init", "payload": []}',
        '{"type": "subscribe", "payload": {"query": "{ indicators { key } }"}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ indicators { key } }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ indicators { key } }"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}',
        '{"type": "complete"}',
    ],
)
async def test_message_of_no_known_form_is_closed(served: Served, message: str) -> None:
    async with socket(served.app) as talk:
        if "connection_init" not in message:
            await talk.open()
        talk.say({"type": "websocket.receive", "text": message})
        assert await closing(talk) == 4400


async def test_bytes_are_no_message(served: Served) -> None:
    async with socket(served.app) as talk:
        talk.say({"type": "websocket.receive", "bytes": b'{"type": "ping"}'})
        assert await closing(talk) == 4400


async def test_socket_has_so_many_operations(served: Served) -> None:
    async with socket(served.app) as talk:
        await talk.open(Authorization=f"JWT {served.token(STUDENTS[0])}")
        for name in ("1", "2"):
            talk.subscribe(name, TITLE, c=BIG)
            await talk.receive()
        talk.subscribe("3", TITLE, c=BIG)  # one more than a viewer may have
        message = await talk.receive()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        talk.subscribe("4", QUERY, c=BIG)
        assert title(await talk.receive(), "4") == "canary-title-big"


async def test_token_that_expires_closes_the_socket(postgres_url: str) -> None:
    now = NOW
    auth = TokenAuth(KeyRing([signing_key().verifying()]), now=lambda: now)
    streams = StreamLimits(check_seconds=0.1)
    async with serve(postgres_url, [big_course()], auth=auth, streams=streams) as served:
        await refresh(served)
        async with socket(served.app) as talk:
            await talk.open(Authorization=f"JWT {served.token(STAFF)}")
            talk.subscribe("1", TITLE, c=BIG)
            await talk.receive()
            now += timedelta(days=2)
            assert await closing(talk) == 4403


async def test_withdrawn_role_completes_the_operation(served: Served) -> None:
    async with socket(served.app) as talk:
        await talk.open(Authorization=f"JWT {served.token(STAFF)}")
        talk.subscribe("1", TITLE, c=BIG)
        await talk.receive()
        await refresh(served, title="not for them", roles=[])
        message = await talk.receive()
        assert message["payload"]["data"] == {"courseRefreshed": None}
        assert message["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        assert await talk.receive() == {"type": "complete", "id": "1"}


async def test_process_that_leaves_closes_with_a_code_for_coming_again(
    served: Served, gate: Gate
) -> None:
    async with socket(served.app) as talk:
        await talk.open(Authorization=f"JWT {served.token(STAFF)}")
        talk.subscribe("1", TITLE, c=BIG)
        await talk.receive()
        gate.leaving.set()
        assert await closing(talk) == 1012
    async with socket(served.app) as talk:
        assert await closing(talk) == 1012


async def test_rules_of_documents_hold_on_every_way_in(postgres_url: str) -> None:
    rules = DocumentRules(registered_only=True)
    limits = StreamLimits(check_seconds=0.1)
    async with serve(postgres_url, [big_course()], rules=rules, streams=limits) as served:
        await refresh(served)
        await Documents(served.database).register([StoredDocument("follow", TITLE)])
        headers = served.headers(STAFF)
        async with events(served.app, TITLE, headers=headers, c=BIG) as stream:
            event = await stream.next()
            assert event is not None
            assert event.data["errors"][0]["extensions"]["code"] == "DOCUMENT_REQUIRED"
        async with socket(served.app, headers=headers) as talk:
            await talk.open()
            talk.subscribe("1", TITLE, c=BIG)
            message = await talk.receive()
            assert message["payload"][0]["extensions"]["code"] == "DOCUMENT_REQUIRED"
            asked = {"documentId": "follow", "variables": {"c": BIG}}
            talk.send(kind="subscribe", id="2", payload=asked)
            assert title(await talk.receive(), "2") == "canary-title-big"
            await refresh(served, title="second")
            assert title(await talk.receive(), "2") == "second"
