"""Classes whose every number is known, for those who attack what is told about them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Annotated, Any

import numpy as np
import pyarrow as pa

from courselens.domain import Level, to_us
from indicators.contract import Privacy
from indicators.registry import Registry
from indicators.result import COURSE_GROUP, CourseResults
from indicators.rollup import roll_up_cells, standing, summarise
from indicators.shape import BlockKey, Key, Value
from tests.data.stored_course import (
    Person,
    build_blocks,
    build_course,
    build_result,
)
from tests.data.toy_indicators import (
    ToyActive,
    ToyTime,
    build_registry,
    declare,
)

KEY = "course-v1:Uni+Attacked+2026"
TEAM = 990_001
FIRST = 500_001
CHAPTERS = ("one", "two", "three", "four")
KINDS = ("Homework", "Exam")
CLASSES = ("honours", "passed", "failed", "not_done")
MODES = ("audit", "verified")
OPENED = date(2026, 3, 1)

_ALL = (Privacy.SELF, Privacy.STAFF, Privacy.AGG)
_GROUPS = (Privacy.STAFF, Privacy.AGG)


@dataclass(frozen=True, slots=True)
class Marks:
    points: float | None
    certified: Annotated[int | None, Value("1: has a certificate, 0: none.", unit="count")]


@dataclass(frozen=True, slots=True)
class Chapter:
    chapter: Annotated[BlockKey, Key("Chapter.")]
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Chapters:
    rows: list[Chapter]


@dataclass(frozen=True, slots=True)
class Kind:
    kind: Annotated[str, Key("Of assignment.")]
    honours: int | None
    passed: int | None
    failed: int | None
    not_done: int | None


@dataclass(frozen=True, slots=True)
class Outcomes:
    rows: list[Kind]


@dataclass(frozen=True, slots=True)
class Day:
    day: Annotated[date, Key("Day.")]
    enrolled: int | None
    joined: int | None
    active_percent: Annotated[float | None, Value("Active ones.", unit="percent")]


@dataclass(frozen=True, slots=True)
class Days:
    rows: list[Day]


@dataclass(frozen=True, slots=True)
class Heads:
    learners: int | None
    ever_enrolled: int | None
    active: int | None


@cache
def attacked_registry() -> Registry:
    """Numbers of students, rows rolled up from theirs, and tables of counts."""
    course = {"levels": (Level.COURSE,), "privacy": _GROUPS}
    return build_registry(
        [
            declare("hours", student=ToyTime, group=ToyActive, privacy=_ALL),
            declare("marks", student=Marks, privacy=_ALL),
            declare("chapters", student=Chapters, group=Chapters, privacy=_ALL),
            declare("outcomes", group=Outcomes, **course),
            declare("days", group=Days, population="ever_enrolled", **course),
            declare("heads", group=Heads, population="ever_enrolled", **course),
        ]
    )


@dataclass(frozen=True, slots=True)
class Learner:
    """One student and everything that is stored about them."""

    person: Person
    seconds: float
    points: float | None
    certified: int
    chapters: Mapping[str, float]
    outcomes: Mapping[str, str]
    joined: int
    """Day of the course, from 0."""


def make_learner(chance: random.Random, user_id: int, *, day: int = 0) -> Learner:
    """A student as chance wants; about one in five has no points, one in three a certificate."""
    chapters = {
        chapter: float(chance.randrange(60, 7_200)) for chapter in CHAPTERS if chance.random() < 0.7
    }
    return Learner(
        person=Person(
            user_id,
            cohort=chance.choice(("Blue", "Green", "Red")),
            mode=chance.choice(MODES),
            gender=chance.choice(("f", "m", None)),
            country=chance.choice(("AT", "CL", "KE", "NP", "US")),
            year_of_birth=chance.randrange(1955, 2008),
        ),
        seconds=sum(chapters.values()),
        points=None if chance.random() < 0.2 else float(chance.randrange(0, 10_000)) / 100,
        certified=int(chance.random() < 1 / 3),
        chapters=chapters,
        outcomes={kind: chance.choice(CLASSES) for kind in KINDS},
        joined=day,
    )


@dataclass(slots=True)
class Attacked:
    """A class on a day, and those who have left it."""

    learners: dict[int, Learner]
    left: dict[int, Learner]
    day: int = 0

    @classmethod
    def of(cls, size: int, seed: int) -> Attacked:
        """A class of this size."""
        chance = random.Random(seed)
        ids = range(FIRST, FIRST + size)
        return cls({user_id: make_learner(chance, user_id) for user_id in ids}, {})

    def pass_day(self, chance: random.Random, *, changing: int, me: int) -> None:
        """Let a day pass: up to two join, up to two leave, and some of the others do something."""
        self.day += 1
        for _ in range(chance.randrange(3)):
            user_id = FIRST + len(self.learners) + len(self.left)
            self.learners[user_id] = make_learner(chance, user_id, day=self.day)
        others = sorted(self.learners.keys() - {me})
        for user_id in chance.sample(others, min(chance.randrange(3), len(others))):
            self.left[user_id] = self.learners.pop(user_id)
        others = sorted(self.learners.keys() - {me})
        for user_id in chance.sample(others, min(changing, len(others))):
            old = self.learners[user_id]
            new = make_learner(chance, user_id)
            self.learners[user_id] = replace(new, person=old.person, joined=old.joined)

    def results(self) -> CourseResults:
        """Everything that a refresh would store."""
        one = attacked_registry().indicator
        as_of = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=self.day)
        ever = {**self.learners, **self.left}
        ids = np.array(sorted(self.learners))
        members = {COURSE_GROUP: ids}
        people = [learner.person for learner in self.learners.values()]
        people += [replace(learner.person, in_l=False) for learner in self.left.values()]
        rows = [
            {"user_id": user_id, "chapter": chapter, "seconds": seconds}
            for user_id in sorted(ever)
            for chapter, seconds in sorted(ever[user_id].chapters.items())
        ]

        def scalars(key: str, names: Sequence[str]) -> dict[str, Any]:
            shape = attacked_registry().student_shape(key)
            assert shape is not None
            fields = tuple(field for field in shape.values if field.name in names)
            values = [
                {"user_id": user_id, **{name: getattr(ever[user_id], name) for name in names}}
                for user_id in sorted(ever)
            ]
            table = pa.Table.from_pylist(values)
            return {
                "student": {"values": values},
                "summaries": summarise(table, fields, members).to_pylist(),
                "standing": standing(table, fields, ids).to_pylist(),
            }

        shape = attacked_registry().student_shape("chapters")
        part = shape and shape.part("rows")
        assert part is not None
        rolled = roll_up_cells(
            pa.Table.from_pylist(rows), part, members, blocks=build_blocks(CHAPTERS)
        ).to_pylist()
        active = [each.seconds for each in self.learners.values() if each.seconds]
        values: dict[str, Any] = {
            "active_learners": len(active),
            "mean_seconds": sum(active) / len(active) if active else None,
        }
        made = {
            "hours": {**scalars("hours", ["seconds"]), "group": {"values": [_of_course(values)]}},
            "marks": scalars("marks", ["points", "certified"]),
            "chapters": {"student": {"rows": rows}, "group": {"rows": rolled}},
            "outcomes": {"group": {"rows": [_of_course(row) for row in self.outcomes()]}},
            "days": {"group": {"rows": [_of_course(row) for row in self.days()]}},
            "heads": {
                "group": {
                    "values": [
                        _of_course(
                            learners=len(self.learners),
                            ever_enrolled=len(ever),
                            active=len(active),
                        )
                    ]
                }
            },
        }
        return build_course(
            people,
            [
                build_result(one(key), course_key=KEY, as_of_us=to_us(as_of), **facts)
                for key, facts in made.items()
            ],
            course_key=KEY,
            chapters=CHAPTERS,
            roles=[{"user_id": TEAM, "org": "Uni", "course_key": KEY, "role": "staff"}],
        )

    def outcomes(self) -> list[dict[str, Any]]:
        """How many are in each class of each kind."""
        return [
            {
                "kind": kind,
                **{
                    name: sum(each.outcomes[kind] == name for each in self.learners.values())
                    for name in CLASSES
                },
            }
            for kind in KINDS
        ]

    def days(self) -> list[dict[str, Any]]:
        """How many of those of today were enrolled on each day so far."""
        found = []
        for day in range(self.day + 1):
            there = [each for each in self.learners.values() if each.joined <= day]
            active = sum(bool(each.seconds) for each in there)
            found.append(
                {
                    "day": OPENED + timedelta(days=day),
                    "enrolled": len(there),
                    "joined": sum(each.joined == day for each in there),
                    "active_percent": 100 * active / len(there) if there else None,
                }
            )
        return found


def _of_course(values: Mapping[str, Any] = {}, **more: Any) -> dict[str, Any]:
    return {"group_id": COURSE_GROUP, **values, **more}
