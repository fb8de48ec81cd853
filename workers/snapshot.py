"""A copy of a source's tables on disk, by course: made by one task, read by all others.

One Arrow file per dataset and course, named by what it holds, so that what has not changed keeps
its file. A manifest names the live files; it is replaced in one rename together with what the
source needs to go on from here, so a copy is the old or the new.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from courselens.sources import split_by_course, table_digest
from loaders import manifests
from loaders.datasets import DATASETS
from loaders.retired import Retired, leave_out, nobody

FORMAT = 2
UNFINISHED = ""
"""State of a copy that was committed on the way: no source is ever in it."""
_FIX = "Delete its folder; the next sync makes it again"
_WHOLE = frozenset({"course_roles"})  # rows of an org belong to several courses
_NO_COURSE = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows in a file of their own, relative to the copy."""

    file: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy holds.

    Attributes:
        format: of this document.
        run: number of the commit.
        state: that of the source when the copy was made; None: there is no copy yet.
        loaded_us: when that was.
        tables: by dataset and course; a dataset that is not by course has one piece, of course "".
        memory: what the source noted for the next time.
    """

    format: int = FORMAT
    run: int = 0
    state: str | None = None
    loaded_us: int | None = None
    tables: dict[str, dict[str, Piece]] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)


def is_by_course(dataset: str) -> bool:
    """Whether each row belongs to one course."""
    known = DATASETS.get(dataset)  # a plugin's is kept as a whole
    return known is not None and "course_key" in known.columns and dataset not in _WHOLE


class Snapshot:
    """The copy in a folder, as of its last commit when this object was made.

    Its files stay until the second copy from now begins.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = manifests.read(path, Manifest, fix=_FIX)

    def __contains__(self, dataset: object) -> bool:
        return dataset in self.manifest.tables

    @cached_property
    def course_keys(self) -> frozenset[str]:
        """Courses with a row in any dataset."""
        found = {key for pieces in self.manifest.tables.values() for key in pieces}
        return frozenset(found - {_NO_COURSE})

    def table(self, dataset: str, *, without: Collection[str] = ()) -> pa.Table:
        """All rows of a dataset, not read before they are used, but for those of some courses."""
        pieces = self.manifest.tables[dataset].items()
        tables = [read_piece(self.path, piece) for key, piece in pieces if key not in without]
        return pa.concat_tables([DATASETS[dataset].empty(), *tables])

    def rows(self, dataset: str, course_key: str) -> tuple[pa.Table, str] | None:
        """A course's rows and their digest, or all where they are not by course; None: no rows."""
        key = course_key if is_by_course(dataset) else _NO_COURSE
        piece = self.manifest.tables[dataset].get(key)
        return None if piece is None else (read_piece(self.path, piece), piece.digest)


def read_piece(path: Path, piece: Piece) -> pa.Table:
    """Rows of a piece, not read before they are used."""
    with pa.memory_map(str(path / piece.file)) as file:
        return pa.ipc.open_file(file).read_all()


