"""A copy of a source's tables on disk, by course: made by one task, read by all others.

One Arrow file per dataset, its rows grouped by course; a manifest names the live files and says
where in them each course is. It is replaced in one rename, so a copy is the old or the new.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pyarrow as pa

from courselens.errors import LakeError
from courselens.sources import split_by_course, table_digest
from loaders.datasets import DATASETS
from loaders.events.manifest import locked

FORMAT = 1
_MANIFEST = "manifest.json"
_WHOLE = frozenset({"course_roles"})  # rows of an org belong to several courses


@dataclass(frozen=True, slots=True)
class Span:
    """Rows of one course in a dataset's file."""

    start: int
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Part:
    """One dataset: its file, and the rows of each course; None where it is not by course."""

    file: str
    digest: str
    courses: dict[str, Span] | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy holds; `state` is that of the source when it was made."""

    format: int = FORMAT
    run: int = 0
    state: str | None = None
    loaded_us: int | None = None
    parts: dict[str, Part] = field(default_factory=dict)


class Snapshot:
    """The copy in a folder, as of its last commit when this object was made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = _read(path / _MANIFEST)

    def __contains__(self, dataset: object) -> bool:
        return dataset in self.manifest.parts

    @property
    def course_keys(self) -> set[str]:
        """Courses with a row in any dataset."""
        parts = self.manifest.parts.values()
        return {key for part in parts for key in part.courses or ()}

    def table(self, dataset: str) -> pa.Table:
        """All rows of a dataset, not read before they are used."""
        part = self.manifest.parts[dataset]
        with pa.memory_map(str(self.path / part.file)) as file:
            return pa.ipc.open_file(file).read_all()

    def rows(self, dataset: str, course_key: str) -> tuple[pa.Table, str] | None:
        """A course's rows and their digest, or all where they are not by course; None: no rows."""
        part = self.manifest.parts[dataset]
        if part.courses is None:
            return self.table(dataset), part.digest
        span = part.courses.get(course_key)
        if span is None:
            return None
        return self.table(dataset).slice(span.start, span.rows), span.digest


def write_snapshot(
    path: Path,
    tables: Mapping[str, pa.Table],
    *,
    state: str,
    loaded_us: int,
    before_commit: Callable[[], None],
) -> None:
    """Replace the copy in a folder; nothing is visible before the end.

    Args:
        path: the folder; made if it is not there.
        tables: by dataset.
        state: of the source, as it was before the tables were loaded.
        loaded_us: when they were loaded.
        before_commit: called last; what it raises leaves the old copy in place.

    Raises:
        LakeError: another process writes to the folder, or its manifest is damaged.
    """
    with locked(path):
        old = _read(path / _MANIFEST)
        _sweep(path, old)
        run = old.run + 1
        parts = {}
        for name, table in sorted(tables.items()):
            rows, courses = _by_course(name, table)
            digest = table_digest(rows)
            known = old.parts.get(name)
            if known is not None and known.digest == digest:
                parts[name] = Part(known.file, digest, courses)
                continue
            file = f"{name}-{run}.arrow"
            _write_table(path / file, rows)
            parts[name] = Part(file, digest, courses)
        before_commit()
        _commit(path, Manifest(FORMAT, run, state, loaded_us, parts))


def _by_course(name: str, table: pa.Table) -> tuple[pa.Table, dict[str, Span] | None]:
    if "course_key" not in DATASETS[name].columns or name in _WHOLE:
        return table.combine_chunks(), None
    spans: dict[str, Span] = {}
    slices = []
    start = 0
    for key, rows in sorted(split_by_course(table).items()):
        spans[key] = Span(start, rows.num_rows, table_digest(rows))
        slices.append(rows)
        start += rows.num_rows
    return pa.concat_tables([table.schema.empty_table(), *slices]).combine_chunks(), spans


def _write_table(path: Path, rows: pa.Table) -> None:
    with path.open("wb") as file:
        with pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows)
        file.flush()
        os.fsync(file.fileno())


def _commit(path: Path, manifest: Manifest) -> None:
    new = path / f"{_MANIFEST}.new"
    with new.open("wb") as file:
        file.write(msgspec.json.encode(manifest))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path / _MANIFEST)
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sweep(path: Path, manifest: Manifest) -> None:
    """Remove what no commit names: left by a run that died, or replaced by the last one."""
    live = {part.file for part in manifest.parts.values()}
    for file in path.glob("*.arrow"):
        if file.name not in live:
            file.unlink()


def _read(path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Manifest()
    except (msgspec.MsgspecError, OSError) as error:
        raise LakeError(
            f"{path}: cannot be read ({error}). Delete its folder; the next sync makes it again"
        ) from error
    if manifest.format != FORMAT:
        raise LakeError(
            f"{path}: format {manifest.format}, this version reads {FORMAT}. "
            "Delete its folder; the next sync makes it again"
        )
    return manifest
