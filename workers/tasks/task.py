"""What every task is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aggregates.store import Store
from courselens.errors import StoreError
from courselens.settings import Settings
from indicators.registry import Registry
from loaders.events.lake import Lake
from workers.facts import KeptFacts
from workers.ledger import Ledger
from workers.source_files import SourceFiles
from workers.table_sync import TableSync, table_syncs
from workers.work import Claim

Progress = Callable[[str, int, int], None]
CHECK_SECONDS = 20.0
"""Deadline of asking the ledger before a commit on disk."""


@dataclass(frozen=True, slots=True)
class Task:
    """A claim with everything it takes to fulfil it.

    Attributes:
        claim: what is to be done.
        settings: of the installation.
        registry: its indicators.
        store: its numbers.
        ledger: to prove the claim before a commit.
        progress: told how far the task is.
    """

    claim: Claim
    settings: Settings
    registry: Registry
    store: Store
    ledger: Ledger
    progress: Progress

    @property
    def files(self) -> SourceFiles:
        """The configured files and folders."""
        return SourceFiles(self.settings.source_paths, own_logs=self.settings.tracking_path)

    @property
    def syncs(self) -> dict[str, TableSync]:
        """The configured sources of tables, by name."""
        return table_syncs(self.settings, self.files, self.registry)

    def open_facts(self) -> KeptFacts:
        """The raw facts as they are kept now."""
        return KeptFacts.open(
            self.settings.tables_path, list(self.syncs), Lake(self.settings.lake_path)
        )

    def checker(self) -> Callable[[], None]:
        """A function for other threads that raises LeaseLost if the claim is lost.

        It raises StoreError where nobody can tell.
        """
        loop = asyncio.get_running_loop()

        def check() -> None:
            asking = asyncio.run_coroutine_threadsafe(self.ledger.check(self.claim), loop)
            try:
                asking.result(CHECK_SECONDS)
            except TimeoutError:
                asking.cancel()
                raise StoreError(
                    f"PostgreSQL did not answer within {CHECK_SECONDS:g} s; try again later"
                ) from None

        return check
