"""Datasets from MySQL: a whole course, some learners of it, or what has changed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from courselens.errors import MissingSource
from loaders.course_rows import find_org
from loaders.datasets import DATASETS
from loaders.mysql import changes
from loaders.mysql.capabilities import Capabilities, probe
from loaders.mysql.changes import Batch
from loaders.mysql.connection import Bounds, Deadline, MySQL, Row
from loaders.mysql.fingerprint import Fingerprint, counts_only, render_fingerprint
from loaders.mysql.reading import Reading, specs_of
from loaders.mysql.reads import KEYS_PER_LIST, Path, Read, Statement, render
from loaders.mysql.tracking import NEWEST_SQL, LoggedEvents, read_tracking_log
from loaders.mysql.typist import Typist
from loaders.mysql.versions import TABLE as VERSIONS
from loaders.mysql.versions import read_published_versions
from loaders.tables.specs import TableSpec

PAGE_ROWS = 10_000


class MySQLSource:
    """The facts that an installation keeps in MySQL.

    Usable before the server is: what it can give is looked up at the first question.
    """

    def __init__(
        self, main: MySQL, history: MySQL | None = None, *, page_rows: int = PAGE_ROWS
    ) -> None:
        self.databases = {"main": main} | ({"history": history} if history is not None else {})
        self.page_rows = page_rows
        self._typist = Typist()
        self._capabilities: Capabilities | None = None

    @classmethod
    def at(
        cls, url: str, history_url: str | None = None, *, bounds: Bounds | None = None
    ) -> MySQLSource:
        """A source by the URLs of its databases."""
        history = MySQL(history_url, source="mysql history", bounds=bounds) if history_url else None
        return cls(MySQL(url, bounds=bounds), history)

    async def __aenter__(self) -> MySQLSource:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for database in self.databases.values():
            database.close()

    @property
    def statements(self) -> int:
        """How many statements were sent."""
        return sum(database.statements for database in self.databases.values())

    async def capabilities(
        self, *, is_fresh: bool = False, deadline: Deadline | None = None
    ) -> Capabilities:
        """What the installation has, looked up once or, if `is_fresh`, again."""
        if self._capabilities is None or is_fresh:
            self._capabilities = await probe(
                self.databases["main"], self.databases.get("history"), deadline=deadline
            )
        return self._capabilities

    async def course_keys(self) -> list[str]:
        """Keys of all course runs that have an overview, sorted."""
        table = await self.fetch_everything("courses")
        return sorted(table.column("course_key").to_pylist())

    async def fetch_everything(self, dataset: str) -> pa.Table:
        """A dataset of all courses; only for tables that have one row a course.

        Raises:
            MissingSource: the installation cannot give it.
            SourceUnavailable: no answer in time.
        """
        reads = await self._reads(dataset)
        paths = [(read, read.everything) for read in reads if read.everything is not None]
        return await self._collect(dataset, paths, {}, is_paged=True)

    async def fetch_course(
        self, dataset: str, course_key: str, *, deadline_seconds: float | None = None
    ) -> pa.Table:
        """A dataset of one course, read in pages.

        Args:
            dataset: its name.
            course_key: the course; compared as the platform does, not as MySQL does.
            deadline_seconds: for all of it; that of the bounds for each statement if not given.

        Returns:
            A table of exactly the dataset's schema.

        Raises:
            MissingSource: the installation cannot give it.
            SourceUnavailable: no answer in time.
        """
        deadline = None if deadline_seconds is None else Deadline(deadline_seconds)
        reads = await self._reads(dataset, deadline)
        paths = [(read, read.by_course[0]) for read in reads if read.by_course]
        found = await self._collect(
            dataset, paths, {"course_key": course_key}, is_paged=True, deadline=deadline
        )
        return _keep_course(found, course_key)

    async def fetch_for_users(
        self,
        dataset: str,
        course_key: str,
        user_ids: Sequence[int],
        *,
        deadline_seconds: float | None = None,
    ) -> pa.Table:
        """A dataset of some learners of a course: one statement per table for up to 500 of them.

        Args:
            dataset: its name.
            course_key: the course.
            user_ids: the learners.
            deadline_seconds: for all of it; that of the bounds for each statement if not given.

        Returns:
            A table of exactly the dataset's schema.

        Raises:
            MissingSource: the installation cannot give it.
            SourceUnavailable: no answer in time.
        """
        deadline = None if deadline_seconds is None else Deadline(deadline_seconds)
        reads = await self._reads(dataset, deadline)
        paths = [(read, read.by_users[0]) for read in reads if read.by_users]
        found = [DATASETS[dataset].empty()]
        ids = sorted(set(user_ids))
        for begin in range(0, len(ids), KEYS_PER_LIST):
            parameters = {
                "course_key": course_key,
                "user_ids": ids[begin : begin + KEYS_PER_LIST],
            }
            found.append(
                await self._collect(
                    dataset,
                    paths,
                    parameters,
                    is_paged=False,
                    deadline=deadline,
                )
            )
        return _keep_course(pa.concat_tables(found), course_key)

    async def fingerprint(self, dataset: str, course_key: str) -> Fingerprint | None:
        """What differs when rows of a course came or went, or changed unseen by a cursor.

        One statement per table, of which one row comes back.

        Returns:
            The fingerprint; None where only reading the course can tell.

        Raises:
            MissingSource: the installation cannot give the dataset.
            SourceUnavailable: no answer in time.
        """
        parts: list[list[str]] = []
        reads = [read for read in await self._reads(dataset) if read.by_course]
        for read in reads:
            schema = (await self.capabilities()).schemas[read.database]
            sql = render_fingerprint(read, read.by_course[0], schema)
            if sql is None:
                return None
            (row,) = await self.databases[read.database].fetch(sql, {"course_key": course_key})
            parts.append([(value or b"").decode() for value in row])
        if not parts:
            return None
        return Fingerprint(
            sum(int(part[0]) for part in parts),
            None if all(map(counts_only, reads)) else json.dumps(parts),
        )

    async def newest(self, dataset: str) -> dict[str, tuple[str, ...]]:
        """Ends of the indexes by which a cursor goes on, by table: others when rows have come.

        One short statement per index, however big the tables.

        Raises:
            MissingSource: the installation has no cursor for it.
            SourceUnavailable: no answer in time.
        """
        schemas = (await self.capabilities()).schemas
        return {
            read.name: await changes.find_newest(
                read, schemas[read.database], self.databases[read.database]
            )
            for read in await self._changing(dataset)
        }

    async def present(self, dataset: str) -> dict[str, object]:
        """A cursor for `changes_since` that is past everything there is now.

        Raises:
            MissingSource: the installation has no cursor for it.
            SourceUnavailable: no answer in time.
        """
        schemas = (await self.capabilities()).schemas
        return {
            read.name: await changes.find_present(
                read, schemas[read.database], self.databases[read.database]
            )
            for read in await self._changing(dataset)
        }

    def tracking_log(self, *, after_id: int = 0) -> AsyncIterator[LoggedEvents]:
        """Pages of the events that an old site logged into a table, after a row.

        Raises:
            SourceUnavailable: no answer in time.
            SourceRefused: there is no such table; see `Capabilities.has_table`.
        """
        return read_tracking_log(self.databases["main"], after_id=after_id)

    async def newest_tracking_id(self) -> int:
        """Id of the last row of that table, 0 where it has none.

        Raises:
            SourceUnavailable: no answer in time.
            SourceRefused: there is no such table.
        """
        ((last,),) = await self.databases["main"].fetch(NEWEST_SQL)
        return int(last or 0)

    async def published_versions(self) -> dict[str, str]:
        """Id of the published structure by course key; empty where the site keeps none here.

        Raises:
            SourceUnavailable: no answer in time.
        """
        if not (await self.capabilities()).has_table(VERSIONS):
            return {}
        return await read_published_versions(self.databases["main"])

    async def changes_since(
        self, dataset: str, cursor: object | None = None
    ) -> AsyncIterator[Batch]:
        """Rows that were made or changed since a cursor, of all courses, in batches.

        Store the cursor of a batch in the transaction that stores its rows. A row may come again,
        so rows replace those of the same key. What cannot be found this way, rows that are gone
        and for some datasets rows that changed, `fingerprint` tells per course.

        Args:
            dataset: its name.
            cursor: that of the last batch; None for everything.

        Raises:
            MissingSource: the installation has no cursor for it.
            SourceUnavailable: no answer in time.
        """
        reads = await self._changing(dataset)
        capabilities = await self.capabilities()
        state = dict(cursor) if isinstance(cursor, dict) else {}
        for read in reads:
            pages = changes.read_changes(
                read,
                capabilities.schemas[read.database],
                self.databases[read.database],
                state.get(read.name),
                self.page_rows,
            )
            async for page in pages:
                table = DATASETS[dataset].empty()
                if page.rows:
                    typed = await self._typist.type_rows(page.rows, page.statement, read)
                    table = await self._typist.build(read.query, typed, specs_of(read))
                state[read.name] = page.cursor
                yield Batch(table, dict(state))

    async def _changing(self, dataset: str) -> list[Read]:
        reads = [read for read in await self._reads(dataset) if read.changes is not None]
        if not reads:
            raise MissingSource(f"{dataset} by a cursor")
        return reads

    async def _reads(self, dataset: str, deadline: Deadline | None = None) -> list[Read]:
        capabilities = await self.capabilities(deadline=deadline)
        reads = [read for read in capabilities.reads if read.query.dataset.name == dataset]
        if not reads:
            raise MissingSource(dataset)
        return reads

    async def _collect(
        self,
        dataset: str,
        paths: Sequence[tuple[Read, Path]],
        parameters: Mapping[str, object],
        *,
        is_paged: bool,
        deadline: Deadline | None = None,
    ) -> pa.Table:
        """Read rows on the given paths and make the dataset of them."""
        if not paths:
            raise MissingSource(dataset)
        reading = Reading(
            partial(self._rows, is_paged=is_paged, deadline=deadline),
            self._typist,
            parameters,
            is_paged=is_paged,
        )
        by_query: dict[str, list[tuple[Read, Path]]] = defaultdict(list)
        for read, path in paths:
            by_query[read.query.sql].append((read, path))
        made = []
        for group in by_query.values():
            typed: dict[str, list[pa.Table]] = defaultdict(list)
            specs: dict[str, TableSpec] = {}
            for read, path in group:
                await reading.read(read, path, typed)
                specs |= specs_of(read, *([path.parents] if path.parents else []))
            whole = {name: pa.concat_tables(tables) for name, tables in typed.items()}
            made.append(await self._typist.build(group[0][0].query, whole, specs))
        return pa.concat_tables(made)

    async def _rows(
        self,
        read: Read,
        path: Path,
        parameters: Mapping[str, object],
        *,
        is_paged: bool,
        deadline: Deadline | None,
    ) -> AsyncIterator[tuple[list[Row], Statement]]:
        """Pages of rows on a path that has no parents, or whose parents are in the parameters."""
        schema = (await self.capabilities()).schemas[read.database]
        database = self.databases[read.database]
        after: dict[str, object] = {}
        while True:
            statement = render(
                read,
                path,
                schema,
                is_next=bool(after),
                limit=self.page_rows if is_paged else None,
            )
            rows = await database.fetch(statement.sql, {**parameters, **after}, deadline=deadline)
            if rows:
                yield rows, statement
            if not is_paged or len(rows) < self.page_rows:
                return
            after = changes.after_last(rows, statement)


def _keep_course(table: pa.Table, course_key: str) -> pa.Table:
    """Rows of exactly this course: MySQL takes keys as equal that differ in case.

    Of roles, also those on its whole org and on everything.
    """
    if "course_key" not in table.column_names:
        return table
    keys = pc.fill_null(table.column("course_key"), "")
    kept = pc.equal(keys, course_key)
    if "role" in table.column_names:
        orgs = pc.is_in(
            pc.fill_null(table.column("org"), ""),
            value_set=pa.array([find_org(course_key) or "", ""]),
        )
        kept = pc.or_(kept, pc.and_(pc.equal(keys, ""), orgs))
    return table.filter(kept)
