"""What has changed in a table since a cursor: new rows by id, changed ones by time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from loaders.mysql.connection import MySQL, Row
from loaders.mysql.reads import KEYS_PER_LIST, Path, Read, Statement, render
from loaders.mysql.schema import Schema

OVERLAP = timedelta(seconds=60)
"""Rows are dated before their transaction is committed: how long that may take."""
_GAP_IDS = 10_000
_FIRST_INSTANT = "1970-01-01 00:00:00.000000"


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a dataset, of several courses, and the cursor (a JSON value) that is past them."""

    table: pa.Table
    cursor: dict[str, object]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as the server gave them, and the cursor of their table."""

    rows: list[Row]
    statement: Statement
    cursor: dict[str, object]


def after_last(rows: list[Row], statement: Statement) -> dict[str, object]:
    """Parameters that make the next page begin after the last row."""
    values = rows[-1][len(statement.columns) :]
    kinds = statement.keyset_kinds
    return {
        f"after_{nth}": int(value or 0) if kind == "int" else (value or b"").decode()
        for nth, (value, kind) in enumerate(zip(values, kinds, strict=True))
    }


def newest_sql(read: Read, path: Path, schema: Schema) -> str:
    """The greatest value of a path's keyset, which is at the end of its index."""
    return f"SELECT MAX({path.keyset[0]}) FROM {_indexed(read, path, schema)}"


def recent_ids_sql(read: Read, path: Path, schema: Schema) -> str:
    """Ids beyond one that is a little below the greatest."""
    column = path.keyset[0]
    return f"SELECT {column} FROM {_indexed(read, path, schema)} WHERE {column} > %(after_0)s"


def _indexed(read: Read, path: Path, schema: Schema) -> str:
    first = read.tables[0]
    index = schema.find_index(first.table, path.index)
    return f"{first.table} AS {first.alias} FORCE INDEX (`{index}`)"


async def find_newest(read: Read, schema: Schema, database: MySQL) -> tuple[str, ...]:
    """The greatest id and, where an index knows it, the date of the last change."""
    changes = read.changes
    paths = (changes.by_id, changes.by_time) if changes is not None else ()
    found = []
    for path in paths:
        if path is not None:
            ((value,),) = await database.fetch(newest_sql(read, path, schema))
            found.append((value or b"").decode())
    return tuple(found)


async def find_present(read: Read, schema: Schema, database: MySQL) -> dict[str, object]:
    """A cursor after which only rows come that are made, changed or committed from now on."""
    changes = read.changes
    if changes is None:
        return {}
    if changes.by_time is not None:
        ((now,),) = await database.fetch("SELECT UTC_TIMESTAMP(6)")
        return {"since": (now or b"").decode()}
    ((greatest,),) = await database.fetch(newest_sql(read, changes.by_id, schema))
    last = int(greatest or 0)
    after = max(last - KEYS_PER_LIST, 0)
    sql = recent_ids_sql(read, changes.by_id, schema)
    ids = {int(row[0] or 0) for row in await database.fetch(sql, {"after_0": after})}
    last = max(ids, default=last)
    return {"id": last, "gaps": sorted(set(range(after + 1, last)) - ids)[-KEYS_PER_LIST:]}


async def read_changes(
    read: Read, schema: Schema, database: MySQL, cursor: object, page_rows: int
) -> AsyncIterator[Page]:
    """Pages of rows since the cursor; the last page may be empty and moves the cursor on.

    Rows are copied in the order of their ids first. Then, where an index finds them by time, come
    those made or changed since the copy began, from a minute before the last ones on: a row may
    be committed later than it is dated. Where there is none, come rows with higher ids, and with
    ids that were missing below: ids are drawn before their rows are committed, too.
    """
    state = dict(cursor) if isinstance(cursor, Mapping) else {}
    changes = read.changes
    if changes is None:
        return
    if changes.by_time is None:
        async for page in _new_ids(read, changes.by_id, schema, database, state, page_rows):
            yield page
        return
    if "since" not in state or "copied" in state:
        ((now,),) = await database.fetch("SELECT UTC_TIMESTAMP(6)")
        state.setdefault("since", (now or b"").decode())
        state.setdefault("copied", 0)
        pages = _pages(read, changes.by_id, schema, database, _after(state["copied"]), page_rows)
        async for rows, statement in pages:
            state["copied"] = int(rows[-1][-1] or 0)
            yield Page(rows, statement, dict(state))
        del state["copied"]
    async for page in _by_time(read, changes.by_time, schema, database, state, page_rows):
        yield page


