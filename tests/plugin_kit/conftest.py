"""One environment with courselens for all tests of the kit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin_kit.environment import ROOT, Environment, build_wheel


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A fresh environment with courselens and nothing else of ours."""
    folder: Path = tmp_path_factory.mktemp("environment")
    with tempfile.TemporaryDirectory(prefix="kit-") as scratch:
        made = Environment(folder / "venv", Path(scratch))
        made.pip("install", build_wheel(ROOT, folder))
        yield made
