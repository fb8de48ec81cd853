"""What a lake holds: one JSON document, replaced in one rename, so a commit is all or nothing."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from courselens.errors import LakeError

FORMAT = 1
_NAME = "manifest.json"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How much of a log file is in the lake.

    `offset` and the digests are of the text, decompressed; `head` and `tail` are digests of its
    first and of its last bytes before `offset`, which tell a grown file from a rewritten one.
    """

    ordinal: int
    offset: int = 0
    lines: int = 0
    head: str = ""
    tail: str = ""
    size: int = -1  # of the file itself, with its time of change: unchanged files are not opened
    mtime_ns: int = -1
    ends_in_line: bool = False  # the last line consumed had no newline yet
    unfinished: bool = False  # a line without newline is left for the next run


@dataclass(frozen=True, slots=True)
class Partition:
    """The one Parquet file of a course and day; `file` is relative to the lake."""

    course_key: str
    day: str
    file: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is live in a lake; files it does not name are not part of it."""

    format: int = FORMAT
    run: int = 0
    fingerprint: str = ""  # how the engine that wrote the rows hashes; see `finish`
    sources: dict[str, Cursor] = field(default_factory=dict)
    next_ordinal: int = 0
    partitions: list[Partition] = field(default_factory=list)
    quarantine: list[str] = field(default_factory=list)
    first_day: str | None = None
    last_day: str | None = None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a lake; an empty one where there is none yet.

    Raises:
        LakeError: it is damaged, or of another version of the format.
    """
    path = folder / _NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Manifest()
    except (msgspec.MsgspecError, OSError) as error:
        raise LakeError(
            f"{path}: cannot be read ({error}). Restore it, or delete the lake and ingest again"
        ) from error
    if manifest.format != FORMAT:
        raise LakeError(
            f"{path}: format {manifest.format}, this version reads {FORMAT}. "
            "Delete the lake and ingest again"
        )
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Commit: from this rename on the lake is what `manifest` says."""
    path = folder / (_NAME + ".new")
    with path.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        file.flush()
        os.fsync(file.fileno())
    path.replace(folder / _NAME)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lake's write lock; the system lets go of it when the process dies.

    Raises:
        LakeError: another process holds it; names that process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "an unknown process"
            raise LakeError(
                f"{folder}: is being written by {holder}. Wait for it, or stop it, and run again"
            ) from error
        file.seek(0)
        file.truncate()
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {since}\n")
        file.flush()
        yield