async def _by_time(
    read: Read,
    path: Path,
    schema: Schema,
    database: MySQL,
    state: dict[str, object],
    page_rows: int,
) -> AsyncIterator[Page]:
    ((now,),) = await database.fetch("SELECT UTC_TIMESTAMP(6)")
    started = (now or b"").decode()
    since = datetime.fromisoformat(str(state["since"])) - OVERLAP
    # Only the first part of the keyset is known, and nothing sorts before these.
    after: dict[str, object] = {"after_0": since.isoformat(sep=" ", timespec="microseconds")}
    kinds = render(read, path, schema).keyset_kinds
    after |= {f"after_{nth}": 0 if kinds[nth] == "int" else "" for nth in range(1, len(kinds))}
    async for rows, statement in _pages(read, path, schema, database, after, page_rows):
        at = (rows[-1][len(statement.columns)] or b"").decode() or _FIRST_INSTANT
        # Dates in the future, by a clock that is wrong, must not hide what comes before them.
        state["since"] = max(str(state["since"]), min(at, started))
        yield Page(rows, statement, dict(state))
    state["since"] = max(str(state["since"]), started)
    yield Page([], render(read, path, schema), dict(state))


async def _new_ids(
    read: Read,
    path: Path,
    schema: Schema,
    database: MySQL,
    state: dict[str, object],
    page_rows: int,
) -> AsyncIterator[Page]:
    last = int(str(state.get("id", 0)))
    known = state.get("gaps")
    gaps = {int(str(each)) for each in known} if isinstance(known, list) else set()
    if gaps:
        filled = Path(
            " AND ".join(filter(None, (path.where, f"{path.keyset[0]} IN %(gaps)s"))),
            path.keyset,
            path.index,
        )
        statement = render(read, filled, schema)
        rows = await database.fetch(statement.sql, {"gaps": sorted(gaps)})
        if rows:
            gaps -= {int(row[-1] or 0) for row in rows}
            yield Page(rows, statement, {"id": last, "gaps": sorted(gaps)})
    is_first = last == 0
    async for rows, statement in _pages(read, path, schema, database, _after(last), page_rows):
        ids = [int(row[-1] or 0) for row in rows]
        if not is_first:
            gaps |= set(range(last + 1, ids[-1])) - set(ids) if ids[-1] - last < _GAP_IDS else set()
        else:
            recent = range(max(ids[-1] - KEYS_PER_LIST, last + 1), ids[-1])
            gaps = set(recent) - set(ids)
        last = ids[-1]
        gaps = set(sorted(gap for gap in gaps if gap > last - _GAP_IDS)[-KEYS_PER_LIST:])
        yield Page(rows, statement, {"id": last, "gaps": sorted(gaps)})


async def _pages(
    read: Read,
    path: Path,
    schema: Schema,
    database: MySQL,
    after: Mapping[str, object],
    page_rows: int,
) -> AsyncIterator[tuple[list[Row], Statement]]:
    statement = render(read, path, schema, is_next=True, limit=page_rows)
    while True:
        rows = await database.fetch(statement.sql, after)
        if rows:
            yield rows, statement
            after = after_last(rows, statement)
        if len(rows) < page_rows:
            return


def _after(value: object) -> dict[str, object]:
    return {"after_0": value}
