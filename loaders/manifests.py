"""Folders of data files with a manifest: replaced in one rename, so a commit is all or nothing."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from courselens.errors import LakeError

NAME = "manifest.json"
_LOCK = "lock"
_SYNCS = 8
_AGAIN_SECONDS = 0.05


class Versioned(Protocol):
    """A manifest says which version of the format it is written in; by default the latest."""

    @property
    def format(self) -> int:
        """The version."""


_Manifest = TypeVar("_Manifest", bound=Versioned)


def read(folder: Path, kind: type[_Manifest], *, fix: str) -> _Manifest:
    """The manifest of a folder; one with all its defaults where there is none yet.

    Args:
        folder: what it describes.
        kind: its class.
        fix: what to do about a manifest that cannot be used.

    Raises:
        LakeError: it is damaged, or of another version of the format.
    """
    path = folder / NAME
    latest = kind()
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return latest
    except (msgspec.MsgspecError, OSError) as error:
        raise LakeError(f"{path}: cannot be read ({error}). {fix}") from error
    if manifest.format != latest.format:
        raise LakeError(
            f"{path}: format {manifest.format}, this version reads {latest.format}. {fix}"
        )
    return manifest


def commit(folder: Path, manifest: Versioned, *, new_files: Collection[str]) -> None:
    """From the rename on the folder is what the manifest says, even after a power cut.

    Args:
        folder: what it describes.
        manifest: all of it.
        new_files: relative to the folder, those that no manifest has named before.
    """
    _make_durable(folder, new_files)
    path = folder / (NAME + ".new")
    with path.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        file.flush()
        os.fsync(file.fileno())
    path.replace(folder / NAME)
    _sync(folder)


def _make_durable(folder: Path, files: Collection[str]) -> None:
    """Have files on disk together with every folder between them and the manifest."""
    paths = {folder / file for file in files}
    folders = {parent for file in files for parent in Path(file).parents}
    # Side by side, so that one write of the journal serves many.
    with ThreadPoolExecutor(_SYNCS) as pool:
        for each in (paths, {folder / parent for parent in folders}):
            list(pool.map(_sync, sorted(each)))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(folder: Path, *, patience_seconds: float = 0.0) -> Iterator[None]:
    """Hold the folder's write lock; the system lets go of it when the process dies.

    Raises:
        LakeError: another process holds it for longer than `patience_seconds`; names that process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + patience_seconds
    with (folder / _LOCK).open("a+") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    file.seek(0)
                    holder = file.read().strip() or "an unknown process"
                    raise LakeError(
                        f"{folder}: is being written by {holder}. "
                        "Wait for it, or stop it, and run again"
                    ) from error
            time.sleep(_AGAIN_SECONDS)
        file.seek(0)
        file.truncate()
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {since}\n")
        file.flush()
        yield
