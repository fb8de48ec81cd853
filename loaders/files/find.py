"""Which files a source has: course exports, tables, logs and the rest, in a fixed order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from courselens.errors import SourceMalformed, SourceNotFound
from loaders.files.course_files import holds_course
from loaders.files.detect import Kind, Recognised, recognise

_EXPORT_FOLDERS = frozenset(
    {"about", "assets", "drafts", "info", "policies", "roots", "static", "tabs"}
)
_EXPORT_SUFFIXES = frozenset({".xml", ".html", ".htm"})
_EXPECTED = (
    "tracking logs, course exports (a folder with course.xml, or .tar.gz), course_structure JSON, "
    "tables of a data package (.sql), database dumps or forum files (.mongo)"
)


@dataclass(frozen=True, slots=True)
class Found:
    """Files of a source: `exports` are folders with a `course.xml`, or archives of one."""

    exports: tuple[Path, ...]
    files: tuple[Recognised, ...]


def find_files(paths: Sequence[Path]) -> Found:
    """Look through folders and files and tell what each file is.

    Hidden files are passed over, and the files of a course export belong to the export.

    Args:
        paths: folders, searched with all below them, or files.

    Returns:
        Exports and other files, in the order of `paths`, then by name; each file once.

    Raises:
        SourceNotFound: a path does not exist, or nothing in any of them is recognised.
    """
    exports: dict[Path, None] = {}
    files: dict[Path, Recognised] = {}
    for path in paths:
        if not path.exists():
            raise SourceNotFound(path, "there is no such file or folder")
        if path.is_file() and path.name == "course.xml" and _is_course_root(path):
            exports[path.parent.resolve()] = None
            continue
        for file in _walk(path, exports) if path.is_dir() else [path]:
            found = _recognise(file)
            if found.kind is Kind.ARCHIVE:
                exports[file.resolve()] = None
            else:
                files.setdefault(file.resolve(), found)
    if not exports and all(found.kind is Kind.OTHER for found in files.values()):
        raise SourceNotFound(Path(*paths[:1]), _describe_nothing(tuple(files.values())))
    return Found(tuple(exports), tuple(files.values()))


def _recognise(file: Path) -> Recognised:
    found = recognise(file)
    if found.kind is not Kind.ARCHIVE:
        return found
    try:
        if holds_course(file):
            return found
    except SourceMalformed as error:
        return Recognised(file, Kind.OTHER, reason=error.reason)
    return Recognised(file, Kind.OTHER, reason="an archive without a course export; unpack it")


def _walk(folder: Path, exports: dict[Path, None]) -> Iterator[Path]:
    root: Path | None = None
    for name, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith((".", "__MACOSX")))
        here = Path(name)
        # A run named `course` has a second course.xml inside the export.
        is_inside = root is not None and here.is_relative_to(root)
        if "course.xml" in names and not is_inside and _is_course_root(here / "course.xml"):
            root = here
            exports[here.resolve()] = None
        for file in sorted(names):
            path = here / file
            is_hidden = file.startswith(".")
            if is_hidden or not path.is_file() or (root is not None and _is_part(path, root)):
                continue
            yield path


def _is_course_root(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"<course" in file.read(1 << 16)
    except OSError:
        return False


def _is_part(path: Path, root: Path) -> bool:
    if not path.is_relative_to(root):
        return False
    inside = path.relative_to(root)
    if inside.suffix.lower() in _EXPORT_SUFFIXES or inside.name == "grading_policy.json":
        return True
    return len(inside.parts) > 1 and inside.parts[0] in _EXPORT_FOLDERS


def _describe_nothing(files: Sequence[Recognised]) -> str:
    if not files:
        return f"there are no files in it; expected {_EXPECTED}"
    names = "; ".join(f"{found.path.name}: {found.reason}" for found in files[:3])
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return f"nothing in it can be loaded ({names}{more}); expected {_EXPECTED}"
