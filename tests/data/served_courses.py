"""Two courses in a store behind the API, and everybody who might ask about them.

The big course has 25 students, the small one five. Student `n` of the big one (1 to 25) spent
`100 * n` seconds; ids, names and titles are canaries: each occurs nowhere else.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx
from starlette.applications import Starlette

from aggregates.database import Database
from aggregates.layout import Layout
from aggregates.store import Store
from api.access.auth import TokenAuth
from api.access.policy import RoleSource
from api.app import create_app
from api.options import Options
from courselens.domain import Level
from courselens.tokens import SigningKey, issue_token, make_key
from indicators.contract import Privacy
from indicators.registry import Registry
from indicators.result import COURSE_GROUP, CourseResults, Status
from indicators.shape import Key
from tests.data.stored_course import (
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import (
    Posts,
    ToyActive,
    ToyChapters,
    ToyProgress,
    ToyTime,
    build_registry,
    declare,
)

BIG = "course-v1:Uni+Big+2026"
SMALL = "course-v1:Other+Small+2026"
NOWHERE = "course-v1:Uni+Nowhere+2026"
CHAPTER = "canary-chapter"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

STUDENTS = tuple(range(700_001, 700_026))
LEFT = 700_099
SMALL_STUDENTS = tuple(range(800_001, 800_006))
STAFF, ORG_INSTRUCTOR, GLOBAL, BETA, SMALL_STAFF, NOBODY = range(900_001, 900_007)

ALL_PRIVACY = (Privacy.SELF, Privacy.STAFF, Privacy.AGG)


class Band(enum.StrEnum):
    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class BandRow:
    band: Annotated[Band, Key("Band.")]
    learners: int | None
    others: int | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Bands:
    rows: list[BandRow]


@cache
def served_registry() -> Registry:
    """One indicator for each privacy class, shape and kind of absence."""
    return build_registry(
        [
            declare("toy_time", student=ToyTime, group=ToyActive, privacy=ALL_PRIVACY),
            declare("toy_progress", student=ToyProgress, unit="days"),
            declare("toy_chapters", student=ToyChapters, group=ToyChapters, privacy=ALL_PRIVACY),
            declare("toy_posts", student=Posts, privacy=(Privacy.SELF, Privacy.STAFF)),
            declare("toy_diary", student=Posts, privacy=(Privacy.SELF,)),
            declare("toy_failed", student=Posts, privacy=ALL_PRIVACY),
            declare("toy_missing", student=ToyChapters, group=ToyChapters, privacy=ALL_PRIVACY),
            declare("toy_later", student=Posts, privacy=ALL_PRIVACY),
            declare(
                "toy_bands",
                group=Bands,
                levels=(Level.COURSE,),
                privacy=(Privacy.STAFF, Privacy.AGG),
            ),
        ]
    )


def big_course() -> CourseResults:
    """25 students in two cohorts, one who left, and the team."""
    one = served_registry().indicator
    numbers = range(1, 26)
    people = [
        Person(
            user_id,
            cohort="Blue" if number <= 12 else "Green",
            grade_band="fail" if number <= 5 else "pass",
            year_of_birth=1970 + number,
            gender="f" if number % 2 else None,
            username=f"canary-{user_id}",
        )
        for number, user_id in enumerate(STUDENTS, start=1)
    ]
    people.append(Person(LEFT, in_l=False, username=f"canary-{LEFT}"))
    seconds = [100.0 * number for number in numbers]
    groups = {COURSE_GROUP: seconds, "cohort:Blue": seconds[:12], "cohort:Green": seconds[12:]}
    return build_course(
        people,
        [
            build_result(
                one("toy_time"),
                student={"values": _by_user("seconds", seconds)},
                group={
                    "values": [
                        {"group_id": group, "active_learners": len(found), "mean_seconds": 7.5}
                        for group, found in groups.items()
                    ]
                },
                summaries=[summary(group, "seconds", found) for group, found in groups.items()],
                standing=_standing("seconds"),
                course_key=BIG,
            ),
            build_result(
                one("toy_progress"),
                student={
                    "values": [
                        {"user_id": user_id, "days": number, "ratio": 0.5, "pace": "slow"}
                        for number, user_id in enumerate(STUDENTS, start=1)
                    ]
                },
                summaries=[
                    summary(COURSE_GROUP, "days", [float(number) for number in numbers]),
                    summary(COURSE_GROUP, "ratio", [0.5] * 25),
                ],
                standing=_standing("days"),
                course_key=BIG,
            ),
            build_result(
                one("toy_chapters"),
                student={"rows": _chapters("user_id", STUDENTS)},
                group={"rows": _chapters("group_id", list(groups))},
                course_key=BIG,
            ),
            build_result(
                one("toy_posts"),
                student={"values": _by_user("posts", list(numbers))},
                summaries=[summary(COURSE_GROUP, "posts", [float(n) for n in numbers])],
                course_key=BIG,
            ),
            build_result(one("toy_diary"), student={"values": _by_user("posts", list(numbers))}),
            build_result(
                one("toy_failed"), course_key=BIG, status=Status.FAILED, error="canary-traceback"
            ),
            build_result(one("toy_missing"), course_key=BIG, missing_source=("events",)),
            build_result(
                one("toy_bands"),
                group={
                    "rows": [
                        _band("high", learners=20, others=11, share=0.8),
                        _band("low", learners=5, others=14, share=0.2),
                    ]
                },
                course_key=BIG,
            ),
        ],
        course_key=BIG,
        chapters=(CHAPTER,),
        roles=[
            {"user_id": STAFF, "org": "Uni", "course_key": BIG, "role": "staff"},
            {"user_id": ORG_INSTRUCTOR, "org": "Uni", "role": "instructor"},
            {"user_id": BETA, "org": "Uni", "course_key": BIG, "role": "beta_testers"},
            {"user_id": GLOBAL, "role": "global_staff"},
        ],
        display_name="canary-title-big",
        org="Uni",
    )


def small_course() -> CourseResults:
    """Five students: too few to tell a student anything about the class."""
    seconds = [10.0 * number for number in range(1, 6)]
    time = served_registry().indicator("toy_time")
    return build_course(
        [Person(user_id, username=f"canary-{user_id}") for user_id in SMALL_STUDENTS],
        [
            build_result(
                time,
                student={
                    "values": [
                        {"user_id": user_id, "seconds": value}
                        for user_id, value in zip(SMALL_STUDENTS, seconds, strict=True)
                    ]
                },
                group={
                    "values": [
                        {"group_id": COURSE_GROUP, "active_learners": 5, "mean_seconds": 30.0}
                    ]
                },
                summaries=[summary(COURSE_GROUP, "seconds", seconds)],
                course_key=SMALL,
            )
        ],
        course_key=SMALL,
        chapters=(),
        roles=[
            {"user_id": SMALL_STAFF, "org": "Other", "course_key": SMALL, "role": "staff"},
            {"user_id": GLOBAL, "role": "global_staff"},
        ],
        display_name="canary-title-small",
        org="Other",
    )


def summary(group_id: str, field: str, values: Sequence[float]) -> dict[str, Any]:
    """The summary of evenly spaced values, sorted (or all equal)."""
    count, least, greatest = len(values), values[0], values[-1]
    bins = [0] * (20 if greatest > least else 1)
    for value in values:
        share = (value - least) / (greatest - least) if greatest > least else 0
        bins[min(len(bins) - 1, int(share * len(bins)))] += 1
    return {
        "group_id": group_id,
        "field": field,
        "n": count,
        "n_null": 0,
        "mean": (least + greatest) / 2,
        "sd": 1.0,
        "median": (least + greatest) / 2,
        "p25": least + (greatest - least) / 4,
        "p75": least + (greatest - least) * 3 / 4,
        "sum": sum(values),
        "minimum": least,
        "maximum": greatest,
        "histogram": bins,
    }


@dataclass(frozen=True, slots=True)
class Served:
    """The API in this process, as HTTP clients see it."""

    client: httpx.AsyncClient
    database: Database
    key: SigningKey
    app: Starlette
    store: Store

    async def ask(
        self, query: str, *, user_id: int | None = None, **variables: Any
    ) -> dict[str, Any]:
        """The answer to a question of a user; None: nobody."""
        answer = await self.client.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers=self.headers(user_id),
        )
        body: dict[str, Any] = answer.json()
        return body

    def headers(self, user_id: int | None) -> dict[str, str]:
        """The header with a user's token."""
        return {} if user_id is None else {"authorization": f"JWT {self.token(user_id)}"}

    def token(self, user_id: int) -> str:
        """A token of a user."""
        return issue_token(self.key, user_id=user_id, username=f"canary-{user_id}", now=NOW)


