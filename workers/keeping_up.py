"""All that workers do to the sources, done once by whoever asks."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from courselens.errors import SourceError
from courselens.settings import Settings
from indicators.registry import Registry
from loaders.events.ingest import ingest
from loaders.events.lake import Lake
from loaders.events.structure import Structure
from loaders.retired import RetiredList
from workers.facts import KeptFacts
from workers.own_tables import OwnTables
from workers.source_files import Look, SourceFiles
from workers.table_sync import copy_tables, table_syncs

logger = structlog.get_logger(__name__)


def keep_up(
    settings: Settings,
    registry: Registry,
    *,
    now_us: int,
    progress: Callable[[str, int, int], None],
) -> KeptFacts:
    """Copy what is new in the configured sources of tables, then ingest what is new in the logs.

    Args:
        settings: of the installation; they name the sources.
        registry: whose indicators say which datasets are needed.
        now_us: the present.
        progress: told what is being done, and how much of how much is.

    Returns:
        The facts as they are kept now.

    Raises:
        SourceError: a source cannot be read.
        LakeError: a worker is writing at this moment.
    """
    files = SourceFiles(settings.source_paths, own_logs=settings.tracking_path)
    look = files.look()
    lake = Lake(settings.lake_path)
    syncs = table_syncs(settings, files, registry)
    for name, sync in syncs.items():
        path = settings.tables_path / name
        try:
            while not copy_tables(
                sync,
                path,
                look,
                now_us=now_us,
                progress=progress,
                retired=RetiredList(settings.retired_path).ids,
            ):
                pass  # a run ends where a task would have to
        except SourceError as error:
            if not isinstance(sync, OwnTables):
                raise
            # A plugin's dataset costs what rests on it, and that only while there is no copy.
            logger.warning("dataset of a plugin not loaded", source=name, problem=str(error))
    facts = KeptFacts.open(settings.tables_path, list(syncs), lake)
    take_in_logs(settings, look, facts, progress=progress)
    return KeptFacts.open(settings.tables_path, list(syncs), lake)


def take_in_logs(
    settings: Settings,
    look: Look,
    facts: KeptFacts,
    *,
    progress: Callable[[str, int, int], None],
    before_commit: Callable[[], None] | None = None,
) -> None:
    """Bring what is new in the logs into the lake, with the tables that are kept; blocks.

    Args:
        settings: of the installation.
        look: at its files.
        facts: that say where in a course an event took place, and who a name is.
        progress: told how far it is.
        before_commit: called last; what it raises leaves the lake as it was.

    Raises:
        LakeError: another process writes to the lake.
    """
    ingest(
        sorted(look.logs),
        Lake(settings.lake_path),
        structure=Structure(
            blocks=facts.whole("blocks"),
            courses=facts.whole("courses"),
            profiles=facts.whole("profiles"),
        ),
        retired=RetiredList(settings.retired_path).ids,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        progress=progress,
        before_commit=before_commit,
    )
