"""Where tables come from: what a source of tables offers, and the files as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import pyarrow as pa

from courselens.settings import Settings
from loaders.files.source import open_source
from workers.source_files import Look, SourceFiles

Progress = Callable[[str, int, int], None]


class TableSync(Protocol):
    """A source whose tables are copied, as a whole or by what changed, and then read from disk."""

    @property
    def name(self) -> str:
        """Its name: the subject of its work, and its folder."""

    def state(self, look: Look) -> str | None:
        """Digest of what the source holds, cheaply: a new one makes a sync due; None: never due.

        Args:
            look: at the configured files, which is taken once for all sources.
        """

    def load(self, *, progress: Progress) -> Mapping[str, pa.Table]:
        """All rows of every dataset that the source has; blocks, called in a thread.

        Raises:
            SourceError: it cannot be read; `retryable` says whether later may help.
        """


class FileTables:
    """Exports, package tables, dumps and forum files below the configured paths."""

    name = "files"

    def __init__(self, files: SourceFiles) -> None:
        self._files = files

    def state(self, look: Look) -> str | None:
        """Digest of names, sizes and times of all files but logs."""
        return look.tables_state if self._files.paths else None

    def load(self, *, progress: Progress) -> Mapping[str, pa.Table]:
        """Every dataset but events; what is broken is left out, as `courselens inspect` shows."""
        return open_source(self._files.paths).load(progress=progress).tables


def table_syncs(settings: Settings, files: SourceFiles) -> dict[str, TableSync]:
    """The configured sources of tables by name; of two that know a course, the first counts."""
    sources: list[TableSync] = [FileTables(files)]
    return {source.name: source for source in sources}
