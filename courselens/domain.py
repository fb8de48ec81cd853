"""Values of the field that everything shares: course keys, instants, days, windows, levels.

Standard library and `opaque-keys` only; nothing here reads anything.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

DAY_US = 86_400_000_000
"""Microseconds of a day. Instants are integer microseconds since 1970-01-01 UTC: the precision of
the logs, exact in both engines, and safe to add up in any order."""
SECOND_US = 1_000_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

REMOVED = "_removed_"
"""Pseudo-block of events on blocks that are no longer in the structure (catalogue 1.7)."""
COURSE_LOCATION = "_course_"
"""Pseudo-block of events that cannot be located (catalogue 1.16 e)."""
PSEUDO_BLOCKS = (
    "_progress_",
    "_forum_",
    "_wiki_",
    "_textbook_",
    "_dates_",
    "_info_",
    COURSE_LOCATION,
    REMOVED,
)

GLOBAL_STAFF = "global_staff"
"""Role of users with `auth_user.is_staff` or `is_superuser`."""

RETIRED_PREFIX = "retired__user_"
"""Start of retired usernames: RETIRED_USERNAME_PREFIX of the platform's default settings."""

SCORED_TYPES = (
    "problem",
    "openassessment",
    "drag-and-drop-v2",
    "lti",
    "lti_consumer",
    "ubcpi",
    "edx_sga",
)
"""Block types that can earn points (catalogue 1.8)."""


class Level(enum.StrEnum):
    """Whom a number is about.

    Attributes:
        COURSE: all its students, or the course itself.
        STUDENT: one student.
        GROUP: a cohort, or whoever matches a filter.
    """

    COURSE = "course"
    STUDENT = "student"
    GROUP = "group"


def to_us(instant: datetime) -> int:
    """Microseconds since the epoch of an instant; one without a zone is UTC."""
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - EPOCH) // timedelta(microseconds=1)


def from_us(instant_us: int) -> datetime:
    """The instant, in UTC, that is `instant_us` microseconds after the epoch."""
    return EPOCH + timedelta(microseconds=instant_us)


def day_number(day: date) -> int:
    """Days since 1970-01-01, the form of a day inside tables."""
    return (day - EPOCH.date()).days


def from_day_number(number: int) -> date:
    """The date that is `number` days after 1970-01-01."""
    return EPOCH.date() + timedelta(days=number)


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open span of time in microseconds: `start_us <= t < end_us`."""

    start_us: int
    end_us: int

    def __post_init__(self) -> None:
        if self.end_us < self.start_us:
            raise ValueError(f"window ends ({self.end_us}) before it starts ({self.start_us})")


BUILT_IN = "courselens"
"""Distribution whose indicators are part of the product; all others are plugins."""
