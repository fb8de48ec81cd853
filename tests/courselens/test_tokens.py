from __future__ import annotations

import base64
import hashlib
import hmac
import json
import stat
from datetime import UTC, datetime, timedelta
from functools import cache
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
from courselens.keys import KeySet, TokenRules, secret_key
from courselens.tokens import (
    KEY_FILE,
    Claims,
    SigningKey,
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
    "preferred_username": "canary-ana",
}
LMS = TokenRules("https://lms.example/oauth2", "openedx")
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
# What `oauth_dispatch/jwt.py` of the platform writes, with the scopes user_id, email and profile.
PLATFORM: dict[str, Any] = {
    "aud": LMS.audience,
    "exp": NOW_S + 3600,
    "grant_type": "password",
    "iat": NOW_S,
    "iss": LMS.issuer,
    "preferred_username": "ana",
    "scopes": ["user_id", "email", "profile"],
    "version": "1.2.0",
    "sub": "5f4dcc3b5aa765d61d8327deb882cf99",
    "filters": [],
    "is_restricted": False,
    "email_verified": True,
    "user_id": 7,
    "email": "ana@uni.example",
    "name": None,
    "family_name": "",
    "given_name": "",
    "administrator": True,
    "superuser": True,
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
    return verify_token(token, KeySet((key.verifying(),)), now=NOW)


def platform_keys(key: SigningKey, *, secret: bool = False) -> KeySet:
    """The platform's key pair, its secret if asked for, and a local key."""
    shared = (secret_key(SECRET, LMS, where="here"),) if secret else ()
    return KeySet((key.verifying(LMS), *shared, other_key().verifying()))


@cache
def other_key() -> SigningKey:
    return SigningKey("other", rsa.generate_private_key(public_exponent=65537, key_size=2048))


def test_token_says_who_it_is_about(key: SigningKey) -> None:
    claims = verify(key, issue_token(key, user_id=7, username="ana", now=NOW, lifetime_seconds=60))
    assert (claims.user_id, claims.username, claims.expires_s) == (7, "ana", NOW_S + 60)


def test_token_ends(key: SigningKey) -> None:
    token = issue_token(key, user_id=7, username="ana", now=NOW, lifetime_seconds=60)
    keys = KeySet((key.verifying(),))
    verify_token(token, keys, now=NOW + timedelta(seconds=59))
    with pytest.raises(Unauthenticated, match="expired"):
        verify_token(token, keys, now=NOW + timedelta(seconds=60))


@pytest.mark.parametrize("name", sorted(GOOD.keys() - {"user_id"}))
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
        {"user_id": None},
        {"user_id": 0},
        {"user_id": -7},
        {"user_id": 2**63},
        {"preferred_username": ""},
        {"preferred_username": 7},
        {"preferred_username": "a\x00b"},
        {"preferred_username": "a\ud800b"},
        {"preferred_username": "a" * 256},
        {"filters": None},
        {"filters": "content_org:edX"},
        {"filters": ["content_org"]},
        {"filters": ["content_org:"]},
        {"filters": [":edX"]},
        {"filters": [7]},
        {"is_restricted": "no"},
        {"is_restricted": None},
        {"email_verified": 1},
        {"version": "2.0.0"},
        {"version": 1},
    ],
)
def test_claims_of_another_kind_are_refused(key: SigningKey, changed: dict[str, Any]) -> None:
    token = sign(key, {**GOOD, **changed})
    with pytest.raises(Unauthenticated) as refused:
        verify(key, token)
    assert "canary" not in str(refused.value)
    assert not any(part in str(refused.value) for part in token.split("."))


def test_doubled_claim_is_refused(key: SigningKey) -> None:
    doubled = json.dumps(GOOD)[:-1] + ', "user_id": 8}'
    assert json.loads(doubled)["user_id"] == 8
    with pytest.raises(Unauthenticated):
        verify(key, sign(key, doubled))


