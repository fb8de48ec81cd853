"""Folders for what tasks write while they run; those of workers that died are removed."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def own_scratch(path: Path, worker: str) -> Iterator[Path]:
    """A folder of this worker's own below `path`, removed at the end.

    Its lock dies with the process: a folder whose lock can be had belongs to nobody.
    """
    path.mkdir(parents=True, exist_ok=True)
    for other in path.iterdir():
        _remove_if_dead(other)
    own = path / worker
    own.mkdir()
    with (own / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)


def _remove_if_dead(folder: Path) -> None:
    try:
        with (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # it lives, is just being made, or is gone
