"""A source of files: what is in it, and its datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from loaders.files.detect import Kind, Recognised
from loaders.files.find import find_files
from loaders.files.load import Loading
from loaders.files.report import DatasetReport as DatasetReport
from loaders.files.report import make_reports
from loaders.problem import Problem as Problem

Progress = Callable[[str, int, int], None]
"""Told what is being read, and how many bytes of how many are done."""


@dataclass(frozen=True, slots=True)
class LoadedDatasets:
    """The datasets of a source.

    `tables` has a table of exactly the dataset's schema for each dataset that the source has; a
    dataset that is absent is not in the source, which is not the same as one without rows.
    """

    tables: dict[str, pa.Table]
    problems: tuple[Problem, ...]
    reports: tuple[DatasetReport, ...]


@dataclass(frozen=True, slots=True)
class FileSource:
    """Files and folders with what was recognised in them."""

    paths: tuple[Path, ...]
    log_files: tuple[Path, ...]
    other_files: tuple[Path, ...]
    exports: tuple[Path, ...]
    files: tuple[Recognised, ...]

    def load(self, *, progress: Progress | None = None) -> LoadedDatasets:
        """Read every dataset but the events, which `loaders.events` takes from `log_files`.

        What cannot be read is a problem and the rest is loaded. Of rows with the same key the
        one read last is kept; of two descriptions of a course, the export.

        Args:
            progress: told what is being read, and how many bytes of how many are done.
        """
        loading = Loading(self.exports, self.files, progress)
        tables = loading.run()
        return LoadedDatasets(
            tables=tables,
            problems=tuple(loading.problems),
            reports=make_reports(tables, loading.tallies),
        )


def open_source(paths: Sequence[Path]) -> FileSource:
    """Find out what files hold, reading no more than their beginnings.

    Args:
        paths: folders, searched with all below them, single files or archives.

    Returns:
        The source, not yet loaded; logs and other files sorted by path.

    Raises:
        SourceNotFound: a path does not exist, or nothing in any of them is recognised.
    """
    found = find_files(paths)
    return FileSource(
        paths=tuple(paths),
        log_files=_paths_of(found.files, Kind.LOG),
        other_files=_paths_of(found.files, Kind.OTHER),
        exports=found.exports,
        files=found.files,
    )


def _paths_of(files: Sequence[Recognised], kind: Kind) -> tuple[Path, ...]:
    return tuple(sorted(found.path for found in files if found.kind is kind))
