"""Where tables come from: what a source of tables offers, and the files as one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from courselens.settings import Settings
from indicators.plan import make_plan
from indicators.registry import Registry
from loaders.files.source import open_source
from loaders.retired import Retired, nobody
from workers.own_tables import OwnTables
from workers.platform_tables import PlatformTables
from workers.snapshot import UNFINISHED, SnapshotWriter, writing
from workers.source_files import Look, SourceFiles

Progress = Callable[[str, int, int], None]


class TableSync(Protocol):
    """A source whose tables are copied, as a whole or by what changed, and then read from disk."""

    @property
    def name(self) -> str:
        """Its name: the subject of its work, and its folder."""

    @property
    def rest_seconds(self) -> float:
        """Least age of a copy before the source is looked at again."""

    @property
    def is_awaited(self) -> bool:
        """Whether logs wait for its first copy as long as it takes.

        As for a server: it comes back, and events that were read without it would never know
        where in a course they took place.
        """

    def state(self, look: Look, now_us: int) -> str | None:
        """Digest of what the source holds, cheaply: a new one makes a sync due; None: never due.

        Args:
            look: at the configured files, which is taken once for all sources.
            now_us: the present.

        Raises:
            SourceError: it cannot be looked at; `retryable` says whether later may help.
        """

    def copy(self, writer: SnapshotWriter, now_us: int, *, progress: Progress) -> bool:
        """Bring the copy up to date but for the last commit; blocks, called in a thread.

        Args:
            writer: of the copy; where it stands tells what is new in the source.
            now_us: the present.
            progress: told what is being read, and how much of how much is done.

        Returns:
            Whether it is all there; if not, time was up and the next run goes on.

        Raises:
            SourceError: it cannot be read; `retryable` says whether later may help.
        """


class FileTables:
    """Exports, package tables, dumps and forum files below the configured paths."""

    name = "files"
    rest_seconds = 0.0
    is_awaited = False

    def __init__(self, files: SourceFiles) -> None:
        self._files = files

    def state(self, look: Look, now_us: int) -> str | None:
        """Digest of names, sizes and times of all files but logs."""
        return look.tables_state if self._files.paths else None

    def copy(self, writer: SnapshotWriter, now_us: int, *, progress: Progress) -> bool:
        """Every dataset but events; what is broken is left out, as `courselens inspect` shows."""
        tables = open_source(self._files.paths).load(progress=progress).tables
        for dataset, table in tables.items():
            writer.replace(dataset, table)
        writer.keep_only(tables)
        return True


def table_syncs(settings: Settings, files: SourceFiles, registry: Registry) -> dict[str, TableSync]:
    """The configured sources of tables by name; of two that know a course, the first counts."""
    sources: list[TableSync] = []
    if settings.mysql_url or settings.mongo_url:
        sources.append(PlatformTables(settings, _needed(registry)))
    if settings.source_paths:
        sources.append(FileTables(files))
    sources += (OwnTables(own, settings, registry) for own in registry.own_datasets.values())
    return {source.name: source for source in sources}


def _needed(registry: Registry) -> Collection[str]:
    plan = make_plan(registry, list(registry.indicators), full_roster=True)
    # Logs are read with blocks, courses and profiles; a course is known by its enrolments, too;
    # and how long a video is, its block alone does not say.
    always = {"blocks", "courses", "profiles", "enrollments", "course_videos"}
    return {*plan.datasets, *always} - {"events", *registry.own_datasets}


def copy_tables(
    sync: TableSync,
    path: Path,
    look: Look,
    *,
    now_us: int,
    progress: Progress,
    before_commit: Callable[[], None] | None = None,
    retired: Retired = nobody,
) -> bool:
    """Bring the copy of a source's tables up to date; blocks.

    Args:
        sync: the source.
        path: folder of the copy.
        look: at the configured files.
        now_us: the present.
        progress: told how far it is.
        before_commit: called right before each commit; what it raises leaves the copy as it was.
        retired: whose rows are left out.

    Returns:
        Whether it is all there; if not, time was up and the next run goes on.

    Raises:
        SourceError: the source cannot be read.
        LakeError: another process writes to the copy.
    """
    # Before reading: what changes meanwhile is found to be new at the next look.
    state = sync.state(look, now_us)
    with writing(path, loaded_us=now_us, before_commit=before_commit, retired=retired) as writer:
        is_whole = sync.copy(writer, now_us, progress=progress)
        progress("committing tables", 0, 1)
        if is_whole:
            writer.commit(state or UNFINISHED)
        else:
            writer.checkpoint()
    progress("committing tables", 1, 1)
    return is_whole