def test_key_that_is_not_known_is_refused(key: SigningKey) -> None:
    other = SigningKey(key.key_id, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    for token in (sign(other, GOOD), sign(key, GOOD, kid="other"), sign(key, GOOD, kid="")):
        with pytest.raises(Unauthenticated):
            verify(key, token)


def test_header_that_asks_for_more_is_refused(key: SigningKey) -> None:
    with pytest.raises(Unauthenticated, match="not known"):
        verify(key, sign(key, GOOD, crit=["exp"]))


@pytest.mark.parametrize("named", [True, False])
def test_platforms_token_says_who_it_is_about(key: SigningKey, named: bool) -> None:
    headers = {"kid": key.key_id} if named else {}
    token = jwt.encode(PLATFORM, key.private_key, algorithm="RS512", headers=headers)
    claims = verify_token(token, platform_keys(key), now=NOW)
    assert claims == Claims(7, "ana", NOW_S + 3600)


def test_platforms_token_may_leave_out_the_id_and_narrow(key: SigningKey) -> None:
    narrowed = {
        **{name: value for name, value in PLATFORM.items() if name != "user_id"},
        "filters": ["content_org:edX", "content_org:Uni", "user:me"],
        "is_restricted": True,
        "email_verified": False,
    }
    token = jwt.encode(narrowed, key.private_key, algorithm="RS512")
    claims = verify_token(token, platform_keys(key), now=NOW)
    assert claims == Claims(
        None,
        "ana",
        NOW_S + 3600,
        filters=(("content_org", "edX"), ("content_org", "Uni"), ("user", "me")),
        is_restricted=True,
        is_active=False,
    )


def test_key_is_good_for_its_own_issuer_only(key: SigningKey) -> None:
    keys = platform_keys(key)
    for signer, claims in ((key, GOOD), (other_key(), PLATFORM)):
        for header in ({"kid": signer.key_id}, {}):
            token = jwt.encode(claims, signer.private_key, algorithm="RS512", headers=header)
            with pytest.raises(Unauthenticated, match="does not hold"):
                verify_token(token, keys, now=NOW)


def test_shared_secret_counts_only_where_it_is_configured(key: SigningKey) -> None:
    token = jwt.encode(PLATFORM, SECRET, algorithm="HS256")
    assert verify_token(token, platform_keys(key, secret=True), now=NOW).user_id == 7
    with pytest.raises(Unauthenticated, match="known key"):
        verify_token(token, platform_keys(key), now=NOW)


def test_shared_secret_is_for_one_algorithm_and_no_named_key(key: SigningKey) -> None:
    keys = platform_keys(key, secret=True)
    named = jwt.encode(PLATFORM, SECRET, algorithm="HS256", headers={"kid": key.key_id})
    longer = jwt.encode(PLATFORM, SECRET * 2, algorithm="HS512")
    for token in (named, longer, jwt.encode(PLATFORM, SECRET.upper(), algorithm="HS256")):
        with pytest.raises(Unauthenticated):
            verify_token(token, keys, now=NOW)


def test_no_other_algorithm_is_taken(key: SigningKey) -> None:
    public = key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"kid": key.key_id}
    unsigned = jwt.encode(GOOD, None, algorithm="none", headers=head)
    rs256 = jwt.encode(GOOD, key.private_key, algorithm="RS256", headers=head)
    # What a confused verifier takes: a secret that everybody knows.
    parts = [json.dumps({"alg": "HS512", "typ": "JWT", **head}).encode(), json.dumps(GOOD).encode()]
    body = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.digest(public, body.encode(), hashlib.sha512)).decode()
    hs256 = jwt.encode(GOOD, hashlib.sha256(public).hexdigest(), algorithm="HS256", headers=head)
    for token in (unsigned, rs256, f"{body}.{mac.rstrip('=')}", hs256):
        with pytest.raises(Unauthenticated):
            verify(key, token)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b",
        "a.b.c",
        "..",
        "é.é.é",
        "W10.W10.W10",
        "a" * 9000,
        "e30.e30.e30.e30",
        "e30.e30.e 30",
    ],
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


def test_nothing_secret_is_in_what_is_printed(key: SigningKey) -> None:
    shown = repr((key, platform_keys(key, secret=True)))
    assert SECRET not in shown
    assert "PrivateKey" not in shown


def test_verb_prints_a_token_that_may_be_narrowed(run, tmp_path: Path) -> None:
    shown = run("token", "--user-id", 7, "--username", "ada", "--hours", 1, "--filter", "user:me")
    assert shown.code == 0
    keys = KeySet((load_key(tmp_path / "home" / "keys").verifying(),))
    claims = verify_token(shown.out.strip(), keys, now=datetime.now(UTC))
    assert (claims.user_id, claims.username, claims.filters) == (7, "ada", (("user", "me"),))


def test_processes_that_start_at_once_have_one_key(monkeypatch, tmp_path: Path):
    generate = rsa.generate_private_key
    earlier = []

    def generate_late(**options: Any) -> Any:
        monkeypatch.setattr(rsa, "generate_private_key", generate)
        earlier.append(make_key(tmp_path))  # the other process is done in the meantime
        return generate(**options)

    monkeypatch.setattr(rsa, "generate_private_key", generate_late)
    later = make_key(tmp_path)
    assert later.key_id == earlier[0].key_id
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
