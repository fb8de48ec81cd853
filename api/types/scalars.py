"""Scalars and enums that are the same for every registry."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Any

import strawberry


class GradeBand(enum.Enum):
    """Band of a student's course grade (catalogue 1.10)."""

    HONOURS = "honours"
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"


class Direction(enum.Enum):
    """Direction of an order; nulls come last in both."""

    ASC = "asc"
    DESC = "desc"


def write_instant(value: datetime) -> str:
    """An instant as text: RFC 3339 in UTC, `Z`, microseconds only where there are any."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


DATE_TIME: Any = strawberry.scalar(
    name="DateTime",
    description="An instant in UTC, RFC 3339: `2026-11-23T08:30:00Z`.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    serialize=write_instant,
    parse_value=datetime.fromisoformat,
)
