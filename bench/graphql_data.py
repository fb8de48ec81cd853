"""What the GraphQL benchmark asks about: a stored course of many students with 12 values each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from courselens.tokens import SigningKey, make_key
from indicators.contract import Privacy
from indicators.registry import Registry
from tests.data.toy_indicators import (
    build_registry,
    declare,
)

COURSE = "course-v1:Bench+GraphQL+2026"
STUDENTS = 10_000
STAFF = 9_000_001
FIRST_USER = 1_000_001


@dataclass(frozen=True, slots=True)
class Time:
    """Time on the course."""

    seconds: int | None
    sessions: int | None
    days: int | None


@dataclass(frozen=True, slots=True)
class Video:
    """What of the videos was seen."""

    watched: int | None
    share: float | None
    pauses: int | None


@dataclass(frozen=True, slots=True)
class Problems:
    """Attempts at problems."""

    attempted: int | None
    solved: int | None
    mean_attempts: float | None


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade; one field is never null."""

    ratio: float
    rank: int | None
    changed_at: datetime | None


SHAPES = {"time": Time, "video": Video, "problems": Problems, "grade": Grade}
FIELDS = {
    "time": ("seconds", "sessions", "days"),
    "video": ("watched", "share", "pauses"),
    "problems": ("attempted", "solved", "mean_attempts"),
    "grade": ("ratio", "rank", "changed_at"),
}
PRIVACY = (Privacy.SELF, Privacy.STAFF, Privacy.AGG)


def bench_registry() -> Registry:
    """Four indicators with three scalar fields each."""
    return build_registry(
        [declare(key, student=shape, privacy=PRIVACY) for key, shape in SHAPES.items()]
    )


@dataclass(frozen=True, slots=True)
class Served:
    """Where the servers find what they serve."""

    database_url: str
    keys: Path

    def key(self) -> SigningKey:
        """The key that signs the tokens."""
        return make_key(self.keys)
