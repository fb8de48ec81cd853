"""Who may choose and order students by their profiles, by every door that takes a filter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from aggregates.records import RoleRecord
from api.access.policy import ProfileFilters
from tests.data.served_courses import BIG, STAFF, Served, big_course, serve

RESEARCHER, ELSEWHERE, GLOBAL = 910_001, 910_002, 910_003
ROLES = {
    STAFF: [RoleRecord("Uni", BIG, "staff")],
    RESEARCHER: [RoleRecord("Uni", None, "data_researcher")],
    # A researcher of another course is no more than one of the team here.
    ELSEWHERE: [
        RoleRecord("Uni", BIG, "staff"),
        RoleRecord("Uni", f"{BIG}x", "data_researcher"),
    ],
    GLOBAL: [RoleRecord(None, None, "global_staff")],
}
MAY = {
    ProfileFilters.TEAM: {STAFF, RESEARCHER, ELSEWHERE, GLOBAL},
    ProfileFilters.DATA_RESEARCHER: {RESEARCHER, GLOBAL},
    ProfileFilters.OFF: set(),
}


class Held:
    """Roles as the test has them."""

    async def roles(self, user_id: int) -> list[RoleRecord]:
        return ROLES[user_id]

    async def user_ids(self, username: str) -> list[int]:
        return []


@pytest.fixture(scope="module", params=ProfileFilters)
async def rule(
    postgres_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[ProfileFilters, Served]]:
    courses = [big_course()]
    async with serve(
        postgres_url, courses, roles=lambda _: Held(), profile_filters=request.param
    ) as served:
        yield request.param, served


QUERIES = {
    "students": "students(filter: $f) { nodes { userId } }",
    "totalCount": "students(filter: $f) { totalCount }",
    "group": "group(filter: $f) { size }",
    "compare": 'compare(groups: [{ label: "all" }, { label: "some", filter: $f }]) { size }',
}
BY_PROFILE: list[dict[str, Any]] = [
    {"yearOfBirth": {"gte": 1990}},
    {"gender": ["f"]},
    {"levelOfEducation": ["hs"], "cohort": ["Blue"]},
    {"country": ["ES"]},
]


@pytest.mark.parametrize("door", QUERIES)
async def test_filters_by_profile_are_for_whom_the_setting_lets(
    rule: tuple[ProfileFilters, Served], door: str
) -> None:
    allowed, served = rule
    query = f"query($c: ID!, $f: StudentFilter!) {{ course(key: $c) {{ {QUERIES[door]} }} }}"
    for viewer in ROLES:
        for wanted in BY_PROFILE:
            answer = await served.ask(query, user_id=viewer, c=BIG, f=wanted)
            assert ("errors" not in answer) is (viewer in MAY[allowed])
            if "errors" in answer:
                assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        answer = await served.ask(query, user_id=viewer, c=BIG, f={"cohort": ["Blue"]})
        assert "errors" not in answer


@pytest.mark.parametrize(
    "fields", ["nodes { userId }", "nodes { userId indicators { __typename } }"]
)
async def test_orders_by_profile_are_for_whom_the_setting_lets(
    rule: tuple[ProfileFilters, Served], fields: str
) -> None:
    allowed, served = rule
    query = (
        "query($c: ID!, $o: StudentOrder!) { course(key: $c) {"
        f" students(orderBy: $o) {{ {fields} }} }} }}"
    )
    for viewer in ROLES:
        for column in ("YEAR_OF_BIRTH", "GENDER", "LEVEL_OF_EDUCATION", "COUNTRY"):
            answer = await served.ask(query, user_id=viewer, c=BIG, o={"profile": column})
            assert ("errors" not in answer) is (viewer in MAY[allowed])
        answer = await served.ask(query, user_id=viewer, c=BIG, o={"profile": "COHORT"})
        assert "errors" not in answer
