"""The questions that the GraphQL benchmark asks, and what an answer may cost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from api.schema.records import camel
from bench.graphql_data import COURSE, FIELDS, FIRST_USER, STAFF, STUDENTS

OURS = frozenset({"ours", "kept"})
"""Servers that know registered documents."""

_VALUES = " ".join(
    f"{key} {{ {' '.join(camel(name) for name in names)} }}" for key, names in FIELDS.items()
)
_STUDENT = f"username indicators {{ {_VALUES} }}"
_ONE = (
    "query One($course: ID!, $user: Int!) {"
    f" course(key: $course) {{ student(userId: $user) {{ {_STUDENT} }} }} }}"
)
_PAGE = (
    "query Page($course: ID!, $first: Int!) {"
    " course(key: $course) { students(first: $first, orderBy: { profile: USER_ID }) {"
    f" nodes {{ {_STUDENT} }} pageInfo {{ hasNextPage }} }} }} }}"
)
_PLACE = "{ percentile classMedian n }"
_MOBILE = (
    "query Mobile($course: ID!) { viewer { student(course: $course) { indicators {"
    f" time {{ seconds secondsStanding {_PLACE} }}"
    f" video {{ share shareStanding {_PLACE} }}"
    f" problems {{ solved solvedStanding {_PLACE} }}"
    " grade { ratio } } } } }"
)
REGISTERED = {"bench.page": _PAGE}
"""Documents by the id under which an operator registers them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of request: its document and variables, how many are sent a round, and the goals.

    `over_bare` is at most so many times the bare endpoint's CPU, `under_stock` at least so many
    times less than stock Strawberry's, `under_peer` than PostGraphile's.
    """

    name: str
    document: str
    variables: Callable[[random.Random], dict[str, Any]]
    requests: int
    connections: int
    over_bare: float
    under_stock: float
    under_peer: float | None = None
    document_id: str | None = None
    users: Callable[[random.Random], int] = lambda dice: STAFF
    """Who asks."""

    def body(self, server: str, variables: dict[str, Any]) -> bytes:
        """A request as a server understands it."""
        asked: dict[str, Any] = {"query": self.document}
        if self.document_id is not None and server in OURS:
            asked = {"documentId": self.document_id}
        return json.dumps({**asked, "variables": variables, "shape": self.name}).encode()

    def asked(self, server: str, seed: int, count: int) -> list[tuple[int, bytes]]:
        """Who asks and the requests, with other variables each."""
        dice = random.Random(seed)
        return [(self.users(dice), self.body(server, self.variables(dice))) for _ in range(count)]


def _one(dice: random.Random) -> dict[str, Any]:
    return {"course": COURSE, "user": FIRST_USER + dice.randrange(STUDENTS)}


def _student(dice: random.Random) -> int:
    return FIRST_USER + dice.randrange(500)


S = Shape("S", _ONE, _one, 2_000, 16, 1.4, 3, 1.4)
L100 = Shape("L100", _PAGE, lambda dice: {"course": COURSE, "first": 100}, 400, 8, 1.3, 9, 1.6)
L1000 = Shape(
    "L1000",
    _PAGE,
    lambda dice: {"course": COURSE, "first": 1_000},
    60,
    4,
    1.0,
    14,
    2.5,
    document_id="bench.page",
)
M = Shape("M", _MOBILE, lambda dice: {"course": COURSE}, 1_000, 16, 1.4, 3, users=_student)
SHAPES = (S, L100, L1000, M)
