"""Scalars and enums that are the same for every registry."""

from __future__ import annotations

import enum
import re
from datetime import UTC, date, datetime
from typing import Any

import strawberry

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class GradeBand(enum.Enum):
    """Band of a student's course grade (catalogue 1.10).

    Attributes:
        HONOURS: at or over the honours mark.
        PASS: at or over the pass mark, below honours.
        FAIL: tried and below the pass mark.
        NOT_DONE: tried nothing that is graded.
        UNKNOWN: tried, and no grade is known.
    """

    HONOURS = "honours"
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"


class Direction(enum.Enum):
    """Direction of an order; nulls come last in both.

    Attributes:
        ASC: least first.
        DESC: greatest first.
    """

    ASC = "asc"
    DESC = "desc"


def write_instant(value: datetime) -> str:
    """An instant as text: RFC 3339 in UTC, `Z`, microseconds only where there are any."""
    # what comes from the store is in UTC already
    return f"{(value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat()[:-6]}Z"


def read_instant(value: object) -> datetime:
    """An instant from text with a time zone.

    Raises:
        ValueError: it is none.
    """
    instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    if instant is None or instant.tzinfo is None:
        raise ValueError("an instant is text with a time zone: `2026-11-23T08:30:00Z`")
    return instant


def read_day(value: object) -> date:
    """A day from text.

    Raises:
        ValueError: it is none.
    """
    # `fromisoformat` knows weeks and days without hyphens too.
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day is text: `2026-11-23`")
    return date.fromisoformat(value)


DATE_TIME: Any = strawberry.scalar(
    name="DateTime",
    description="An instant in UTC, RFC 3339: `2026-11-23T08:30:00Z`.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    serialize=write_instant,
    parse_value=read_instant,
)
DATE: Any = strawberry.scalar(
    name="Date",
    description="A day of the calendar, without a time zone: `2026-11-23`.",
    specified_by_url="https://scalars.graphql.org/andimarek/local-date",
    serialize=date.isoformat,
    parse_value=read_day,
)


SCALAR_KINDS: dict[str, Any] = {
    "Boolean": bool,
    "Date": date,
    "DateTime": datetime,
    "Float": float,
    "ID": strawberry.ID,
    "Int": int,
    "String": str,
}
"""Kinds of values by the names of their GraphQL types."""
