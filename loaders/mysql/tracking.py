"""The tracking log of old installations that kept it in a table, `track_trackinglog`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from loaders.mysql.connection import MySQL, Row

TABLE = "track_trackinglog"
# Addresses, agents and hosts are not asked for: nothing of ours keeps them.
_COLUMNS = ("id", "username", "event_source", "event_type", "event", "page", "time")

NEWEST_SQL = f"SELECT MAX(id) FROM {TABLE} FORCE INDEX (PRIMARY)"


@dataclass(frozen=True, slots=True)
class LoggedEvents:
    """Events in the legacy envelope of a log line, and the ids of their rows."""

    events: tuple[dict[str, object], ...]
    ids: tuple[int, ...]

    @property
    def last_id(self) -> int:
        """Where to go on."""
        return self.ids[-1]


def page_sql(limit: int) -> str:
    """The rows after an id: the table has no index but its primary key and is only appended to."""
    return (
        f"SELECT {', '.join(_COLUMNS)} FROM {TABLE} FORCE INDEX (PRIMARY)"
        f" WHERE id > %(after_0)s ORDER BY id LIMIT {limit}"
    )


async def read_tracking_log(
    connection: MySQL, *, after_id: int = 0, page_rows: int = 5000
) -> AsyncIterator[LoggedEvents]:
    """Read the events that were logged after a row.

    The table knows neither course nor user id: ingestion finds the course in `page` or in the path
    that is the type, and learners by name; names are cut at 32 characters here.

    Args:
        connection: of the database that has the table.
        after_id: `last_id` of what was read before.
        page_rows: rows of a page.

    Raises:
        SourceUnavailable: the server does not answer.
    """
    sql = page_sql(page_rows)
    while True:
        rows = await connection.fetch(sql, {"after_0": after_id})
        if rows:
            ids = tuple(int(row[0] or 0) for row in rows)
            after_id = ids[-1]
            yield LoggedEvents(tuple(map(_envelope, rows)), ids)
        if len(rows) < page_rows:
            return


def _envelope(row: Row) -> dict[str, object]:
    _, username, source, kind, event, page, time = (
        None if value is None else value.decode("utf-8", "replace") for value in row
    )
    return {
        "username": username,
        "event_source": source,
        "event_type": kind,
        "event": event,
        "page": page,
        "time": None if time is None else f"{time.replace(' ', 'T')}+00:00",
        "context": {},
    }