class SnapshotWriter:
    """Changes a copy; nothing is visible before the next `commit`.

    Attributes:
        path: the folder.
        before: the copy as it was at first.
        memory: of the source, committed with the rows.
    """

    def __init__(
        self,
        path: Path,
        *,
        loaded_us: int | None,
        before_commit: Callable[[], None] | None = None,
        retired: Retired = nobody,
    ) -> None:
        self.path = path
        self.before = Snapshot(path).manifest
        self._retired = retired()
        self.memory: dict[str, Any] = dict(self.before.memory)
        self._loaded_us = self.before.loaded_us if loaded_us is None else loaded_us
        self._before_commit = before_commit or (lambda: None)
        self._run = self.before.run
        self._tables = {name: dict(pieces) for name, pieces in self.before.tables.items()}
        self._new: set[str] = set()

    def rows(self, dataset: str, course_key: str = _NO_COURSE) -> pa.Table:
        """A course's rows as they will be, or all where the dataset is not by course."""
        piece = self._tables.get(dataset, {}).get(course_key)
        return DATASETS[dataset].empty() if piece is None else read_piece(self.path, piece)

    def stored(self, dataset: str, course_key: str) -> pa.Table:
        """Rows of a piece that the copy has, with the columns they were written with."""
        return read_piece(self.path, self._tables[dataset][course_key])

    def count(self, dataset: str, course_key: str) -> int:
        """How many rows a course will have."""
        piece = self._tables.get(dataset, {}).get(course_key)
        return 0 if piece is None else piece.rows

    def digest(self, dataset: str, course_key: str) -> str | None:
        """Digest of the rows that a course will have; None: there are none."""
        piece = self._tables.get(dataset, {}).get(course_key)
        return None if piece is None else piece.digest

    def put(self, dataset: str, table: pa.Table, course_key: str = _NO_COURSE) -> None:
        """Put rows in the place of those of the course, or of all where it is not by course."""
        table = leave_out(table, self._retired)
        pieces = self._tables.setdefault(dataset, {})
        if is_by_course(dataset) and not table.num_rows:
            pieces.pop(course_key, None)
            return
        rows = table.combine_chunks()
        digest = table_digest(rows)
        known = pieces.get(course_key)
        if known is not None and known.digest == digest:
            return
        file = f"{dataset}/{digest}.arrow"
        if not (self.path / file).exists():  # else it is live: what is not was swept
            _write(self.path / file, rows)
            self._new.add(file)
        pieces[course_key] = Piece(file, rows.num_rows, digest)

    def replace(self, dataset: str, table: pa.Table) -> None:
        """Put rows of any courses in the place of all rows of the dataset."""
        pieces = self._tables.setdefault(dataset, {})
        found = split_by_course(table) if is_by_course(dataset) else {_NO_COURSE: table}
        for course_key in pieces.keys() - found.keys():
            del pieces[course_key]
        for course_key, rows in found.items():
            self.put(dataset, rows, course_key)

    def keep_only(self, datasets: Collection[str]) -> None:
        """Have these datasets, with or without rows, and no others."""
        self._tables = {name: self._tables.get(name, {}) for name in sorted(datasets)}

    def forget(self, course_key: str) -> None:
        """Drop the rows of a course."""
        for pieces in self._tables.values():
            pieces.pop(course_key, None)

    def commit(self, state: str | None) -> None:
        """Make it visible, with the state of the source when it was read.

        Raises:
            LeaseLost: this task has lost its claim; the copy stays as it was.
        """
        self._before_commit()
        self._run += 1
        tables = {name: dict(sorted(pieces.items())) for name, pieces in self._tables.items()}
        manifest = Manifest(FORMAT, self._run, state, self._loaded_us, tables, self.memory)
        manifests.commit(self.path, manifest, new_files=self._new & _files(manifest))
        self._new.clear()

    def sweep(self) -> None:
        """Remove at once what the last commit replaced, whoever may be about to read it."""
        _sweep(self.path, Snapshot(self.path).manifest)

    def checkpoint(self) -> None:
        """Make visible what is whole already, as a copy that is still to be finished."""
        # While there is none, logs wait for the first copy to be finished.
        self.commit(None if self.before.state is None else UNFINISHED)


@contextmanager
def writing(
    path: Path,
    *,
    loaded_us: int | None,
    before_commit: Callable[[], None] | None = None,
    retired: Retired = nobody,
    patience_seconds: float = 0.0,
) -> Iterator[SnapshotWriter]:
    """Change the copy in a folder; whoever ends without a commit leaves it as it was.

    Args:
        path: the folder; made if it is not there.
        loaded_us: when the rows were read from the source; None: when those before were.
        before_commit: called right before each commit; what it raises undoes the commit.
        retired: whose rows are left out.
        patience_seconds: how long another process is waited for.

    Raises:
        LakeError: another process writes to the folder, or its manifest is damaged.
    """
    with manifests.locked(path, patience_seconds=patience_seconds):
        writer = SnapshotWriter(
            path, loaded_us=loaded_us, before_commit=before_commit, retired=retired
        )
        _sweep(path, writer.before)
        yield writer


def _write(path: Path, rows: pa.Table) -> None:
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    with new.open("wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows)
    new.replace(path)


def _files(manifest: Manifest) -> set[str]:
    return {piece.file for pieces in manifest.tables.values() for piece in pieces.values()}


def _sweep(path: Path, manifest: Manifest) -> None:
    """Remove what no commit names: left by a run that died, or replaced by the last one."""
    live = {path / file for file in _files(manifest)}
    for file in path.glob("*/*"):
        if file not in live:
            file.unlink()
