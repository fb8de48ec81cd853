"""The store: one PostgreSQL database with the results of all courses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from aggregates.database import Database
from aggregates.layout import Layout
from aggregates.leftovers import Leftover, find_leftovers, remove_leftovers
from aggregates.migrator import migrate
from aggregates.notices import Notices
from aggregates.reader import Reader
from aggregates.snapshots import Snapshot, open_snapshot
from aggregates.work import Work
from indicators.registry import Registry
from indicators.result import CourseResults

if TYPE_CHECKING:
    from aggregates.writer import Guard, WriteReport


class Store:
    """Owns `database`, the pool; `reader` answers questions, `write` replaces a course.

    `notices` tells what changes, to whoever is `listening`; `work` is where work is asked for.
    What writes is imported at the first write: it takes Arrow, 50 MB, and who serves never writes.
    """

    def __init__(
        self, database: Database, layout: Layout, *, write_deadline_seconds: float
    ) -> None:
        self.database = database
        self._layout = layout
        self._write_deadline_seconds = write_deadline_seconds
        registry = layout.registry
        self._revisions = {key: registry.revision(key) for key in registry.indicators}
        self.reader = Reader(database, layout)
        self.notices = Notices(database)
        self.work = Work(database)

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        registry: Registry,
        pool_size: int = 8,
        deadline_seconds: float = 10.0,
        write_deadline_seconds: float = 600.0,
    ) -> Store:
        """Open the store; call `migrate` before the first use of a new version.

        Args:
            url: `postgresql://user:password@host/database`; needs no superuser.
            registry: whose declarations the tables follow.
            pool_size: greatest number of connections.
            deadline_seconds: for every read, and for getting a connection.
            write_deadline_seconds: for every statement of a refresh or migration.

        Raises:
            StoreError: the server does not answer in time, or refuses.
        """
        layout = Layout(registry)
        database = await Database.connect(
            url, pool_size=pool_size, deadline_seconds=deadline_seconds
        )
        return cls(database, layout, write_deadline_seconds=write_deadline_seconds)

    @property
    def registry(self) -> Registry:
        """Whose declarations the tables follow."""
        return self._layout.registry

    def snapshot(self, *, patience_seconds: float) -> AbstractAsyncContextManager[Snapshot]:
        """The store as it is now, for as long as that takes; ended after so long a silence."""
        return open_snapshot(self.database, self._layout, patience_seconds=patience_seconds)

    async def close(self) -> None:
        """Close all connections."""
        await self.database.close()

    async def migrate(self) -> list[str]:
        """Create or extend the tables; gives what was changed, a line each.

        Raises:
            StoreError: the server does not answer, refuses, or a lock is not had in time.
        """
        return await migrate(
            self.database, self._layout, deadline_seconds=self._write_deadline_seconds
        )

    async def write(
        self,
        results: CourseResults,
        *,
        input_digest: str,
        cursors: Mapping[str, object],
        guard: Guard | None = None,
    ) -> WriteReport:
        """Replace a course's rows in one transaction; the same again changes nothing.

        Args:
            results: everything that is to be stored about the course.
            input_digest: of the raw facts that the results were made from.
            cursors: how far each source was read, kept with the run.
            guard: called last in the transaction; what it raises undoes everything.

        Raises:
            ResultRefused: the results hold something that must not be stored.
            StoreError: the server does not answer in time, or refuses.
        """
        from aggregates.writer import write_course

        return await write_course(
            self.database,
            self._layout,
            results,
            input_digest=input_digest,
            cursors=cursors,
            guard=guard,
            deadline_seconds=self._write_deadline_seconds,
        )

    async def renew(
        self, results: CourseResults, *, input_digest: str, guard: Guard | None = None
    ) -> WriteReport:
        """Replace what is stored of the results' indicators, and nothing else of the course.

        Args:
            results: of some indicators, made of the facts that the stored numbers are made of.
            input_digest: of these facts; where the stored numbers have others nothing is changed.
            guard: called last in the transaction; what it raises undoes everything.

        Raises:
            ResultRefused: the results hold something that must not be stored.
            StoreError: the server does not answer in time, or refuses.
        """
        from aggregates.writer import renew_course

        return await renew_course(
            self.database,
            self._layout,
            results,
            input_digest=input_digest,
            guard=guard,
            deadline_seconds=self._write_deadline_seconds,
        )

    async def course_digests(self) -> dict[str, str]:
        """Input digests of the stored numbers of courses that need not be computed again.

        A course must be when it has none, when tables changed since, and when an indicator is new
        or has another version.
        """
        rows = await self.database.fetch(
            "SELECT c.course_key, r.input_digest, r.versions"
            " FROM courses c JOIN runs r ON r.run_id = c.run_id WHERE c.fingerprint IS NOT NULL"
        )
        return {
            row["course_key"]: row["input_digest"]
            for row in rows
            if not self._stale(row["versions"])
        }

    async def stale_indicators(self, course_key: str, input_digest: str) -> list[str] | None:
        """Indicators whose stored numbers must be computed again, though they have these facts.

        They are new, or have another version, or rest on a table that has. None: the stored
        numbers of the course have other facts, or there are none.
        """
        row = await self.database.fetch_row(
            "SELECT r.versions FROM courses c JOIN runs r ON r.run_id = c.run_id"
            " WHERE c.course_key = $1 AND c.fingerprint IS NOT NULL AND r.input_digest = $2",
            course_key,
            input_digest,
        )
        return None if row is None else self._stale(row["versions"])

    def _stale(self, versions: Mapping[str, object]) -> list[str]:
        return [key for key, wanted in self._revisions.items() if versions.get(key) != wanted]

    async def find_leftovers(self, *, kept: Collection[str]) -> list[Leftover]:
        """What is stored of indicators that are no longer installed.

        Args:
            kept: distributions and keys that are installed but take no part now: theirs stays.
        """
        return await find_leftovers(self.database, self._layout, kept=kept)

    async def remove_leftovers(self, found: Sequence[Leftover]) -> None:
        """Remove what was found.

        Raises:
            StoreError: a table is in use; what was removed before stays removed.
        """
        await remove_leftovers(self.database, found, deadline_seconds=self._write_deadline_seconds)

    async def retire(self, user_ids: Collection[int], usernames: Collection[str]) -> dict[str, int]:
        """Remove all rows of users; gives how many by table. See `aggregates/retirement.py`.

        Raises:
            StoreError: the server does not answer in time, or refuses.
        """
        from aggregates import retirement

        seconds = self._write_deadline_seconds
        rows = await retirement.take_out(
            self.database, user_ids, usernames, deadline_seconds=seconds
        )
        touched = [table for table, count in rows.items() if count]
        await retirement.vacuum(self.database, touched, deadline_seconds=seconds)
        return rows

    async def cursors(self, course_key: str) -> Mapping[str, object]:
        """How far each source was read for the course's stored numbers; empty if there are none."""
        row = await self.database.fetch_row(
            "SELECT r.cursors FROM courses c JOIN runs r ON r.run_id = c.run_id"
            " WHERE c.course_key = $1",
            course_key,
        )
        found: Mapping[str, object] = row["cursors"] if row else {}
        return found
