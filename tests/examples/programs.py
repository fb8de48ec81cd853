"""Node.js, npm and Chromium as the examples' tests use them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.programs import required

_INSTALL_SECONDS = 300
_RUN_SECONDS = 120
_OLDEST_NODE = (20, 19)


def run(
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    seconds: float = _RUN_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """A program's end and what it printed."""
    return subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def find_npm() -> str | None:
    """npm, if it and a Node.js that is new enough are there."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return None
    version = run([node, "--version"], Path.cwd()).stdout.strip().removeprefix("v")
    return npm if tuple(map(int, version.split(".")[:2])) >= _OLDEST_NODE else None


def find_chromium() -> str | None:
    """A browser that runs without a screen."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def install_packages(npm: str, project: Path, cache: Path) -> Path:
    """The project's `node_modules`, as its lock file has them; made once for a lock file."""
    lock = (project / "package-lock.json").read_bytes()
    folder = cache / hashlib.sha256(lock).hexdigest()[:16]
    if not folder.exists():
        making = folder.with_suffix(f".{os.getpid()}")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(project / name, making)
        done = run([npm, "ci", "--no-audit", "--no-fund"], making, seconds=_INSTALL_SECONDS)
        required(done.returncode == 0 or None, f"npm ci: {done.stderr.strip()[-500:]}")
        try:
            making.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(making)
    return folder / "node_modules"


def browse(chromium: str, url: str, profile: Path) -> str:
    """The page at an address after its scripts have run, as HTML."""
    shown = run(
        [
            chromium,
            "--headless=new",
            "--no-sandbox",  # tests run as root in containers
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={profile}",
            "--virtual-time-budget=20000",
            "--dump-dom",
            url,
        ],
        profile,
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def chromium_or_skip() -> str:
    """The browser; unlike other programs CI may lack it too."""
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium is installed")
    return found
