"""Datasets of plugins as sources of tables: loaded by their own code, copied like all others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from pathlib import Path

from courselens.installed import open_apart
from courselens.own_data import load_own, missing_settings, settings_of
from courselens.settings import Settings
from indicators.own_datasets import OwnDataset
from indicators.registry import Registry
from workers.snapshot import Snapshot, SnapshotWriter
from workers.source_files import Look

Progress = Callable[[str, int, int], None]
FOLDER = "plugin-"
"""What the name of such a copy's folder begins with."""
_HOUR_SECONDS = 3600.0


class OwnTables:
    """One dataset of a plugin; while it cannot be loaded its last copy counts."""

    is_awaited = False

    def __init__(self, own: OwnDataset, settings: Settings, registry: Registry) -> None:
        self._own = own
        self._settings = settings
        self._registry = registry

    @property
    def name(self) -> str:
        """Its name, which no other source has."""
        return FOLDER + self._own.name

    @property
    def rest_seconds(self) -> float:
        """As old as its plugin says that a copy may get."""
        return self._own.every_hours * _HOUR_SECONDS

    def state(self, look: Look, now_us: int) -> str | None:
        """Another one each time it is due; None where it is not configured."""
        own = self._own
        if missing_settings(own, self._settings):
            return None
        every_us = int(self.rest_seconds * 1e6)
        told = sorted(settings_of(own, self._settings).items())
        facts = repr((own.version, own.provider_version, told, now_us // every_us))
        return hashlib.blake2b(facts.encode(), digest_size=16).hexdigest()

    def copy(self, writer: SnapshotWriter, now_us: int, *, progress: Progress) -> bool:
        """All its rows."""
        own = self._own
        progress(f"loading {own.name}", 0, 1)
        with open_apart(self._settings) as apart:
            table = load_own(self._registry, own, self._course_keys(), self._settings, apart)
        writer.replace(own.name, table)
        writer.keep_only([own.name])
        writer.memory["provider"] = own.provider
        progress(f"loading {own.name}", 1, 1)
        return True

    def _course_keys(self) -> list[str]:
        """Courses of the other sources, as of their last copies."""
        names = (path.name for path in self._settings.tables_path.glob("*") if path.is_dir())
        snapshots = (Snapshot(self._settings.tables_path / name) for name in sorted(names))
        return sorted({key for snapshot in snapshots for key in snapshot.course_keys})


def gone_copies(settings: Settings, registry: Registry, kept: Collection[str]) -> list[Path]:
    """Folders of copies of datasets that are no longer installed.

    Args:
        settings: of the installation.
        registry: of what is installed.
        kept: distributions that are installed but take no part now: theirs stays.
    """
    return [
        path
        for path in sorted(settings.tables_path.glob(f"{FOLDER}*"))
        if path.name.removeprefix(FOLDER) not in registry.own_datasets
        and Snapshot(path).manifest.memory.get("provider") not in kept
    ]
