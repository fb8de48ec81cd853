"""The course of all fault tests, and a database that is new for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.crew import empty
from tests.soak.scenario import make_data, reference
from tests.workers.faults.trial import Quiet, Trial


@pytest.fixture(scope="session")
async def quiet(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Quiet:
    folder = tmp_path_factory.mktemp("quiet")
    data = make_data(folder / "data", courses=1, students=8, weeks=1, seed=3)
    logs = sorted(data.logs.iterdir())
    for log in logs:
        (data.source / log.name).symlink_to(log)
    numbers = await reference(data, folder / "lake", postgres_server)
    for log in logs:
        (data.source / log.name).unlink()
    return Quiet(data, numbers)


@pytest.fixture
async def trial(quiet: Quiet, tmp_path: Path, postgres_url: str) -> Trial:
    await empty(postgres_url)
    return Trial.begin(quiet, tmp_path / "home", postgres_url)
