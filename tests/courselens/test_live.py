"""`serve` starts while the platform's databases are down, and answers what does not need them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from aggregates.store import Store
from courselens.errors import BadParameter, SourceRefused
from courselens.live import open_live_source
from courselens.serving import running_server
from courselens.settings import Settings
from courselens.tokens import issue_token, make_key
from indicators.registry import load_registry
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
)

STUDENT = 1
QUERY = """
query($c: ID!) { course(key: $c) {
  title
  indicators { courseModuleCounts { rows { blocks } } }
  student(userId: 1) { userId indicators { courseGrade { ratio } } }
  students { nodes { userId } }
} }
"""
DOWN = "127.0.0.1:1"


async def test_it_serves_while_the_databases_are_down(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(
        home=tmp_path,
        port=0,
        database_url=SecretStr(postgres_url),
        mysql_url=SecretStr(f"mysql://reader:canary-password@{DOWN}/openedx"),
        mongo_url=SecretStr(f"mongodb://reader:canary-password@{DOWN}/openedx"),
        live_deadline_seconds=0.5,
    )
    store = await Store.connect(postgres_url, registry=load_registry())
    await store.migrate()
    course = build_course([Person(STUDENT), Person(2)], [])
    await store.write(course, input_digest="1", cursors={})
    await store.close()

    token = issue_token(
        make_key(settings.keys_path),
        user_id=STUDENT,
        username="student",
        now=datetime.now(UTC),
        rules=settings.token_rules,
    )
    async with running_server(settings) as server, httpx.AsyncClient() as client:
        begun = time.monotonic()
        answer = await client.post(
            f"{server.address}/graphql",
            json={"query": QUERY, "variables": {"c": COURSE_KEY}},
            headers={"authorization": f"JWT {token}"},
            timeout=20,
        )
        seconds = time.monotonic() - begun
    body = answer.json()
    found = body["data"]["course"]
    assert found["title"] == "Toy"
    assert found["student"] == {"userId": STUDENT, "indicators": {"courseGrade": None}}
    assert found["indicators"]["courseModuleCounts"] is None
    assert found["students"] is None  # nobody can tell whether this is the course's team
    assert [e["extensions"]["code"] for e in body["errors"]] == ["SOURCE_UNAVAILABLE"] * 3
    assert "canary" not in answer.text
    assert seconds < 5


async def test_without_sources_stored_values_are_served(tmp_path: Path) -> None:
    async with open_live_source(Settings(home=tmp_path)) as live:
        assert live is None


@pytest.mark.parametrize(
    ("urls", "error"),
    [
        ({"mysql_url": "mysql://reader:canary@host"}, BadParameter),
        ({"mongo_url": "mongodb://reader:canary@a,b/x?directConnection=true"}, SourceRefused),
    ],
)
async def test_a_url_that_cannot_be_used_is_said_before_anything_is_served(
    tmp_path: Path, urls: dict[str, str], error: type[Exception]
) -> None:
    settings = Settings(home=tmp_path, **{name: SecretStr(url) for name, url in urls.items()})
    with pytest.raises(error) as info:
        async with open_live_source(settings):
            pytest.fail("opened")
    assert "canary" not in str(info.value)
