from __future__ import annotations

import base64
import hashlib
import hmac
import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from courselens.errors import SourceNotFound, Unauthenticated
from courselens.tokens import (
    KEY_FILE,
    SigningKey,
    TokenRules,
    issue_token,
    load_key,
    make_key,
    verify_token,
)
from tests.data.served_courses import NOW, signing_key

NOW_S = int(NOW.timestamp())
GOOD: dict[str, Any] = {
    "iss": TokenRules().issuer,
    "aud": TokenRules().audience,
    "iat": NOW_S,
    "exp": NOW_S + 60,
    "user_id": 7,
    "preferred_username": "ana",
}


@pytest.fixture
def key() -> SigningKey:
    return signing_key()


def sign(key: SigningKey, claims: Any, **header: Any) -> str:
    """A token of any claims, also of text that is no usual object."""
    text = claims if isinstance(claims, str) else json.dumps(claims)
    signer = jwt.PyJWS()
    return signer.encode(
        text.encode(), key.private_key, algorithm="RS512", headers={"kid": key.key_id, **header}
    )


def verify(key: SigningKey, token: str) -> Any:
    return verify_token(token, {key.key_id: key.public_key}, now=NOW)


def test_token_says_who_it_is_about(key: SigningKey) -> None:
    claims = verify(key, issue_token(key, user_id=7, username="ana", now=NOW, lifetime_seconds=60))
    assert (claims.user_id, claims.username, claims.expires_s) == (7, "ana", NOW_S + 60)


def test_token_ends(key: SigningKey) -> None:
    token = issue_token(key, user_id=7, username="ana", now=NOW, lifetime_seconds=60)
    keys = {key.key_id: key.public_key}
    verify_token(token, keys, now=NOW + timedelta(seconds=59))
    with pytest.raises(Unauthenticated, match="expired"):
        verify_token(token, keys, now=NOW + timedelta(seconds=60))


@pytest.mark.parametrize("name", GOOD)
def test_every_claim_is_required(key: SigningKey, name: str) -> None:
    claims = {other: value for other, value in GOOD.items() if other != name}
    with pytest.raises(Unauthenticated):
        verify(key, sign(key, claims))


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": str(NOW_S + 60)},
        {"exp": NOW_S + 60.5},
        {"exp": True},
        {"exp": None},
        {"iat": "now"},
        {"iat": NOW_S + 3600},
        {"nbf": NOW_S + 3600},
        {"nbf": "soon"},
        {"iss": "https://elsewhere/oauth2"},
        {"iss": [TokenRules().issuer]},
        {"aud": "elsewhere"},
        {"aud": [TokenRules().audience, "elsewhere"]},
        {"user_id": "7"},
        {"user_id": True},
        {"preferred_username": ""},
        {"preferred_username": 7},
    ],
)
def test_claims_of_another_kind_are_refused(key: SigningKey, changed: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        verify(key, sign(key, {**GOOD, **changed}))


def test_doubled_claim_is_refused(key: SigningKey) -> None:
    doubled = json.dumps(GOOD)[:-1] + ', "user_id": 8}'
    assert json.loads(doubled)["user_id"] == 8
    with pytest.raises(Unauthenticated):
        verify(key, sign(key, doubled))


def test_key_that_is_not_known_is_refused(key: SigningKey) -> None:
    other = SigningKey(key.key_id, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    unnamed = jwt.PyJWS().encode(json.dumps(GOOD).encode(), key.private_key, algorithm="RS512")
    for token in (sign(other, GOOD), sign(key, GOOD, kid="other"), unnamed):
        with pytest.raises(Unauthenticated):
            verify(key, token)


def test_no_other_algorithm_is_taken(key: SigningKey) -> None:
    public = key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"kid": key.key_id}
    unsigned = jwt.encode(GOOD, None, algorithm="none", headers=head)
    rs256 = jwt.encode(GOOD, key.private_key, algorithm="RS256", headers=head)
    # What a confused verifier takes: a secret that everybody knows.
    parts = [json.dumps({"alg": "HS512", "typ": "JWT", **head}).encode(), json.dumps(GOOD).encode()]
    body = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.digest(public, body.encode(), hashlib.sha512)).decode()
    for token in (unsigned, rs256, f"{body}.{mac.rstrip('=')}"):
        with pytest.raises(Unauthenticated):
            verify(key, token)


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c", "..", "é.é.é", "W10.W10.W10", "a" * 9000, "e30.e30.e30.e30"]
)
def test_text_that_is_no_token_is_refused(key: SigningKey, token: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(key, token)


def test_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    made = make_key(folder)
    assert make_key(folder).key_id == made.key_id
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]


def test_folder_without_a_usable_key_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="courselens token"):
        load_key(tmp_path)
    (tmp_path / KEY_FILE).write_text("nonsense")
    with pytest.raises(SourceNotFound):
        load_key(tmp_path)
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / KEY_FILE).write_bytes(pem)
    with pytest.raises(SourceNotFound, match="not an RSA key"):
        load_key(tmp_path)
