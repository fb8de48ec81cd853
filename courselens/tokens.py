"""Tokens signed by a local key: who somebody is, nothing about what they may see.

One algorithm is pinned (RS512, what Open edX uses where it signs with a key pair). Claims are
checked strictly: PyJWT alone would take a missing or textual `exp` and doubled claims.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from courselens.errors import SourceNotFound, Unauthenticated

ALGORITHM = "RS512"
KEY_FILE = "token-key.pem"
MAX_TOKEN_CHARACTERS = 8192
LEEWAY_SECONDS = 10
_KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name by which tokens refer to it."""

    key_id: str
    private_key: rsa.RSAPrivateKey

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """What verifies its tokens."""
        return self.private_key.public_key()


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say to be accepted: by whom it is made, and for whom."""

    issuer: str = "http://courselens.local/oauth2"
    audience: str = "courselens"


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a verified token speaks of."""

    user_id: int
    username: str
    expires_s: int


def make_key(folder: Path) -> SigningKey:
    """The key in a folder, made at first use, readable by its owner only."""
    path = folder / KEY_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        pem = private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        new = path.with_suffix(f".{os.getpid()}.new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        new.rename(path)
    return load_key(folder)


def load_key(folder: Path) -> SigningKey:
    """The key in a folder.

    Raises:
        SourceNotFound: there is none, or it is no RSA key.
    """
    path = folder / KEY_FILE
    try:
        private_key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as exc:
        raise SourceNotFound(path, "no usable signing key; `courselens token` makes one") from exc
    if not isinstance(private_key, rsa.RSAPrivateKey):
        raise SourceNotFound(path, "not an RSA key; remove it and let `courselens token` make one")
    public = private_key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return SigningKey(hashlib.sha256(public).hexdigest()[:16], private_key)


def issue_token(
    key: SigningKey,
    *,
    user_id: int,
    username: str,
    now: datetime,
    rules: TokenRules | None = None,
    lifetime_seconds: int = 86_400,
) -> str:
    """Sign a token for a user."""
    rules = rules or TokenRules()
    issued = int(now.timestamp())
    claims = {
        "iss": rules.issuer,
        "aud": rules.audience,
        "iat": issued,
        "exp": issued + lifetime_seconds,
        "user_id": user_id,
        "preferred_username": username,
    }
    return jwt.encode(claims, key.private_key, algorithm=ALGORITHM, headers={"kid": key.key_id})


def verify_token(
    token: str,
    keys: dict[str, rsa.RSAPublicKey],
    *,
    now: datetime,
    rules: TokenRules | None = None,
) -> Claims:
    """Check a token and read it.

    Args:
        token: three base64 parts.
        keys: public keys by key id.
        now: an instant; tokens expire by it.
        rules: whose tokens, and for whom.

    Raises:
        Unauthenticated: anything about it is not as it must be.
    """
    rules = rules or TokenRules()
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise Unauthenticated("the token is too long")
    header, claims = _read_part(token, 0), _read_part(token, 1)
    key = keys.get(header["kid"]) if isinstance(header.get("kid"), str) else None
    if key is None or header.get("alg") != ALGORITHM:
        raise Unauthenticated("the token is not signed by a known key")
    try:
        jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=rules.audience,
            issuer=rules.issuer,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except jwt.PyJWTError:
        raise Unauthenticated("the token does not hold") from None
    return _read_claims(claims, int(now.timestamp()))


def _read_part(token: str, index: int) -> dict[str, Any]:
    """A part of a token as an object without doubled names."""
    parts = token.split(".")
    if len(parts) != 3:
        raise Unauthenticated("the token is malformed")
    text = parts[index]
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        value = json.loads(raw, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise Unauthenticated("the token is malformed") from None
    if not isinstance(value, dict):
        raise Unauthenticated("the token is malformed")
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _read_claims(claims: dict[str, Any], now_s: int) -> Claims:
    expires_s, issued_s = _whole(claims, "exp"), _whole(claims, "iat")
    user_id, username = _whole(claims, "user_id"), claims.get("preferred_username")
    if not isinstance(username, str) or not username:
        raise Unauthenticated("the token has no preferred_username")
    if not isinstance(claims.get("aud"), str) or not isinstance(claims.get("iss"), str):
        raise Unauthenticated("the token needs one aud and one iss")
    if "nbf" in claims and _whole(claims, "nbf") > now_s + LEEWAY_SECONDS:
        raise Unauthenticated("the token is not valid yet")
    if issued_s > now_s + LEEWAY_SECONDS:
        raise Unauthenticated("the token is from the future")
    if expires_s <= now_s:
        raise Unauthenticated("the token has expired; ask for a new one")
    return Claims(user_id, username, expires_s)


def _whole(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:
        raise Unauthenticated(f"the token needs a whole number as {name}")
    return value
