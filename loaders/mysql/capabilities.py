"""Which datasets an installation's MySQL can give, and what stands against the others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from loaders.capability import Capability
from loaders.datasets import DATASETS
from loaders.mysql.connection import Deadline, MySQL
from loaders.mysql.reads import Path, Read
from loaders.mysql.registry import READS, table_names
from loaders.mysql.schema import Schema, read_schema


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Of one installation; `schemas` are those of its databases, `main` and `history`."""

    version: str
    schemas: dict[str, Schema]
    datasets: dict[str, Capability]
    reads: tuple[Read, ...]

    @property
    def available(self) -> frozenset[str]:
        """Names of the datasets that can be read."""
        return frozenset(name for name, each in self.datasets.items() if each.is_available)

    @property
    def by_course(self) -> frozenset[str]:
        """Names of the datasets that can be read a course at a time."""
        return frozenset(read.query.dataset.name for read in self.reads if read.by_course)

    @property
    def with_cursor(self) -> frozenset[str]:
        """Names of the datasets whose new rows a cursor finds."""
        return frozenset(read.query.dataset.name for read in self.reads if read.changes)

    def has_table(self, name: str) -> bool:
        """Whether the main database has a table that may be read."""
        return self.schemas["main"].has(name)


async def probe(
    main: MySQL, history: MySQL | None = None, *, deadline: Deadline | None = None
) -> Capabilities:
    """Look at tables, columns and indexes, not at rows.

    Args:
        main: the platform's database.
        history: the second database, where states of problems are kept; None if there is none.
        deadline: for all of it; that of the bounds for each statement if not given.

    Raises:
        SourceUnavailable: a server does not answer.
        SourceRefused: the account may not connect.
    """
    names = table_names()
    schemas = {"main": await read_schema(main, names, deadline=deadline)}
    if history is not None:
        schemas["history"] = await read_schema(history, names, deadline=deadline)
    usable: list[Read] = []
    notes: dict[str, list[str]] = {}
    for read in READS:
        found = notes.setdefault(read.query.dataset.name, [])
        open_read, problems = _open(read, schemas)
        found += [problem for problem in problems if problem not in found]
        if open_read is not None:
            usable.append(open_read)
    given = {read.query.dataset.name for read in usable}
    return Capabilities(
        version=schemas["main"].version,
        schemas=schemas,
        datasets={
            name: Capability(name, name in given, tuple(notes[name]))
            for name in DATASETS
            if name in notes
        },
        reads=tuple(usable),
    )


def _open(read: Read, schemas: dict[str, Schema]) -> tuple[Read | None, list[str]]:
    """The read with the ways that are open, None if none is, and what is missing."""
    schema = schemas.get(read.database)
    if schema is None:
        return None, ["the URL of the second database, mysql_history_url, is not set"]
    first = read.tables[0]
    needed = [first.table, *(joined.table for joined in read.tables[1:] if joined.needed)]
    needed += first.looks_into
    gone = [table for table in needed if not schema.has(table)]
    if gone:
        return None, [f"no table {table}, or the account may not read it" for table in gone]
    notes = [
        f"no table {joined.table}, its columns are null"
        for joined in read.tables
        if not schema.has(joined.table)
    ]
    for joined in read.tables:
        for column in (*joined.spec.columns, *joined.spec.raw):
            others = [name for name, own in joined.spec.aliases.items() if own == column]
            if (
                schema.has(joined.table)
                and column not in (joined.computed or {})
                and not any(schema.has(joined.table, name) for name in (column, *others))
            ):
                if column in joined.spec.key and joined.needed:
                    return None, [f"no column {column} in {joined.table}"]
                notes.append(f"no column {column} in {joined.table}, taken as null")
    main = schemas["main"]
    opened = replace(
        read,
        by_course=_keep(read.by_course, read, schema, main),
        by_users=_keep(read.by_users, read, schema, main),
        everything=next(iter(_keep(_some(read.everything), read, schema, main)), None),
    )
    if read.by_course and not opened.by_course:
        index = read.by_course[0].index
        table = (read.by_course[0].through or first).table
        notes.append(
            f"{table} has no index on {', '.join(index)}: a course cannot be read without a scan"
        )
    if read.changes is not None:
        by_id = _keep(_some(read.changes.by_id), read, schema, main)
        by_time = _keep(_some(read.changes.by_time), read, schema, main)
        if read.changes.by_time is not None and not by_time:
            notes.append(
                f"{first.table} has no index on {read.changes.by_time.index[0]}: "
                "changed rows are found by reading a course again"
            )
        changes = replace(read.changes, by_time=by_time[0] if by_time else None)
        opened = replace(opened, changes=changes if by_id else None)
    ways = (opened.by_course, opened.by_users, opened.everything, opened.changes)
    return (opened if any(ways) else None), notes


def _some(path: Path | None) -> tuple[Path, ...]:
    return () if path is None else (path,)


def _keep(paths: tuple[Path, ...], read: Read, schema: Schema, main: Schema) -> tuple[Path, ...]:
    """The paths whose index is there, as is that of the rows that they start from."""
    kept = []
    for path in paths:
        first = path.through or read.tables[0]
        if schema.find_index(first.table, path.index) is None:
            continue
        parents = path.parents
        if parents is not None:
            ways = (*parents.by_course, *parents.by_users)
            if not all(main.find_index(parents.tables[0].table, way.index) for way in ways):
                continue
        kept.append(path)
    return tuple(kept)
