"""Tokens of the platform and of the local key: who somebody is, and at most a narrower view.

Nothing in a token widens what its bearer may see. Claims are checked strictly: PyJWT alone would
take a missing or textual `exp` and doubled claims.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from courselens.errors import SourceNotFound, Unauthenticated
from courselens.keys import (
    MIN_RSA_BITS,
    RS512,
    KeySet,
    TokenRules,
    VerifyingKey,
    without_doubles,
)

KEY_FILE = "token-key.pem"
MAX_TOKEN_CHARACTERS = 8192
MAX_NAME_CHARACTERS = 255
LEEWAY_SECONDS = 10
_MAX_ID = 2**63 - 1
_PART = re.compile(r"[A-Za-z0-9_-]+")
_VERSION = re.compile(r"1(\.\d+){0,2}")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name by which tokens refer to it."""

    key_id: str
    private_key: rsa.RSAPrivateKey

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """What verifies its tokens."""
        return self.private_key.public_key()

    def verifying(self, rules: TokenRules | None = None) -> VerifyingKey:
        """The same for a key set."""
        return VerifyingKey(self.key_id, RS512, self.public_key, rules or TokenRules())

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id!r})"


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a verified token speaks of, and what narrows it.

    Attributes:
        user_id: `auth_user.id`; None: the token was made without the scope `user_id`.
        username: name of the account.
        expires_s: when it ends, seconds since 1970.
        filters: (type, value) pairs, such as `("content_org", "edX")`.
        is_restricted: it was made for a client that sees only what its filters name.
        is_active: whether the account is; others hold no role.
    """

    user_id: int | None
    username: str
    expires_s: int
    filters: tuple[tuple[str, str], ...] = ()
    is_restricted: bool = False
    is_active: bool = True


def make_key(folder: Path) -> SigningKey:
    """The key in a folder, made at first use, readable by its owner only."""
    path = folder / KEY_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=MIN_RSA_BITS)
        pem = private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        new = path.with_suffix(f".{os.getpid()}.new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        with suppress(FileExistsError):  # another process was first: its key is the key
            os.link(new, path)
        new.unlink()
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
    if not isinstance(private_key, rsa.RSAPrivateKey) or private_key.key_size < MIN_RSA_BITS:
        raise SourceNotFound(
            path, f"not an RSA key of {MIN_RSA_BITS} bits; remove it, `courselens token` makes one"
        )
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
    filters: Sequence[str] = (),
) -> str:
    """Sign a token for a user; `filters` are `type:value`, as the platform's are."""
    rules = rules or TokenRules()
    issued = int(now.timestamp())
    claims = {
        "iss": rules.issuer,
        "aud": rules.audience,
        "iat": issued,
        "exp": issued + lifetime_seconds,
        "user_id": user_id,
        "preferred_username": username,
        "filters": list(filters),
    }
    return jwt.encode(claims, key.private_key, algorithm=RS512, headers={"kid": key.key_id})


def verify_token(token: str, keys: KeySet, *, now: datetime) -> Claims:
    """Check a token and read it.

    Args:
        token: three base64 parts.
        keys: what it may be signed by.
        now: an instant; tokens expire by it.

    Raises:
        Unauthenticated: anything about it is not as it must be.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise Unauthenticated("the token is too long")
    header, claims = _read_parts(token)
    if "crit" in header:
        raise Unauthenticated("the token asks for what is not known here")
    candidates = keys.candidates(header.get("alg"), header.get("kid"))
    if not candidates:
        raise Unauthenticated("the token is not signed by a known key")
    if not any(_holds(token, key) for key in candidates):
        raise Unauthenticated("the token does not hold")
    return _read_claims(claims, int(now.timestamp()))


def _holds(token: str, key: VerifyingKey) -> bool:
    """Whether a key has signed it, for its own issuer and audience."""
    try:
        jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            audience=key.rules.audience,
            issuer=key.rules.issuer,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except jwt.PyJWTError:
        return False
    return True


def _read_parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, objects without doubled names."""
    parts = token.split(".")
    if len(parts) != 3 or not all(_PART.fullmatch(part) for part in parts):
        raise Unauthenticated("the token is malformed")
    header, claims = (_read_part(part) for part in parts[:2])
    return header, claims


def _read_part(text: str) -> dict[str, Any]:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        value = json.loads(raw, object_pairs_hook=without_doubles)
    except (ValueError, RecursionError):
        raise Unauthenticated("the token is malformed") from None
    if not isinstance(value, dict):
        raise Unauthenticated("the token is malformed")
    return value


def _read_claims(claims: dict[str, Any], now_s: int) -> Claims:
    expires_s, issued_s = _whole(claims, "exp"), _whole(claims, "iat")
    if not isinstance(claims.get("aud"), str) or not isinstance(claims.get("iss"), str):
        raise Unauthenticated("the token needs one aud and one iss")
    if "nbf" in claims and _whole(claims, "nbf") > now_s + LEEWAY_SECONDS:
        raise Unauthenticated("the token is not valid yet")
    if issued_s > now_s + LEEWAY_SECONDS:
        raise Unauthenticated("the token is from the future")
    if expires_s <= now_s:
        raise Unauthenticated("the token has expired; ask for a new one")
    version = claims.get("version", "1")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise Unauthenticated("the token is of a version that is not known here")
    return Claims(
        user_id=_user_id(claims),
        username=_username(claims),
        expires_s=expires_s,
        filters=_filters(claims),
        is_restricted=_flag(claims, "is_restricted", default=False),
        is_active=_flag(claims, "email_verified", default=True),
    )


def _user_id(claims: dict[str, Any]) -> int | None:
    if "user_id" not in claims:
        return None
    user_id = _whole(claims, "user_id")
    if not 0 < user_id <= _MAX_ID:
        raise Unauthenticated("the token's user_id is none")
    return user_id


def _username(claims: dict[str, Any]) -> str:
    name = claims.get("preferred_username")
    is_name = isinstance(name, str) and 0 < len(name) <= MAX_NAME_CHARACTERS and name.isprintable()
    if not isinstance(name, str) or not is_name:
        raise Unauthenticated("the token has no preferred_username")
    return name


def _filters(claims: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Filters as pairs; one that cannot be read must not be passed over, as it would narrow."""
    found = claims.get("filters", [])
    if not isinstance(found, list):
        raise Unauthenticated("the token's filters must be a list")
    pairs: list[tuple[str, str]] = []
    for one in found:
        kind, colon, value = one.partition(":") if isinstance(one, str) else ("", "", "")
        if not (kind and colon and value):
            raise Unauthenticated("the token's filters must be `type:value`")
        pairs.append((kind, value))
    return tuple(pairs)


def _flag(claims: dict[str, Any], name: str, *, default: bool) -> bool:
    value = claims.get(name, default)
    if not isinstance(value, bool):
        raise Unauthenticated(f"the token needs true or false as {name}")
    return value


def _whole(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int:
        raise Unauthenticated(f"the token needs a whole number as {name}")
    return value