@asynccontextmanager
async def serve(
    postgres_url: str,
    courses: Sequence[CourseResults],
    *,
    registry: Registry | None = None,
    auth: TokenAuth | None = None,
    roles: Callable[[RoleSource], RoleSource] | None = None,
    **options: Any,
) -> AsyncIterator[Served]:
    """Store the courses and serve them; roles are asked for anew unless `roles` remembers them.

    `options` are others of `Options`.
    """
    registry = registry or served_registry()
    database = await Database.connect(postgres_url, pool_size=4, deadline_seconds=10)
    store = Store(database, Layout(registry), write_deadline_seconds=60)
    await store.migrate()
    for course in courses:
        await store.write(course, input_digest="1", cursors={})

    key = signing_key()
    app = create_app(
        registry,
        store,
        auth or TokenAuth.of(key, now=lambda: NOW),
        Options(roles=roles(store.reader) if roles else store.reader, **options),
    )
    transport = httpx.ASGITransport(app=app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Served(client, database, key, app, store)
    finally:
        await store.close()


@cache
def signing_key() -> SigningKey:
    """One key for all tests: making it is what takes time."""
    with TemporaryDirectory() as folder:
        return make_key(Path(folder))


def _by_user(field: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"user_id": user_id, field: value} for user_id, value in zip(STUDENTS, values, strict=True)
    ]


def _standing(field: str) -> list[dict[str, Any]]:
    """Percentile ranks of 25 different values: 2, 6, ... 98."""
    return [
        {"user_id": user_id, "field": field, "percentile": 4.0 * place + 2.0}
        for place, user_id in enumerate(STUDENTS)
    ]


def _chapters(subject: str, subjects: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {subject: one, "chapter": chapter, "activity": "video", "seconds": 30.0}
        for one in subjects
        for chapter in (CHAPTER, "_forum_")
    ]


def _band(band: str, **values: Any) -> Mapping[str, Any]:
    return {"group_id": COURSE_GROUP, "band": band, **values}
