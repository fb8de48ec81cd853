"""From a request to a viewer: a token in the `Authorization` header, or the platform's cookies."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request

from api.access.policy import Reach, RoleSource, Viewer
from api.http.messages import Refused
from courselens.errors import StoreError, Unauthenticated
from courselens.keys import KeyRing, KeySet, TokenRules
from courselens.tokens import Claims, SigningKey, verify_token

SCHEMES = ("jwt", "bearer")
"""Open edX sends `JWT`; nearly every client library sends `Bearer`."""
COOKIES = ("edx-jwt-cookie-header-payload", "edx-jwt-cookie-signature")
"""Joined with a dot they are the token; only the second one is hidden from scripts."""
_WRITE = "write `Authorization: JWT <token>`, once"
REMEMBERED = 4_096


def _now() -> datetime:
    return datetime.now(UTC)


class TokenAuth:
    """Reads viewers from tokens of known keys.

    A token that holds is remembered by its digest until it expires or the keys change: checking a
    signature costs more than all else that a small request asks for.

    Args:
        ring: the keys.
        origins: other pages than our own whose requests the cookies count for.
        now: what time it is.
        remembered: tokens that are kept; the least recently used goes.
    """

    def __init__(
        self,
        ring: KeyRing,
        *,
        origins: Collection[str] = (),
        now: Callable[[], datetime] = _now,
        remembered: int = REMEMBERED,
    ) -> None:
        self._ring = ring
        self._origins = frozenset(origins)
        self._now = now
        self._remembered = remembered
        self._known: OrderedDict[bytes, tuple[Claims, Viewer | None]] = OrderedDict()
        self._known_by: KeySet | None = None

    @classmethod
    def of(
        cls,
        key: SigningKey,
        *,
        rules: TokenRules | None = None,
        now: Callable[[], datetime] = _now,
    ) -> TokenAuth:
        """Accept the tokens of one local key."""
        return cls(KeyRing([key.verifying(rules)]), now=now)

    async def viewer(self, request: Request, people: RoleSource) -> Viewer | None:
        """Who sent a request; None where it carries no token.

        Raises:
            Unauthenticated: there is a token, and it does not hold, or speaks of nobody known here.
            Refused: a token without `user_id`, while the names cannot be looked up.
        """
        return await self.viewer_of(self.token_of(request), people)

    async def viewer_of(self, token: str | None, people: RoleSource) -> Viewer | None:
        """Whose token it is; None where there is none. Raises like `viewer`."""
        if token is None:
            return None
        claims, viewer = self._verified(token)
        if viewer is not None:
            return viewer
        try:
            found = await people.user_ids(claims.username)
        except StoreError as error:
            raise Refused(503, error) from error
        if len(found) != 1:
            raise Unauthenticated("ask for a token with the scope user_id")
        return Viewer(found[0], claims.username, reach_of(claims))

    def token_of(self, connection: HTTPConnection) -> str | None:
        """The token that a request, or the request for a WebSocket, carries; None: none.

        Raises:
            Unauthenticated: it is not written as it must be, or cookies that do not count.
        """
        given = [value for name, value in connection.scope["headers"] if name == b"authorization"]
        if given:
            if len(given) > 1:
                raise Unauthenticated(_WRITE)
            return token_in(given[0].decode("latin-1"))
        parts = [connection.cookies.get(name) for name in COOKIES]
        if not any(parts):
            return None
        if connection.scope["type"] == "http":
            check_kind(connection.scope["method"], connection.headers)
        check_page(connection.headers, self._origins)
        return ".".join(part or "" for part in parts)

    def _verified(self, token: str) -> tuple[Claims, Viewer | None]:
        """What a token claims, and whose it is if it says so."""
        keys, now = self._ring.current, self._now()
        if keys is not self._known_by:
            self._known.clear()
            self._known_by = keys
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and known[0].expires_s > now.timestamp():
            self._known.move_to_end(digest)
            return known
        claims = verify_token(token, keys, now=now)
        reach, viewer = reach_of(claims), None
        if claims.user_id is not None:
            viewer = Viewer(claims.user_id, claims.username, reach)
        self._known[digest] = claims, viewer
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return claims, viewer


def reach_of(claims: Claims) -> Reach:
    """What a token may be used for at most.

    A client that the platform restricts sees the organisations that its filters name and nothing
    else, so without such a filter nothing, as in the platform.

    Raises:
        Unauthenticated: it has a filter that is not known here; to ignore it would be to widen.
    """
    kinds: dict[str, set[str]] = {"content_org": set(), "user": set()}
    for kind, value in claims.filters:
        if kind not in kinds or (kind == "user" and value != "me"):
            raise Unauthenticated("the token has a filter that is not known here")
        kinds[kind].add(value)
    orgs = frozenset(kinds["content_org"])
    return Reach(
        orgs=orgs if orgs or claims.is_restricted else None,
        only_self=bool(kinds["user"]),
        has_roles=claims.is_active,
    )


def token_in(authorization: str) -> str:
    """The token in the text of an `Authorization`.

    Raises:
        Unauthenticated: there is none, or its scheme is none of ours.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() not in SCHEMES or not token.strip():
        raise Unauthenticated(_WRITE)
    return token.strip()


def check_kind(method: str, headers: Headers) -> None:
    """Refuse cookies with a request that a form or a link can make.

    Raises:
        Unauthenticated: it is no POST of JSON.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method != "POST" or media_type != "application/json":
        raise Unauthenticated("cookies count for POST of application/json only")


def check_page(headers: Headers, origins: Collection[str]) -> None:
    """Refuse cookies that a browser sent along for a page that may not use them.

    The browser must say that the page is our own, or one of `origins`. Nothing is concluded from
    the address that was asked for.

    Raises:
        Unauthenticated: the cookies do not count for this page.
    """
    if headers.get("origin") in origins or headers.get("sec-fetch-site") == "same-origin":
        return
    raise Unauthenticated("cookies do not count for requests of this page")
