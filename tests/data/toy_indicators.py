"""Indicators whose results are made by hand, for the tests of the store and what reads it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from courselens.domain import Level
from indicators.contract import Indicator, indicator
from indicators.parameters import Parameters
from indicators.registry import Declaration, Registry
from indicators.shape import BlockKey, Key, Value

STUDENT_LEVELS = (Level.COURSE, Level.STUDENT, Level.GROUP)


class Pace(enum.StrEnum):
    SLOW = "slow"
    FAST = "fast"


class Activity(enum.StrEnum):
    """Declared against the alphabet, to tell the two orders apart."""

    VIDEO = "video"
    FORUM = "forum"


@dataclass(frozen=True, slots=True)
class ToyTime:
    seconds: Annotated[float | None, Value("Time in the course.", unit="seconds")]


@dataclass(frozen=True, slots=True)
class ToyActive:
    active_learners: int
    mean_seconds: float | None


@dataclass(frozen=True, slots=True)
class ToyProgress:
    days: Annotated[int | None, Value("Active days.", unit="days")]
    ratio: float | None
    passed: bool | None
    pace: Pace | None
    first_at: datetime | None
    first_day: date | None
    tags: list[str] | None
    paces: list[Pace] | None
    weeks: list[int] | None


@dataclass(frozen=True, slots=True)
class ChapterRow:
    chapter: Annotated[BlockKey, Key("Chapter.")]
    activity: Annotated[Activity | None, Key("What was done.")]
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ChapterTotal:
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ToyChapters:
    rows: list[ChapterRow]
    total: ChapterTotal


@dataclass(frozen=True, slots=True)
class Posts:
    posts: int | None


def declare(key: str, **changes: Any) -> Indicator:
    """An indicator whose code is never run: its results are made by hand."""
    declared: dict[str, Any] = {
        "key": key,
        "version": 1,
        "title": key,
        "unit": "seconds",
        "family": "toy",
        "levels": STUDENT_LEVELS,
        "needs": ("enrollments",),
        **changes,
    }

    @indicator(**declared)
    def compute(tables: Any, parameters: Parameters) -> Any:
        """Return nothing."""
        raise NotImplementedError

    if declared.get("group") is not None and declared.get("student") is not None:
        compute.for_groups(compute.compute_student)
    return compute


def build_registry(declared: Iterable[Indicator], *, plugins: Mapping[str, str] = {}) -> Registry:
    """A registry of these indicators; `plugins` names who declares a key, else `courselens`."""
    registry = Registry(
        Declaration(one.key, plugins.get(one.key, "courselens"), "1.0", one) for one in declared
    )
    assert not registry.errors, registry.errors
    return registry


def toy_registry() -> Registry:
    """Scalars of all kinds, parts with two keys, and a second provider."""
    return build_registry(
        [
            declare("toy_time", student=ToyTime, group=ToyActive),
            declare("toy_progress", student=ToyProgress, unit="days"),
            declare("toy_chapters", student=ToyChapters, group=ToyChapters),
            declare("acme_posts", student=Posts, unit="posts", population="ever_enrolled"),
        ],
        plugins={"acme_posts": "acme-forum"},
    )
