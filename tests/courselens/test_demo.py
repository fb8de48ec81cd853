from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from aggregates.store import Store
from aggregates.work import Ask, Kind, Priority, State
from courselens.demo.running import demo_settings, working
from courselens.settings import Settings
from indicators.registry import load_registry

SECONDS = 60.0


def test_demo_looks_at_nothing_but_its_own_course(tmp_path: Path) -> None:
    given = Settings(mysql_url=SecretStr("mysql://reader:secret-word@mysql.example/openedx"))
    settings = demo_settings(given, tmp_path)
    assert settings.mysql_url is settings.mongo_url is None
    assert settings.source_paths == (tmp_path / "source",)
    assert settings.home == tmp_path / "home"


@pytest.mark.slow
async def test_work_that_is_asked_for_in_the_demo_is_done(
    tmp_path: Path, postgres_url: str
) -> None:
    (tmp_path / "source").mkdir()
    settings = Settings(database_url=SecretStr(postgres_url))
    async with working(demo_settings(settings, tmp_path)):
        store = await Store.connect(postgres_url, registry=load_registry())
        ask = Ask(Kind.REFRESH_COURSE, "course-v1:not+there+1", Priority.PERSON)
        assert (await store.work.ask(ask, asked_by="test")).state is State.DUE
        async with asyncio.timeout(SECONDS):
            while not (
                rows := await store.database.fetch(
                    "SELECT error_code FROM work WHERE state = 'failed'"
                )
            ):
                await asyncio.sleep(0.05)
        await store.close()
    assert rows[0]["error_code"] == "UNKNOWN_COURSE"
