"""What pytest gets from the kit: fixtures, and `--update-goldens`.

Every pytest run of an environment with courselens imports this module, so it imports nothing else
of courselens before a fixture is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from courselens.testing import BuiltCourse, Golden

_UPDATE = "--update-goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, unless another plugin has it: one switch for all golden files."""
    try:
        parser.getgroup("courselens").addoption(
            _UPDATE, action="store_true", default=False, help="write golden files anew"
        )
    except ValueError as exc:
        if _UPDATE not in str(exc):
            raise


@pytest.fixture
def golden_rows(request: pytest.FixtureRequest) -> Golden:
    """Compare rows with the test's golden file, `goldens/<module>.<test>.json` beside it."""
    from courselens.testing import Golden

    name = re.sub(r"[^\w.-]+", "_", f"{request.path.stem}.{request.node.name}")
    return Golden(
        request.path.parent / "goldens" / f"{name}.json",
        update=bool(request.config.getoption(_UPDATE)),
    )


@pytest.fixture(scope="session")
def simulated_course(tmp_path_factory: pytest.TempPathFactory) -> BuiltCourse:
    """A simulated course of 40 students and two weeks, the same in every run."""
    from courselens.testing import simulate_course

    return simulate_course(tmp_path_factory.mktemp("simulated-course"))


@pytest.fixture(scope="session")
def courselens_database_url() -> Iterator[str]:
    """URL of a PostgreSQL for `check_indicator(..., database_url=...)`, started once a session."""
    import os
    import tempfile

    from aggregates.embedded import EmbeddedPostgres

    url = os.environ.get("COURSELENS_TEST_DATABASE_URL")
    if url:
        yield url
        return
    with (
        # Not pytest's folder: the server's user must be able to enter it.
        tempfile.TemporaryDirectory(prefix="courselens-") as folder,
        EmbeddedPostgres(Path(folder) / "pg") as server,
    ):
        yield server.url
