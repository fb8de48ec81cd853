from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from jwt.algorithms import RSAAlgorithm
from starlette.requests import Request

from aggregates.records import RoleRecord
from api.access.auth import COOKIES, TokenAuth
from api.access.policy import Reach, Viewer
from api.http.messages import Refused
from courselens.errors import StoreError, Unauthenticated
from courselens.keys import KeyRing, TokenRules
from courselens.tokens import SigningKey, issue_token
from tests.data.served_courses import NOW, signing_key

OURS, APPS = "https://courselens.example", "https://apps.lms.example"


class Clock:
    """An instant, and seconds that never go back, as a test wants them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def __call__(self) -> float:
        return self.seconds


class People:
    """Who is known by which name."""

    names = {"ana": [7], "twice": [7, 8]}
    is_down = False

    async def roles(self, user_id: int) -> Sequence[RoleRecord]:
        raise AssertionError("who asks is known without roles")

    async def user_ids(self, username: str) -> Sequence[int]:
        if self.is_down:
            raise StoreError("does not answer")
        return self.names.get(username, [])


@pytest.fixture
def key() -> SigningKey:
    return signing_key()


@pytest.fixture
def auth(key: SigningKey) -> TokenAuth:
    return TokenAuth(KeyRing([key.verifying()]), origins=[APPS], now=lambda: NOW)


def request(*headers: tuple[str, str], method: str = "POST") -> Request:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "method": method, "headers": raw, "path": "/graphql"})


def token_of(key: SigningKey, **changes: Any) -> str:
    given = {"user_id": 7, "username": "ana", "now": NOW, "lifetime_seconds": 3600}
    return issue_token(key, **{**given, **changes})


async def ask(auth: TokenAuth, *headers: tuple[str, str], method: str = "POST") -> Viewer | None:
    return await auth.viewer(request(*headers, method=method), People())


@pytest.mark.parametrize("scheme", ["JWT", "Bearer", "jwt", "BEARER"])
async def test_token_comes_in_the_header(auth: TokenAuth, key: SigningKey, scheme: str) -> None:
    viewer = await ask(auth, ("authorization", f"{scheme} {token_of(key)}"))
    assert viewer == Viewer(7, "ana")


async def test_request_without_a_token_is_nobodys(auth: TokenAuth) -> None:
    assert await ask(auth) is None
    assert await ask(auth, ("cookie", "sessionid=canary"), method="GET") is None


@pytest.mark.parametrize(
    "header", ["", "JWT", "JWT ", "Basic canary", "canary", "JWT a b", "JWT é"]
)
async def test_other_headers_are_refused_without_being_shown(auth: TokenAuth, header: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await ask(auth, ("authorization", header))
    assert "canary" not in str(refused.value)


async def test_two_headers_are_one_too_many(auth: TokenAuth, key: SigningKey) -> None:
    header = ("authorization", f"JWT {token_of(key)}")
    with pytest.raises(Unauthenticated, match="once"):
        await ask(auth, header, header)


def cookies(token: str) -> tuple[str, str]:
    body, _, signature = token.rpartition(".")
    return "cookie", f"a=b; {COOKIES[0]}={body}; {COOKIES[1]}={signature}"


JSON = ("content-type", "application/json; charset=utf-8")


@pytest.mark.parametrize(
    "page",
    [
        [("sec-fetch-site", "same-origin"), ("origin", OURS)],
        [("sec-fetch-site", "same-origin")],
        [("sec-fetch-site", "same-site"), ("origin", APPS)],
        [("sec-fetch-site", "cross-site"), ("origin", APPS)],
        [("origin", APPS)],
    ],
)
async def test_platforms_cookies_are_a_token(
    auth: TokenAuth, key: SigningKey, page: list[tuple[str, str]]
) -> None:
    assert await ask(auth, cookies(token_of(key)), JSON, *page) == Viewer(7, "ana")


@pytest.mark.parametrize(
    "page",
    [
        [],
        [("sec-fetch-site", "none")],
        [("sec-fetch-site", "same-site")],
        [("sec-fetch-site", "same-site"), ("origin", "https://evil.lms.example")],
        [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        [("origin", "null")],
        [("origin", OURS)],  # what we are called is not concluded from the request
        [("origin", OURS), ("host", "courselens.example")],
        [("origin", f"{APPS}.evil.example")],
        [("origin", f"{APPS}:444")],
        [("origin", APPS.replace("https", "http"))],
        [("referer", f"{APPS}/")],
    ],
)
async def test_cookies_do_not_count_for_other_pages(
    auth: TokenAuth, key: SigningKey, page: list[tuple[str, str]]
) -> None:
    with pytest.raises(Unauthenticated, match="this page"):
        await ask(auth, cookies(token_of(key)), JSON, *page)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "post"])
async def test_cookies_count_for_post_only(auth: TokenAuth, key: SigningKey, method: str) -> None:
    with pytest.raises(Unauthenticated, match="POST"):
        await ask(auth, cookies(token_of(key)), JSON, ("origin", APPS), method=method)


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "application/jsonx",
    ],
)
async def test_cookies_count_for_json_only(
    auth: TokenAuth, key: SigningKey, media_type: str | None
) -> None:
    typed = [("content-type", media_type)] if media_type else []
    with pytest.raises(Unauthenticated, match="json"):
        await ask(auth, cookies(token_of(key)), ("origin", APPS), *typed)


@pytest.mark.parametrize("name", COOKIES)
async def test_one_cookie_is_no_token(auth: TokenAuth, key: SigningKey, name: str) -> None:
    with pytest.raises(Unauthenticated, match="malformed"):
        await ask(auth, ("cookie", f"{name}=a.b"), JSON, ("origin", APPS))


async def test_header_goes_before_cookies(auth: TokenAuth, key: SigningKey) -> None:
    mine = ("authorization", f"JWT {token_of(key, user_id=9)}")
    assert await ask(auth, mine, cookies(token_of(key)), method="GET") == Viewer(9, "ana")
    with pytest.raises(Unauthenticated):  # and nobody falls back on them
        await ask(auth, ("authorization", "JWT x"), cookies(token_of(key)), JSON, ("origin", APPS))


@pytest.mark.parametrize(
    ("filters", "reach"),
    [
        ([], Reach()),
        (["content_org:Uni"], Reach(orgs=frozenset({"Uni"}))),
        (["content_org:Uni", "content_org:B:1"], Reach(orgs=frozenset({"Uni", "B:1"}))),
        (["user:me"], Reach(only_self=True)),
        (["user:me", "content_org:Uni"], Reach(orgs=frozenset({"Uni"}), only_self=True)),
    ],
)
async def test_filters_give_the_reach(
    auth: TokenAuth, key: SigningKey, filters: list[str], reach: Reach
) -> None:
    token = token_of(key, filters=filters)
    assert await ask(auth, ("authorization", f"JWT {token}")) == Viewer(7, "ana", reach)


@pytest.mark.parametrize("unknown", ["user:8", "user:*", "course:canary", "Content_org:Uni"])
async def test_filter_that_is_not_known_is_not_passed_over(
    auth: TokenAuth, key: SigningKey, unknown: str
) -> None:
    token = token_of(key, filters=["content_org:Uni", unknown])
    with pytest.raises(Unauthenticated, match="filter") as refused:
        await ask(auth, ("authorization", f"JWT {token}"))
    assert "canary" not in str(refused.value)


async def ask_claims(auth: TokenAuth, key: SigningKey, people: People, **claims: Any) -> Any:
    seconds = int(NOW.timestamp())
    rules = TokenRules()
    given = {"iss": rules.issuer, "aud": rules.audience, "iat": seconds, "exp": seconds + 60}
    token = jwt.encode({**given, **claims}, key.private_key, algorithm="RS512")
    return await auth.viewer(request(("authorization", f"JWT {token}")), people)


async def test_restricted_client_without_an_org_reaches_nothing(
    auth: TokenAuth, key: SigningKey
) -> None:
    who = {"user_id": 7, "preferred_username": "ana"}
    viewer = await ask_claims(auth, key, People(), **who, is_restricted=True)
    assert viewer == Viewer(7, "ana", Reach(orgs=frozenset()))


async def test_inactive_account_holds_no_role(auth: TokenAuth, key: SigningKey) -> None:
    who = {"user_id": 7, "preferred_username": "ana"}
    viewer = await ask_claims(auth, key, People(), **who, email_verified=False)
    assert viewer == Viewer(7, "ana", Reach(has_roles=False))


async def test_claims_of_rights_give_none(auth: TokenAuth, key: SigningKey) -> None:
    who = {"user_id": 7, "preferred_username": "ana", "administrator": True, "superuser": True}
    viewer = await ask_claims(auth, key, People(), **who, roles=["enterprise_admin:*"])
    assert viewer == Viewer(7, "ana")


async def test_token_without_an_id_is_known_by_its_name(auth: TokenAuth, key: SigningKey) -> None:
    people = People()
    assert await ask_claims(auth, key, people, preferred_username="ana") == Viewer(7, "ana")
    for name in ("canary-nobody", "twice"):
        with pytest.raises(Unauthenticated, match="scope user_id") as refused:
            await ask_claims(auth, key, people, preferred_username=name)
        assert name not in str(refused.value)


async def test_name_cannot_be_looked_up_without_the_store(auth: TokenAuth, key: SigningKey) -> None:
    people = People()
    people.is_down = True
    with pytest.raises(Refused) as refused:
        await ask_claims(auth, key, people, preferred_username="ana")
    assert refused.value.status == 503


class Counted:
    """A token auth of one key whose signatures are counted."""

    def __init__(self, key: SigningKey, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.key = key
        self.clock = Clock()
        self.checked = 0
        self.file = folder / "keys.json"
        self.write(key)
        ring = KeyRing([], file=self.file, clock=self.clock)
        self.auth = TokenAuth(ring, now=self.clock.now, remembered=2)
        whole = jwt.decode

        def count(*args: Any, **options: Any) -> Any:
            self.checked += 1
            return whole(*args, **options)

        monkeypatch.setattr(jwt, "decode", count)

    def write(self, key: SigningKey, *, key_id: str | None = None) -> None:
        made = RSAAlgorithm.to_jwk(key.public_key, as_dict=True)
        del made["key_ops"]
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"keys": [{**made, "kid": key_id or key.key_id}]}))
        new.rename(self.file)

    async def ask(self, token: str) -> None:
        await ask(self.auth, ("authorization", f"JWT {token}"))


@pytest.fixture
def counted(key: SigningKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Counted:
    return Counted(key, monkeypatch, tmp_path)


async def test_token_that_holds_is_checked_once(counted: Counted) -> None:
    token = token_of(counted.key)
    for _ in range(3):
        await counted.ask(token)
    assert counted.checked == 1


async def test_remembered_token_ends_with_its_time(counted: Counted) -> None:
    token = token_of(counted.key, lifetime_seconds=60)
    await counted.ask(token)
    counted.clock.seconds = 59
    await counted.ask(token)
    counted.clock.seconds = 60
    with pytest.raises(Unauthenticated, match="expired"):
        await counted.ask(token)


async def test_withdrawn_key_ends_what_was_remembered(counted: Counted) -> None:
    token = token_of(counted.key)
    await counted.ask(token)
    counted.write(counted.key, key_id="another")
    counted.clock.seconds = 1
    with pytest.raises(Unauthenticated, match="known key"):
        await counted.ask(token)


async def test_token_that_does_not_hold_is_never_remembered(counted: Counted) -> None:
    token = token_of(counted.key)
    head, claims, signature = token.split(".")
    forged = ".".join((head, claims, signature[::-1]))
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await counted.ask(forged)
    assert counted.checked == 2
    await counted.ask(token)
    with pytest.raises(Unauthenticated):  # neither by the memory of a good one
        await counted.ask(forged)


async def test_memory_is_bounded(counted: Counted) -> None:
    first, second, third = (token_of(counted.key, user_id=number) for number in (1, 2, 3))
    for token in (first, second, first, third, first):
        await counted.ask(token)
    assert counted.checked == 3
    await counted.ask(second)  # the least recently used of three had to go
    assert counted.checked == 4
