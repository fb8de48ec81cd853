"""Roles from the platform's own table: at once, within a minute, and while it is down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.access.roles import LiveRoles, RoleCache
from indicators.registry import Registry
from loaders.live import LiveSource
from tests.data.platform import Platform
from tests.data.served_courses import Served, serve

TEAM = "query($c: ID!) { course(key: $c) { students(first: 1) { nodes { userId } } } }"
OWN = "query($c: ID!) { viewer { student(course: $c) { userId } } }"
NEWCOMER = 9_100_001
DEADLINE = 20.0
"""All the time in the world: a server that refuses needs none of it."""


class Clock:
    """Seconds that a test moves on."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def asked(
    platform: Platform, stored_url: str, registry: Registry
) -> AsyncIterator[tuple[Served, Clock]]:
    """The API with roles of the platform, kept a minute, and a quarter of an hour in an outage."""
    platform.heal()
    clock = Clock()
    async with LiveSource(platform.mysql(deadline=DEADLINE), None) as live:

        def roles(stored: Any) -> RoleCache:
            asking = LiveRoles(
                live, stored, deadline_seconds=DEADLINE, outage_seconds=900, clock=clock
            )
            return RoleCache(asking, seconds=60, clock=clock)

        async with serve(stored_url, [], registry=registry, roles=roles) as served:
            yield served, clock
    platform.heal()
    platform.on_mysql(
        f"DELETE FROM student_courseaccessrole WHERE user_id = {NEWCOMER}",
        f"DELETE FROM auth_user WHERE id = {NEWCOMER}",
    )


def hire(platform: Platform, *, is_active: int = 1, is_staff: int = 0) -> None:
    """Give somebody whom no refresh has seen an account, and a role in the course."""
    columns = [row[0] for row in platform.on_mysql("SHOW COLUMNS FROM auth_user")]
    own = {"id": NEWCOMER, "username": "'newcomer'", "is_active": is_active, "is_staff": is_staff,
           "is_superuser": 0, "email": "'newcomer@uni.example'"}  # fmt: skip
    values = ", ".join(str(own.get(column, f"`{column}`")) for column in columns)
    platform.on_mysql(
        f"INSERT INTO auth_user SELECT {values} FROM auth_user ORDER BY id LIMIT 1",
        "INSERT INTO student_courseaccessrole (user_id, org, course_id, role)"
        f" VALUES ({NEWCOMER}, '', '{platform.course_key}', 'staff')",
    )


async def code_of(
    served: Served, platform: Platform, query: str = TEAM, user: int = NEWCOMER
) -> str:
    """The code of the first error; empty where everything was told."""
    answer = await served.ask(query, user_id=user, c=platform.course_key)
    errors = answer.get("errors", [])
    if not errors:
        assert answer["data"]
    return errors[0]["extensions"]["code"] if errors else ""


async def test_role_counts_before_any_refresh_and_ends_within_a_minute(
    platform: Platform, asked: tuple[Served, Clock]
) -> None:
    served, clock = asked
    assert await code_of(served, platform) == "FORBIDDEN"
    hire(platform)
    clock.seconds += 60
    assert await code_of(served, platform) == ""
    platform.on_mysql(f"DELETE FROM student_courseaccessrole WHERE user_id = {NEWCOMER}")
    clock.seconds += 59
    assert await code_of(served, platform) == ""
    clock.seconds += 1
    assert await code_of(served, platform) == "FORBIDDEN"


@pytest.mark.parametrize(
    ("is_active", "is_staff", "code"), [(1, 1, ""), (0, 0, "FORBIDDEN"), (0, 1, "FORBIDDEN")]
)
async def test_accounts_say_who_is_global_staff_and_who_is_nobody(
    platform: Platform, asked: tuple[Served, Clock], is_active: int, is_staff: int, code: str
) -> None:
    served, _ = asked
    hire(platform, is_active=is_active, is_staff=is_staff)
    if is_staff:
        platform.on_mysql(f"DELETE FROM student_courseaccessrole WHERE user_id = {NEWCOMER}")
    assert await code_of(served, platform) == code


async def test_outage_leaves_the_team_its_roles_for_a_while_and_students_their_own(
    platform: Platform, asked: tuple[Served, Clock]
) -> None:
    served, clock = asked
    student = platform.students[0]
    hire(platform)
    assert await code_of(served, platform) == ""
    platform.mysql_proxy.is_refusing = True
    platform.mysql_proxy.reset()
    clock.seconds += 600
    assert await code_of(served, platform) == ""
    assert await code_of(served, platform, OWN, student) == ""
    clock.seconds += 600
    # Not FORBIDDEN: in a while the same question may be answered.
    assert await code_of(served, platform) == "SOURCE_UNAVAILABLE"
    assert await code_of(served, platform, OWN, student) == ""
    assert await code_of(served, platform, TEAM, student) == "SOURCE_UNAVAILABLE"
