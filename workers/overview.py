"""What `status` shows: work by state, what runs, what went wrong, how old the numbers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aggregates.database import Database

_ROWS = 50


@dataclass(frozen=True, slots=True)
class WorkLine:
    """One piece of work as it stands; ages in seconds."""

    work_id: int
    kind: str
    subject: str
    state: str
    priority: int
    attempts: int
    deaths: int
    age_seconds: float
    worker: str | None
    progress: str | None
    progress_done: int | None
    progress_total: int | None
    error_code: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class CourseLine:
    """How old a course's numbers are."""

    course_key: str
    age_seconds: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at one instant.

    Attributes:
        counts: pieces of work by state; done and failed of the last day.
        work: what runs, is due, was set aside, or failed in the last day; at most 50 of each.
        courses: every course with numbers, oldest first.
        rejected_messages: how many nobody could read, ever.
        queue_depth: messages that wait at the broker; None if it cannot be reached.
    """

    counts: dict[str, int]
    work: Sequence[WorkLine]
    courses: Sequence[CourseLine]
    rejected_messages: int
    queue_depth: int | None


async def read_overview(database: Database, *, queue_depth: int | None) -> Overview:
    """Read everything that `status` shows."""
    recent = "coalesce(finished_at, clock_timestamp()) > clock_timestamp() - interval '1 day'"
    counts = await database.fetch(
        "SELECT state, count(*) AS n FROM work"
        f" WHERE state NOT IN ('done', 'failed') OR {recent} GROUP BY state"
    )
    work = await database.fetch(
        "SELECT * FROM (SELECT work_id, kind, subject, state, priority, attempts, deaths,"
        " extract(epoch FROM clock_timestamp() - CASE state WHEN 'running' THEN started_at"
        " WHEN 'due' THEN created_at ELSE finished_at END)::float8 AS age_seconds,"
        " worker, progress, progress_done, progress_total, error_code, error, row_number() OVER"
        " (PARTITION BY state ORDER BY priority, due_at, work_id) AS place FROM work"
        f" WHERE state IN ('running', 'due', 'parked') OR state = 'failed' AND {recent}) w"
        " WHERE place <= $1"
        " ORDER BY array_position(ARRAY['running', 'parked', 'failed', 'due'], state), place",
        _ROWS,
    )
    courses = await database.fetch(
        "SELECT course_key, extract(epoch FROM clock_timestamp() - computed_at)::float8 AS age"
        " FROM courses ORDER BY computed_at NULLS FIRST, course_key"
    )
    rejected = await database.fetch_row(
        "SELECT coalesce(sum(times), 0)::bigint AS n FROM rejected_messages"
    )
    return Overview(
        counts={row["state"]: row["n"] for row in counts},
        work=[
            WorkLine(**{name: row[name] for name in WorkLine.__dataclass_fields__}) for row in work
        ],
        courses=[CourseLine(row["course_key"], row["age"]) for row in courses],
        rejected_messages=rejected["n"] if rejected else 0,
        queue_depth=queue_depth,
    )
