"""Keys that verify tokens: the local one, the platform's JWK set, its shared secret.

Each key is for one algorithm and for the tokens of one issuer. RS512 is what Open edX uses where it
signs with a key pair; HS256 is taken only where its secret is configured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from courselens.errors import CourselensError
from courselens.passwords import weakness

RS512 = "RS512"
HS256 = "HS256"
MIN_RSA_BITS = 2048
MAX_KEYS = 16
LOOK_SECONDS = 1.0
"""A file of keys is looked at once in so long."""

logger = structlog.get_logger(__name__)


class BadKeys(CourselensError):
    """Keys or a secret cannot be used as they are configured; says why, never what they are."""

    code = "KEYS_UNUSABLE"

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}")


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say to be accepted: by whom it is made, and for whom."""

    issuer: str = "http://courselens.local/oauth2"
    audience: str = "courselens"


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """What verifies tokens of one algorithm and one issuer; a secret has no id."""

    key_id: str | None
    algorithm: str
    key: RSAPublicKey | bytes
    rules: TokenRules

    def __repr__(self) -> str:
        return f"VerifyingKey({self.key_id!r}, {self.algorithm})"


@dataclass(frozen=True)
class KeySet:
    """Keys in force."""

    keys: tuple[VerifyingKey, ...]

    @cached_property
    def _by_id(self) -> dict[tuple[str, str], VerifyingKey]:
        return {(key.algorithm, key.key_id): key for key in self.keys if key.key_id is not None}

    def candidates(self, algorithm: object, key_id: object) -> Sequence[VerifyingKey]:
        """Keys that a token of this header may be signed by.

        Open edX names its key only where `JWT_AUTH_ADD_KID_HEADER` is on, and a secret has no name:
        without one every key of the algorithm may be it. A name that is not known is nobody's.
        """
        if key_id is None:
            return [key for key in self.keys if key.algorithm == algorithm]
        if not isinstance(algorithm, str) or not isinstance(key_id, str):
            return ()
        found = self._by_id.get((algorithm, key_id))
        return () if found is None else (found,)


class KeyRing:
    """Keys that stay as they are, and those of a file that is read again when it changes.

    A file that cannot be read any more, or holds nonsense, leaves the keys as they were: a key is
    withdrawn by a set without it.

    Args:
        fixed: keys that stay.
        file: a JWK set; must be readable now.
        rules: whose tokens its keys verify.
        clock: seconds that never go back.

    Raises:
        BadKeys: the file holds no usable set.
    """

    def __init__(
        self,
        fixed: Sequence[VerifyingKey],
        *,
        file: Path | None = None,
        rules: TokenRules | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fixed = tuple(fixed)
        self._file = file
        self._rules = rules or TokenRules()
        self._clock = clock
        self._looked = clock()
        self._seen = self._signature()
        self._current = KeySet(self._fixed + self._read())

    @property
    def current(self) -> KeySet:
        """The keys in force; the same object as long as they are the same."""
        if self._file is not None and self._clock() - self._looked >= LOOK_SECONDS:
            self._looked = self._clock()
            signature = self._signature()
            if signature != self._seen:
                self._seen = signature
                self._read_again()
        return self._current

    def _read_again(self) -> None:
        try:
            keys = KeySet(self._fixed + self._read())
        except BadKeys as error:
            logger.error("keys not read again, the old ones stay", problem=str(error))
            return
        if keys != self._current:
            self._current = keys
            logger.info("keys read again", keys=len(keys.keys))

    def _signature(self) -> tuple[int, ...] | None:
        """What changes with the file: also where it is a link to another one now."""
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _read(self) -> tuple[VerifyingKey, ...]:
        if self._file is None:
            return ()
        try:
            text = self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise BadKeys(str(self._file), "cannot be read") from exc
        return read_key_set(text, self._rules, where=str(self._file))


def read_key_set(text: str, rules: TokenRules, *, where: str) -> tuple[VerifyingKey, ...]:
    """The keys of a JWK set, as in the platform's `JWT_PUBLIC_SIGNING_JWK_SET`.

    Args:
        text: `{"keys": [...]}`, public RSA keys of at least 2048 bits, each with its own `kid`.
        rules: whose tokens they verify.
        where: what errors call it.

    Raises:
        BadKeys: it is anything else.
    """
    try:
        found = json.loads(text, object_pairs_hook=without_doubles)
    except (ValueError, RecursionError):
        raise BadKeys(where, "is no JSON") from None
    entries = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_KEYS:
        raise BadKeys(where, f'is no JWK set {{"keys": [...]}} of 1 to {MAX_KEYS} keys')
    keys = tuple(
        _read_key(entry, rules, f"{where}, key {number}")
        for number, entry in enumerate(entries, start=1)
    )
    if len({key.key_id for key in keys}) != len(keys):
        raise BadKeys(where, "has a kid twice")
    return keys


def secret_key(secret: str, rules: TokenRules, *, where: str) -> VerifyingKey:
    """The key of tokens signed by a secret that the platform and this service share.

    Raises:
        BadKeys: it is short or looks like one that nobody has chosen.
    """
    problem = weakness(secret)
    if problem:
        raise BadKeys(where, problem)
    return VerifyingKey(None, HS256, secret.encode(), rules)


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; ValueError where a name comes twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _read_key(entry: Any, rules: TokenRules, where: str) -> VerifyingKey:
    if not isinstance(entry, dict) or entry.get("kty") != "RSA":
        raise BadKeys(where, "is no RSA key; RS512 is what is verified with a key set")
    if "d" in entry:
        raise BadKeys(where, "is a private key; give the public set, JWT_PUBLIC_SIGNING_JWK_SET")
    if entry.get("alg", RS512) != RS512 or entry.get("use", "sig") != "sig":
        raise BadKeys(where, f"is not for signatures by {RS512}")
    key_id = entry.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise BadKeys(where, "has no kid")
    try:
        key = jwt.PyJWK(entry, algorithm=RS512).key
    except (jwt.PyJWTError, ValueError, TypeError):
        raise BadKeys(where, "is no usable RSA key") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise BadKeys(where, f"is weaker than {MIN_RSA_BITS} bits")
    return VerifyingKey(key_id, RS512, key, rules)
