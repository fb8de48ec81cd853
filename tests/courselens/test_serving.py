"""The server as it is configured beside an LMS."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from jwt.algorithms import RSAAlgorithm

from courselens.keys import BadKeys
from courselens.serving import prepared_server, running_server
from courselens.settings import Settings
from tests.data.served_courses import signing_key

ISSUER, AUDIENCE = "https://lms.example/oauth2", "openedx"
SECRET = "5c0a9e7f31d24b6888d7e6f5a4b3c2d1"
QUESTION = {"query": "{ viewer { userId username } }"}


@pytest.fixture
def beside_lms(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a server that knows an LMS; the file of its keys."""
    key = signing_key()
    made = RSAAlgorithm.to_jwk(key.public_key, as_dict=True)
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [{**made, "key_ops": ["verify"], "kid": key.key_id}]}))
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "PORT": "0",
        "DATABASE_URL": postgres_url,
        "LMS_ISSUER": ISSUER,
        "TOKEN_AUDIENCE": AUDIENCE,
        "LMS_KEYS_FILE": str(file),
        "COOKIE_ORIGINS": "https://apps.lms.example",
    }.items():
        monkeypatch.setenv(f"COURSELENS_{name}", value)
    return file


def token(key: Any, algorithm: str) -> str:
    """As the platform makes it: without the name of its key."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 3600, "version": "1.2.0"}
    who = {"user_id": 7, "preferred_username": "ana", "filters": [], "is_restricted": False}
    return jwt.encode({**claims, **who}, key, algorithm=algorithm)


async def test_tokens_of_the_lms_are_taken_and_others_are_not(
    beside_lms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = token(signing_key().private_key, "RS512")
    by_secret = token(SECRET, "HS256")
    body, _, signature = good.rpartition(".")
    cookies = {
        "cookie": f"edx-jwt-cookie-header-payload={body}; edx-jwt-cookie-signature={signature}"
    }
    ours, apps = {"sec-fetch-site": "same-origin"}, {"origin": "https://apps.lms.example"}
    asked = [
        ({"authorization": f"JWT {good}"}, 200),
        ({**cookies, **ours}, 200),
        ({**cookies, **apps}, 200),
        (cookies, 401),
        ({**cookies, "origin": "https://evil.example"}, 401),
        ({"authorization": f"JWT {by_secret}"}, 401),
    ]
    async with running_server(Settings()) as server, httpx.AsyncClient() as client:
        for headers, status in asked:
            answer = await client.post(f"{server.address}/graphql", json=QUESTION, headers=headers)
            assert answer.status_code == status, headers.keys()
            if status == 200:
                assert answer.json()["data"]["viewer"] == {"userId": 7, "username": "ana"}
    monkeypatch.setenv("COURSELENS_LMS_HS256_SECRET", SECRET)
    async with running_server(Settings()) as server, httpx.AsyncClient() as client:
        for one in (good, by_secret):
            headers = {"authorization": f"Bearer {one}"}
            answer = await client.post(f"{server.address}/graphql", json=QUESTION, headers=headers)
            assert answer.status_code == 200


async def test_server_does_not_start_with_keys_that_cannot_be_used(
    beside_lms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COURSELENS_LMS_KEYS_FILE")
    secret = json.dumps({"keys": [{"kty": "oct", "k": "canary", "kid": "a"}]})
    monkeypatch.setenv("COURSELENS_LMS_KEYS", secret)
    with pytest.raises(BadKeys, match="no RSA key") as refused:
        async with prepared_server(Settings()):
            pass
    assert "canary" not in str(refused.value)
