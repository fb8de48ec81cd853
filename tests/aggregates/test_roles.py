"""Course teams as the refreshes bring them."""

from __future__ import annotations

from typing import Any

from aggregates.records import RoleRecord
from aggregates.store import Store
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
)

OTHER_KEY = "course-v1:Uni+Other+2026"


def role(user_id: int, role: str, *, org: str = "", course_key: str = "") -> dict[str, Any]:
    return {"user_id": user_id, "org": org, "course_key": course_key, "role": role}


async def refresh(store: Store, digest: str, *roles: dict[str, Any], key: str = COURSE_KEY) -> bool:
    course = build_course([Person(1), Person(2, in_l=False)], [], course_key=key, roles=roles)
    return (await store.write(course, input_digest=digest, cursors={})).changed


async def test_roles_of_course_org_and_everything_are_read_by_user(store: Store):
    await refresh(
        store,
        "1",
        role(7, "staff", org="Uni", course_key=COURSE_KEY),
        role(7, "data_researcher", org="Uni"),
        role(7, "global_staff"),
        role(7, "staff", org="Uni", course_key=COURSE_KEY),
    )
    assert await store.reader.roles(7) == [
        RoleRecord("Uni", COURSE_KEY, "staff"),
        RoleRecord("Uni", None, "data_researcher"),
        RoleRecord(None, None, "global_staff"),
    ]
    assert await store.reader.roles(8) == []


async def test_a_withdrawn_role_is_gone_though_the_facts_are_the_same(store: Store):
    await refresh(store, "same", role(7, "staff", org="Uni", course_key=COURSE_KEY))
    assert await refresh(store, "same")
    assert await store.reader.roles(7) == []


async def test_a_refresh_replaces_its_org_and_leaves_other_courses(store: Store):
    await refresh(store, "a", role(5, "staff", course_key=OTHER_KEY), key=OTHER_KEY)
    await refresh(store, "b", role(6, "instructor", org="Uni"), role(6, "staff", org="Foreign"))
    assert await store.reader.roles(6) == [RoleRecord("Uni", None, "instructor")]
    await refresh(store, "c", role(9, "instructor", org="Uni"))
    assert await store.reader.roles(6) == []
    assert await store.reader.roles(9) == [RoleRecord("Uni", None, "instructor")]
    assert await store.reader.roles(5) == [RoleRecord(None, OTHER_KEY, "staff")]


async def test_enrolled_courses_leave_out_those_that_were_left(store: Store):
    await refresh(store, "d", key=OTHER_KEY)
    await refresh(store, "e")
    assert await store.reader.enrolled_courses(1) == [OTHER_KEY, COURSE_KEY]
    assert await store.reader.enrolled_courses(2) == []


async def test_courses_are_found_by_key_or_org_in_order(store: Store):
    await refresh(store, "f", key=OTHER_KEY)
    await refresh(store, "g")

    async def keys(*args: Any, first: int = 9, after: str | None = None, **more: Any) -> list[str]:
        found = await store.reader.courses(*args, after=after, first=first, **more)
        return [course.course_key for course in found]

    assert await keys(None) == [OTHER_KEY, COURSE_KEY]
    assert await keys(None, first=1) == [OTHER_KEY]
    assert await keys(None, after=OTHER_KEY) == [COURSE_KEY]
    assert await keys([COURSE_KEY]) == [COURSE_KEY]
    assert await keys([]) == []
    assert await keys([], orgs=["Uni"]) == [OTHER_KEY, COURSE_KEY]


async def test_courses_of_other_orgs_are_left_out(store: Store):
    await refresh(store, "h", key=OTHER_KEY)
    await refresh(store, "i")

    async def keys(within_orgs: list[str] | None, **more: Any) -> list[str]:
        found = await store.reader.courses(
            None, within_orgs=within_orgs, after=None, first=9, **more
        )
        return [course.course_key for course in found]

    assert await keys(None) == await keys(["Foreign", "Uni"]) == [OTHER_KEY, COURSE_KEY]
    assert await keys(["Foreign"]) == []
    assert await keys([]) == []


async def test_users_are_found_by_name_in_any_course(store: Store):
    async def people(key: str, *known: Person) -> None:
        course = build_course(known, [], course_key=key)
        await store.write(course, input_digest=f"names {len(known)}", cursors={})

    await people(OTHER_KEY, Person(1, username="ana"), Person(2, username="ben"))
    await people(COURSE_KEY, Person(1, username="ana"), Person(3, in_l=False, username="cleo"))
    assert await store.reader.user_ids("ana") == [1]
    assert await store.reader.user_ids("cleo") == [3]
    assert await store.reader.user_ids("nobody") == []
    assert await store.reader.user_ids("") == []
    await people(COURSE_KEY, *(Person(number, username="ben") for number in (5, 6, 7)))
    assert len(await store.reader.user_ids("ben")) == 2
