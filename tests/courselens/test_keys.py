from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from structlog.testing import capture_logs

from courselens.keys import BadKeys, KeyRing, TokenRules, read_key_set, secret_key
from courselens.passwords import weakness

RULES = TokenRules("https://lms.example/oauth2", "openedx")


class Clock:
    """Seconds as a test wants them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@cache
def private(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(key_id: str = "a", *, bits: int = 2048, **changes: Any) -> dict[str, Any]:
    made = RSAAlgorithm.to_jwk(private(bits).public_key(), as_dict=True)
    del made["key_ops"]
    return {**made, "kid": key_id, **changes}


def key_set(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": keys})


def read(text: str) -> list[str | None]:
    return [key.key_id for key in read_key_set(text, RULES, where="here")]


def test_set_may_hold_several_keys() -> None:
    assert read(key_set(jwk("old"), jwk("new", alg="RS512", use="sig"))) == ["old", "new"]


def test_set_that_cannot_be_used_is_refused_without_being_shown() -> None:
    secret = "canary" * 8
    ec_key = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
    whole = RSAAlgorithm.to_jwk(private(), as_dict=True)
    bad = {
        "is no JSON": secret,
        "1 to 16": json.dumps([jwk()]),
        "of 1 to": key_set(),
        "16 keys": key_set(*(jwk(str(number)) for number in range(17))),
        "is no RSA key": key_set({"kty": "oct", "k": secret, "kid": "a"}),
        "key 2: is no RSA key": key_set(jwk(), {**ec_key, "kid": "b"}),
        "is a private key": key_set({**whole, "kid": "a"}),
        "not for signatures": key_set(jwk(alg="RS256")),
        "signatures by RS512": key_set(jwk(use="enc")),
        "has no kid": key_set(jwk("")),
        "no usable": key_set(jwk(n="canary!")),
        "weaker than 2048 bits": key_set(jwk(bits=1024)),
        "has a kid twice": key_set(jwk(), jwk()),
    }
    for words, text in bad.items():
        with pytest.raises(BadKeys, match=words) as refused:
            read(text)
        assert "canary" not in str(refused.value)
        assert whole["d"] not in str(refused.value)
    with pytest.raises(BadKeys, match="is no JSON"):
        read('{"keys": [], "keys": [' + json.dumps(jwk()) + "]}")


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "lms-secret",
        "0123456789abcdef0123456789abcde",  # 31 bytes
        "a" * 64,
        "abcabcabcabcabcabcabcabcabcabcabcabc",
        "change-me-change-me-change-me-change-me",
        "CHANGEME0123456789abcdef0123456789",
        "insecure_secret_key_for_development",
        "SET_ME_0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        "my example secret 0f1e2d3c4b5a6978",
    ],
)
def test_secret_that_is_short_or_nobody_has_chosen_is_refused(secret: str) -> None:
    with pytest.raises(BadKeys) as refused:
        secret_key(secret, RULES, where="here")
    assert not secret or secret not in str(refused.value)


def test_long_random_secret_is_taken() -> None:
    assert weakness("0f1e2d3c4b5a69788796a5b4c3d2e1f0") is None
    assert weakness("ü" * 3 + "0f1e2d3c4b5a69788796a5b4c3") is None  # 32 bytes, 29 characters


class Ring:
    """A ring on a file, and its clock."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "keys.json"
        self.write("a")
        self.clock = Clock()
        self.ring = KeyRing([], file=self.file, rules=RULES, clock=self.clock)

    def write(self, *key_ids: str) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(key_set(*map(jwk, key_ids)))
        new.rename(self.file)

    @property
    def key_ids(self) -> list[str | None]:
        return [key.key_id for key in self.ring.current.keys]


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring(tmp_path)


def test_file_is_read_again_when_it_changes(ring: Ring) -> None:
    ring.write("a", "b")
    ring.clock.now = 0.9
    assert ring.key_ids == ["a"]
    ring.clock.now = 1.0
    assert ring.key_ids == ["a", "b"]
    ring.write("b")
    ring.clock.now = 2.0
    assert ring.key_ids == ["b"]


def test_same_keys_are_the_same_set(ring: Ring) -> None:
    first = ring.ring.current
    ring.clock.now = 5
    assert ring.ring.current is first
    ring.write("a")  # another file, the same keys
    ring.clock.now = 10
    assert ring.ring.current is first


def test_link_to_another_file_is_a_change(ring: Ring, tmp_path: Path) -> None:
    """As a mounted secret is renewed."""
    for name in ("one", "two"):
        (tmp_path / name).write_text(key_set(jwk(name)))
    link = tmp_path / "link"
    link.symlink_to("one")
    linked = KeyRing([], file=link, rules=RULES, clock=ring.clock)
    os.symlink("two", tmp_path / "new")
    os.replace(tmp_path / "new", link)
    ring.clock.now = 1
    assert [key.key_id for key in linked.current.keys] == ["two"]


@pytest.mark.parametrize("damage", ["gone", "nonsense", "private"])
def test_file_that_cannot_be_read_again_leaves_the_keys_and_says_so_once(
    ring: Ring, damage: str
) -> None:
    if damage == "gone":
        ring.file.unlink()
    elif damage == "nonsense":
        ring.file.write_text("canary")
    else:
        ring.file.write_text(json.dumps({"keys": [{**jwk(), "d": "canary"}]}))
    with capture_logs() as logs:
        for second in (1, 2, 3):
            ring.clock.now = second
            assert ring.key_ids == ["a"]
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert "canary" not in repr(logs)
    ring.write("b")
    ring.clock.now = 4
    assert ring.key_ids == ["b"]


def test_file_must_be_readable_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadKeys, match="cannot be read"):
        KeyRing([], file=tmp_path / "none.json", rules=RULES)
