"""What a lake holds: one JSON document, replaced in one rename, so a commit is all or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from loaders import manifests

FORMAT = 1
_FIX = "Restore it, or delete the lake and ingest again"


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
    return manifests.read(folder, Manifest, fix=_FIX)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Commit: from this rename on the lake is what `manifest` says, even after a power cut."""
    new_files = _files(manifest) - _files(read_manifest(folder))
    manifests.commit(folder, manifest, new_files=new_files)


def _files(manifest: Manifest) -> set[str]:
    return {partition.file for partition in manifest.partitions} | set(manifest.quarantine)
