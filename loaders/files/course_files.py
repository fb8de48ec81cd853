"""The files of one course export, in a folder or an archive, read by their path inside it."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Protocol

from courselens.errors import SourceMalformed

MAX_FILE_BYTES = 64 * 2**20
MAX_KEPT_BYTES = 2**30
MAX_ARCHIVE_BYTES = 16 * 2**30
MAX_MEMBERS = 500_000
_KEPT_SUFFIXES = frozenset({".xml", ".json"})


class CourseFiles(Protocol):
    """Files of an export by path relative to the folder that holds `course.xml`."""

    def get(self, path: str, /) -> bytes | None:
        """Content of a file; None where there is none."""


class FolderFiles:
    """Files of an export in a folder; nothing outside the folder is read."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def get(self, path: str, /) -> bytes | None:
        """Content of a file; None where there is none, or where it is too large to be a block."""
        try:
            found = (self._root / path).resolve()
            if not found.is_relative_to(self._root) or not found.is_file():
                return None
            return found.read_bytes() if found.stat().st_size <= MAX_FILE_BYTES else None
        except (OSError, ValueError):
            return None


def read_archive(path: Path) -> dict[str, bytes] | None:
    """Read the XML and JSON files of a course export from a tar archive, writing nothing.

    Only regular files with names inside the archive are taken: no links, no devices.

    Args:
        path: a `.tar`, `.tar.gz` or `.tgz` file.

    Returns:
        Contents by path relative to the folder of `course.xml`; None where there is no such file.

    Raises:
        SourceMalformed: not a tar archive, cut short, or beyond the size limits.
    """
    kept: dict[PurePosixPath, bytes] = {}
    total = kept_bytes = 0
    try:
        with tarfile.open(path, mode="r|*") as archive:
            for count, member in enumerate(archive):
                total += member.size
                if count >= MAX_MEMBERS or total > MAX_ARCHIVE_BYTES:
                    raise SourceMalformed(path, "the archive is too large to be a course export")
                name = _safe_name(member)
                if name is None or name.suffix not in _KEPT_SUFFIXES:
                    continue
                kept_bytes += member.size
                if member.size > MAX_FILE_BYTES or kept_bytes > MAX_KEPT_BYTES:
                    raise SourceMalformed(path, f"{member.name} is too large for a course export")
                content = archive.extractfile(member)
                if content is not None:
                    kept[name] = content.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise SourceMalformed(path, f"not a readable tar archive ({error})") from error
    roots = [name.parent for name in kept if name.name == "course.xml"]
    if not roots:
        return None
    root = min(roots, key=lambda folder: len(folder.parts))
    return {
        name.relative_to(root).as_posix(): content
        for name, content in kept.items()
        if name.is_relative_to(root)
    }


def holds_course(path: Path) -> bool:
    """Whether an archive has a `course.xml`; reads no further than that file.

    Raises:
        SourceMalformed: not a readable tar archive.
    """
    try:
        with tarfile.open(path, mode="r|*") as archive:
            return any(PurePosixPath(member.name).name == "course.xml" for member in archive)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise SourceMalformed(path, f"not a readable tar archive ({error})") from error


def _safe_name(member: tarfile.TarInfo) -> PurePosixPath | None:
    """Where a plain file lies; None for links, devices and what points out of the archive."""
    name = PurePosixPath(member.name)
    if not member.isreg() or name.is_absolute() or ".." in name.parts:
        return None
    return name
