"""Live indicators that some process has switched off, for whoever looks after the service."""

from __future__ import annotations

from datetime import datetime

from aggregates.database import Database


async def note_off(database: Database, indicator: str, reason: str, seconds: float) -> None:
    """Note that live values of an indicator are switched off for so long from now.

    Raises:
        StoreError: the database does not answer in time.
    """
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO switched_off (indicator, reason, until)"
            " VALUES ($1, $2, now() + make_interval(secs => $3))"
            " ON CONFLICT (indicator) DO UPDATE SET (reason, until) = ROW (excluded.reason,"
            " excluded.until)",
            indicator,
            reason,
            seconds,
        )


async def read_off(database: Database) -> list[tuple[str, str, datetime]]:
    """Key, reason and end of all that is switched off now.

    Raises:
        StoreError: the database does not answer in time.
    """
    rows = await database.fetch(
        "SELECT indicator, reason, until FROM switched_off WHERE until > now() ORDER BY indicator"
    )
    return [(row["indicator"], row["reason"], row["until"]) for row in rows]
