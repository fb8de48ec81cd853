"""From the `Authorization` header to a viewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from api.policy import Viewer
from courselens.errors import Unauthenticated
from courselens.tokens import SigningKey, TokenRules, verify_token

SCHEMES = ("jwt", "bearer")
"""Open edX sends `JWT`; nearly every client library sends `Bearer`."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class TokenAuth:
    """Reads viewers from tokens of known keys."""

    keys: dict[str, RSAPublicKey]
    rules: TokenRules = field(default_factory=TokenRules)
    now: Callable[[], datetime] = _now

    @classmethod
    def of(cls, key: SigningKey, *, rules: TokenRules | None = None) -> TokenAuth:
        """Accept the tokens of one local key."""
        return cls({key.key_id: key.public_key}, rules or TokenRules())

    def viewer(self, authorization: str | None) -> Viewer | None:
        """Who sent a request; None without a header.

        Raises:
            Unauthenticated: there is a header, and it does not hold.
        """
        if authorization is None:
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() not in SCHEMES or not token.strip():
            raise Unauthenticated("write `Authorization: JWT <token>`")
        claims = verify_token(token.strip(), self.keys, now=self.now(), rules=self.rules)
        return Viewer(claims.user_id, claims.username)
