"""Stops the embedded PostgreSQL servers that killed processes have left below pytest's folder.

A server outlives a process that is killed, so that the next one can join it. Tests kill processes,
and there is no next one. A worker of pytest-xdist that is killed is cleaned up after by the
session that has started it, whose folder is around the worker's.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

_STOP_SECONDS = 10


@pytest.hookimpl(trylast=True)  # when fixtures and workers have ended
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave none behind."""
    stop_below(session.config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]


def stop_below(root: Path) -> list[Path]:
    """Stop every server whose data folder lies below `root`; gives these folders."""
    found: dict[psutil.Process, Path] = {}
    for process in psutil.process_iter(["name", "cmdline"]):
        folder = _data_folder(process.info["name"], process.info["cmdline"] or [])
        if folder is not None and folder.is_relative_to(root.resolve()):
            found[process] = folder
    _signal(found, signal.SIGINT)  # whoever is connected is sent away
    _, left = psutil.wait_procs(found, timeout=_STOP_SECONDS)
    _signal(left, signal.SIGQUIT)
    psutil.wait_procs(left, timeout=_STOP_SECONDS)
    return sorted(found.values())


def _data_folder(name: str | None, command: list[str]) -> Path | None:
    if name != "postgres" or "-D" not in command[:-1]:
        return None
    return Path(command[command.index("-D") + 1])


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
