"""Ask for work: what a row of the table `work` says, and how one gets there.

Who does the work keeps the rest of it (`workers/ledger.py`); who asks needs no more than this.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from aggregates.database import Connection, Database

_KEY_LOCK = 0x636C656E


class Kind(enum.StrEnum):
    """What there is to do; the subject says about what."""

    INGEST_LOGS = "ingest_logs"
    SYNC_TABLES = "sync_tables"
    REFRESH_COURSE = "refresh_course"


class State(enum.StrEnum):
    """Where a piece of work stands."""

    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PARKED = "parked"


class Priority(enum.IntEnum):
    """Smaller goes first: whoever waits, then what others rest on, then the night run."""

    PERSON = 10
    SOURCE = 20
    NIGHT = 30


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that ought to be done; `input_digest` says for which state of the sources."""

    kind: Kind
    subject: str
    priority: Priority
    input_digest: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes two asks the same work."""
        return self.kind.value, self.subject


@dataclass(frozen=True, slots=True)
class Standing:
    """Where work that was asked for stands.

    Attributes:
        state: RUNNING, else DUE; PARKED: set aside until somebody has looked at it.
        asked_at: when it was first asked for.
        started_at: since when it is being done; None: it is not.
    """

    state: State
    asked_at: datetime
    started_at: datetime | None


class Work:
    """The table of work, as those see it who ask."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, ask: Ask, *, asked_by: str) -> Standing:
        """Have something done, and tell where it stands; see `ask_for`."""
        async with self._database.transaction() as connection:
            await ask_for(connection, ask, asked_by=asked_by)
            rows = await connection.fetch(
                "SELECT state, created_at, started_at FROM work WHERE kind = $1 AND subject = $2"
                " AND state IN ('due', 'running', 'parked') ORDER BY state = 'running' DESC",
                *ask.key,
            )
        first = rows[0]
        state = State(first["state"])
        started_at = first["started_at"] if state is State.RUNNING else None
        return Standing(state, first["created_at"], started_at)

    async def unchanged_at(self, course_key: str) -> int:
        """When the last refresh ended that left a course's numbers as they are; 0: none did.

        Nothing was new, or it failed. Microseconds since 1970 by the database's clock.

        Raises:
            StoreError: the database does not answer in time.
        """
        row = await self._database.fetch_row(
            "SELECT (extract(epoch FROM max(w.finished_at)) * 1000000)::bigint AS ended_us"
            " FROM courses c JOIN runs r ON r.run_id = c.run_id"
            " JOIN work w ON w.subject = c.course_key AND w.started_at > r.started_at"
            " WHERE c.course_key = $1 AND w.kind = $2 AND w.state IN ('done', 'failed', 'parked')",
            course_key,
            Kind.REFRESH_COURSE.value,
        )
        return (row["ended_us"] if row else None) or 0


async def ask_for(connection: Connection, ask: Ask, *, asked_by: str) -> int | None:
    """Have something done; asked for twice it is done once, while it runs once more after.

    Returns:
        The work's id; None if it is set aside, and so waits for somebody to look at it.
    """
    await lock_key(connection, *ask.key)
    if await connection.fetchval(
        "SELECT true FROM work WHERE kind = $1 AND subject = $2 AND state = 'parked'", *ask.key
    ):
        return None
    # A more urgent ask does not wait out the back-off of an earlier one.
    work_id: int = await connection.fetchval(
        "INSERT INTO work AS w (kind, subject, priority, state, due_at, input_digest,"
        " asked_by) VALUES ($1, $2, $3, 'due', clock_timestamp(), $4, $5)"
        " ON CONFLICT (kind, subject) WHERE state = 'due' DO UPDATE SET"
        " priority = least(w.priority, excluded.priority),"
        " due_at = CASE WHEN excluded.priority < w.priority"
        " THEN least(w.due_at, excluded.due_at) ELSE w.due_at END"
        " RETURNING work_id",
        *ask.key,
        int(ask.priority),
        ask.input_digest,
        asked_by,
    )
    return work_id


async def lock_key(connection: Connection, kind: str, subject: str) -> None:
    """Until the commit nobody else asks for, or gives back, the same work."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", f"{kind} {subject}", _KEY_LOCK
    )
