"""Plugins as a user installs them: built and put into a folder on the path."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from courselens.installed import Installed, look_at_installed
from courselens.settings import Settings

HERE = Path(__file__).parent


def install(target: Path, *projects: Path) -> None:
    """Build the projects and install them into a folder."""
    subprocess.run(
        [
            *(Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--offline"),
            *("--no-deps", "--no-build-isolation", "--python", sys.executable),
            *("--target", target, *projects),
        ],
        check=True,
        timeout=120,
    )


@contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """Have what is installed in a folder, and forget it afterwards."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.startswith("acme_")]:
            del sys.modules[name]


@pytest.fixture(scope="session")
def plugin_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all plugins of this folder are installed."""
    folder = tmp_path_factory.mktemp("site")
    install(folder, *(path.parent for path in sorted(HERE.glob("*/pyproject.toml"))))
    return folder


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Those of an installation with short limits."""
    return Settings(
        home=tmp_path_factory.mktemp("home"),
        import_seconds=3,
        indicator_time_limit_seconds=6,
        indicator_memory_mb=512,
    )


@pytest.fixture(scope="module")
def installed(plugin_site: Path, settings: Settings) -> Iterator[Installed]:
    """What an installation with all of them takes part with, and refuses."""
    with on_path(plugin_site):
        yield look_at_installed(settings)
