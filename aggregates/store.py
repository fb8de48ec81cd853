"""The store: one PostgreSQL database with the results of all courses."""

from __future__ import annotations

from collections.abc import Mapping

from aggregates.database import Database
from aggregates.layout import Layout
from aggregates.migrator import migrate
from aggregates.reader import Reader
from aggregates.writer import Guard, WriteReport, write_course
from indicators.contract import Cost
from indicators.registry import Registry
from indicators.result import CourseResults


class Store:
    """Owns `database`, the pool; `reader` answers questions, `write` replaces a course."""

    def __init__(
        self, database: Database, layout: Layout, *, write_deadline_seconds: float
    ) -> None:
        self.database = database
        self._layout = layout
        self._write_deadline_seconds = write_deadline_seconds
        self.reader = Reader(database, layout)

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
        return await write_course(
            self.database,
            self._layout,
            results,
            input_digest=input_digest,
            cursors=cursors,
            guard=guard,
            deadline_seconds=self._write_deadline_seconds,
        )

    async def course_digest(self, course_key: str) -> str | None:
        """Input digest of the course's stored numbers; None if they must be computed again.

        That is so when there are none, when tables changed since, and when a precomputed indicator
        is new or has another version.
        """
        return (await self._digests(course_key)).get(course_key)

    async def course_digests(self) -> dict[str, str]:
        """The same of every course whose numbers need not be computed again."""
        return await self._digests(None)

    async def _digests(self, course_key: str | None) -> dict[str, str]:
        rows = await self.database.fetch(
            "SELECT c.course_key, r.input_digest, r.versions"
            " FROM courses c JOIN runs r ON r.run_id = c.run_id"
            " WHERE c.fingerprint IS NOT NULL AND ($1::text IS NULL OR c.course_key = $1)",
            course_key,
        )
        wanted = {
            key: one.version
            for key, one in self._layout.registry.indicators.items()
            if one.cost is Cost.PRECOMPUTED
        }
        return {
            row["course_key"]: row["input_digest"]
            for row in rows
            if all(row["versions"].get(key) == version for key, version in wanted.items())
        }

    async def cursors(self, course_key: str) -> Mapping[str, object]:
        """How far each source was read for the course's stored numbers; empty if there are none."""
        row = await self.database.fetch_row(
            "SELECT r.cursors FROM courses c JOIN runs r ON r.run_id = c.run_id"
            " WHERE c.course_key = $1",
            course_key,
        )
        found: Mapping[str, object] = row["cursors"] if row else {}
        return found
