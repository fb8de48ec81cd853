"""All reads of MySQL, by dataset, and every statement that they can become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from loaders.mysql import (
    courses,
    enrollment,
    forum,
    grades,
    people,
    roles,
    states,
    tracking,
    versions,
)
from loaders.mysql.changes import newest_sql, recent_ids_sql
from loaders.mysql.fingerprint import render_fingerprint
from loaders.mysql.reads import Joined, Path, Read, render
from loaders.mysql.schema import Schema

READS: tuple[Read, ...] = (
    *people.READS,
    *enrollment.READS,
    *states.READS,
    *grades.READS,
    *courses.READS,
    *forum.READS,
)
"""In an order in which later rows win over earlier ones of the same key."""

OPTIONAL_TABLES = (versions.TABLE, tracking.TABLE)
"""Tables that tell how the installation works and give no dataset here."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A statement that may be sent; `name` says which read, which way and which page."""

    name: str
    database: str
    sql: str


def tables_of(read: Read) -> list[Joined]:
    """Tables that a read touches, those of its parents and of its ways included."""
    found = list(read.tables)
    for _, path in _ways(read):
        if path.through is not None:
            found.append(path.through)
        if path.parents is not None:
            found += path.parents.tables
    return found


def table_names() -> frozenset[str]:
    """Names of all tables that are looked for."""
    names = set(OPTIONAL_TABLES)
    for read in READS:
        for joined in tables_of(read):
            names |= {joined.table, *joined.looks_into}
    return frozenset(names)


def registered_statements(
    reads: Iterable[Read], schemas: Mapping[str, Schema], *, limit: int
) -> Iterator[Registered]:
    """Every statement that an installation may be asked, with its following pages.

    Args:
        reads: those that the installation's capabilities allow.
        schemas: of its databases.
        limit: rows of a page.
    """
    for read in reads:
        schema = schemas[read.database]
        for way, path in _ways(read):
            if path.parents is not None:
                for parents_way, parents_path in _ways(path.parents):
                    if parents_way == way:
                        yield from _pages(path.parents, way, parents_path, schemas["main"], limit)
            yield from _pages(read, way, path, schema, limit)
            if way in ("by id", "by time"):
                newest = newest_sql(read, path, schema)
                yield Registered(f"{read.name} newest {way}", read.database, newest)
            if way == "by id":
                recent = recent_ids_sql(read, path, schema)
                yield Registered(f"{read.name} recent ids", read.database, recent)
            fingerprint = render_fingerprint(read, path, schema) if way == "by course" else None
            if fingerprint is not None:
                yield Registered(f"{read.name} fingerprint", read.database, fingerprint)
    if schemas["main"].has(tracking.TABLE):
        yield Registered("tracking_log by id", "main", tracking.page_sql(limit))
        yield Registered("tracking_log newest", "main", tracking.NEWEST_SQL)
    if all(schemas["main"].has(table) for table in roles.TABLES):
        yield Registered("roles by user", "main", roles.USER_SQL)
    if schemas["main"].has(versions.TABLE):
        yield Registered("published_versions by id", "main", versions.page_sql(limit))
        yield Registered("published_version by course", "main", versions.COURSE_SQL)


def _pages(read: Read, way: str, path: Path, schema: Schema, limit: int) -> Iterator[Registered]:
    name = f"{read.name} {way}"
    if way == "by users":
        yield Registered(name, read.database, render(read, path, schema).sql)
        return
    if way not in ("by id", "by time"):  # which go on from a cursor from the first page on
        yield Registered(name, read.database, render(read, path, schema, limit=limit).sql)
    following = render(read, path, schema, is_next=True, limit=limit)
    yield Registered(f"{name}, next", read.database, following.sql)


def _ways(read: Read) -> Iterator[tuple[str, Path]]:
    yield from (("by course", path) for path in read.by_course)
    yield from (("by users", path) for path in read.by_users)
    if read.everything is not None:
        yield "everything", read.everything
    if read.changes is not None:
        yield "by id", read.changes.by_id
        if read.changes.by_time is not None:
            yield "by time", read.changes.by_time
