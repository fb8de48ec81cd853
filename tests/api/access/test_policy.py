from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest

from aggregates.records import CourseRecord, RoleRecord
from api.access.policy import (
    Access,
    Grant,
    ProfileFilters,
    Reach,
    Viewer,
    decide,
    is_global_staff,
    is_team,
    require_profile_filters,
    stand,
)
from courselens.domain import Level
from courselens.errors import AccessError
from indicators.contract import Privacy

COURSE = CourseRecord(
    course_id=1,
    course_key="course-v1:Uni+A+1",
    display_name=None,
    org="Uni",
    start_at=None,
    end_at=None,
    self_paced=None,
    pass_cutoff=None,
    lowest_passing_grade=None,
    run_id=1,
    computed_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("role", "org", "course_key", "belongs"),
    [
        ("staff", "Uni", "course-v1:Uni+A+1", True),
        ("limited_staff", "Uni", "course-v1:Uni+A+1", True),
        ("instructor", "Uni", "course-v1:Uni+A+1", True),
        ("data_researcher", "Uni", "course-v1:Uni+A+1", True),
        ("instructor", "Uni", None, True),
        ("staff", "Uni", None, True),
        ("data_researcher", "Uni", None, True),
        ("limited_staff", "Uni", None, False),
        ("staff", None, "course-v1:Uni+A+1", True),
        ("global_staff", None, None, True),
        ("staff", "Uni", "course-v1:Uni+B+1", False),
        ("staff", "Other", None, False),
        ("staff", None, None, False),
        ("staff", "", "", False),
        ("global_staff", "Uni", None, False),
        ("beta_testers", "Uni", "course-v1:Uni+A+1", False),
        ("finance_admin", "Uni", None, False),
        ("ccx_coach", "Uni", "course-v1:Uni+A+1", False),
        ("library_user", "Uni", None, False),
        ("support", None, None, False),
        ("course_creator_group", None, None, False),
        ("some_future_role", "Uni", "course-v1:Uni+A+1", False),
    ],
)
def test_role_makes_a_team_member(
    role: str, org: str | None, course_key: str | None, belongs: bool
) -> None:
    assert is_team([RoleRecord(org, course_key, role)], COURSE) is belongs


def test_course_without_org_is_nobodys_by_an_org_role() -> None:
    course = dataclasses.replace(COURSE, org=None)
    assert not is_team([RoleRecord(None, None, "staff")], course)
    assert not is_team([RoleRecord("Uni", None, "staff")], course)


def test_global_staff_is_a_role_of_no_course() -> None:
    assert is_global_staff([RoleRecord(None, None, "global_staff")])
    assert not is_global_staff([RoleRecord("Uni", "course-v1:Uni+A+1", "global_staff")])


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("privacy", [None, (), tuple(Privacy)])
@pytest.mark.parametrize("own", [True, False])
def test_stranger_is_denied_everything(
    level: Level, privacy: tuple[Privacy, ...] | None, own: bool
) -> None:
    assert decide(Access(), level, privacy, own=own) is Grant.DENIED


@pytest.mark.parametrize(
    ("access", "level", "own", "privacy", "grant"),
    [
        ("team", Level.STUDENT, False, None, "exact"),
        ("team", Level.STUDENT, False, "staff", "exact"),
        ("team", Level.STUDENT, False, "agg", "denied"),
        ("team", Level.STUDENT, False, "self", "denied"),
        ("team", Level.GROUP, False, "staff", "exact"),
        ("team", Level.GROUP, False, "agg", "denied"),
        ("team", Level.COURSE, False, "staff", "exact"),
        ("team", Level.COURSE, False, "agg", "protected"),
        ("team", Level.COURSE, False, "self", "denied"),
        ("team", Level.COURSE, False, "profile", "denied"),
        ("team", Level.GROUP, False, "profile", "denied"),
        ("profiles", Level.COURSE, False, "profile", "exact"),
        ("profiles", Level.GROUP, False, "profile", "exact"),
        ("profiles", Level.STUDENT, False, "profile", "denied"),
        ("profiles", Level.COURSE, False, "agg", "protected"),
        ("student", Level.STUDENT, True, None, "exact"),
        ("student", Level.STUDENT, True, "self", "exact"),
        ("student", Level.STUDENT, True, "staff", "denied"),
        ("student", Level.STUDENT, True, "agg", "denied"),
        ("student", Level.STUDENT, False, None, "denied"),
        ("student", Level.STUDENT, False, "self", "denied"),
        ("student", Level.COURSE, False, None, "exact"),
        ("student", Level.COURSE, False, "agg", "protected"),
        ("student", Level.COURSE, False, "staff", "denied"),
        ("student", Level.COURSE, False, "self", "denied"),
        ("student", Level.COURSE, False, "profile", "denied"),
        ("student", Level.STUDENT, True, "profile", "denied"),
        ("student", Level.GROUP, False, None, "denied"),
        ("student", Level.GROUP, False, "agg", "denied"),
        ("self", Level.STUDENT, True, None, "exact"),
        ("self", Level.STUDENT, True, "self", "exact"),
        ("self", Level.STUDENT, False, "self", "denied"),
        ("self", Level.COURSE, False, None, "exact"),
        ("self", Level.COURSE, False, "agg", "denied"),
    ],
)
def test_grant_follows_the_privacy_class(
    access: str, level: Level, own: bool, privacy: str | None, grant: str
) -> None:
    stands = {
        "team": Access(is_team=True),
        "profiles": Access(is_team=True, uses_profiles=True),
        "student": Access(is_enrolled=True),
        "self": Access(is_enrolled=True, only_self=True),
    }[access]
    classes = None if privacy is None else (Privacy(privacy),)
    assert decide(stands, level, classes, own=own) is Grant(grant)


TEAM, STUDENT, STRANGER = Access(is_team=True), Access(is_enrolled=True), Access()
RESEARCHER = Access(is_team=True, uses_profiles=True)
RULE = ProfileFilters.DATA_RESEARCHER
OWN_ROLE = (RoleRecord("Uni", COURSE.course_key, "staff"),)
SITE_ROLE = (RoleRecord(None, None, "global_staff"),)


@pytest.mark.parametrize(
    ("roles", "reach", "is_enrolled", "access"),
    [
        (OWN_ROLE, Reach(), True, TEAM),
        (OWN_ROLE, Reach(orgs=frozenset({"Uni"})), False, TEAM),
        (OWN_ROLE, Reach(orgs=frozenset({"Uni", "Other"})), False, TEAM),
        (OWN_ROLE, Reach(orgs=frozenset({"Other"})), True, STRANGER),
        (OWN_ROLE, Reach(orgs=frozenset()), True, STRANGER),
        (SITE_ROLE, Reach(orgs=frozenset({"Uni"})), False, RESEARCHER),
        (SITE_ROLE, Reach(orgs=frozenset({"Other"})), False, STRANGER),
        (OWN_ROLE, Reach(has_roles=False), True, STUDENT),
        (SITE_ROLE, Reach(has_roles=False), False, STRANGER),
        (OWN_ROLE, Reach(only_self=True), True, Access(is_enrolled=True, only_self=True)),
        (SITE_ROLE, Reach(only_self=True), False, Access(only_self=True)),
        # A filter gives nothing to somebody who has nothing.
        ((), Reach(orgs=frozenset({"Uni"})), False, STRANGER),
        ((), Reach(orgs=frozenset({"Uni"})), True, STUDENT),
    ],
)
def test_reach_of_a_token_narrows_and_never_widens(
    roles: tuple[RoleRecord, ...], reach: Reach, is_enrolled: bool, access: Access
) -> None:
    assert (
        stand(Viewer(1, "ana", reach), roles, COURSE, is_enrolled=is_enrolled, profile_filters=RULE)
        == access
    )
    free = stand(Viewer(1, "ana"), roles, COURSE, is_enrolled=is_enrolled, profile_filters=RULE)
    for level in Level:
        for own in (True, False):
            for privacy in (None, *((one,) for one in Privacy)):
                narrowed = decide(access, level, privacy, own=own)
                allowed = decide(free, level, privacy, own=own)
                # Somebody of the team who is a student too sees their own with less.
                is_own = own and level is Level.STUDENT
                assert narrowed in (Grant.DENIED, allowed, Grant.PROTECTED) or is_own


@pytest.mark.parametrize(
    ("org", "course_key", "is_one"),
    [
        ("Uni", COURSE.course_key, True),
        ("Uni", None, True),
        ("Uni", f"{COURSE.course_key}x", False),
        ("Other", None, False),
    ],
)
def test_researcher_of_the_course_or_its_org_may_work_with_profiles(
    org: str, course_key: str | None, is_one: bool
) -> None:
    roles = (*OWN_ROLE, RoleRecord(org, course_key, "data_researcher"))
    access = stand(Viewer(1, "ana"), roles, COURSE, is_enrolled=False, profile_filters=RULE)
    assert access == (RESEARCHER if is_one else TEAM)


@pytest.mark.parametrize("allowed", ProfileFilters)
@pytest.mark.parametrize("role", [None, "staff", "data_researcher", "global_staff"])
def test_profiles_are_used_by_whom_of_the_team_the_setting_lets(
    role: str | None, allowed: ProfileFilters
) -> None:
    at = (None, None) if role == "global_staff" else ("Uni", COURSE.course_key)
    roles = (RoleRecord(*at, role),) if role else ()
    access = stand(Viewer(1, "ana"), roles, COURSE, is_enrolled=True, profile_filters=allowed)
    may = {
        ProfileFilters.TEAM: role is not None,
        ProfileFilters.DATA_RESEARCHER: role in ("data_researcher", "global_staff"),
        ProfileFilters.OFF: False,
    }[allowed]
    assert access.uses_profiles is may
    with nullcontext() if may else pytest.raises(AccessError):
        require_profile_filters(access)
    both = (Privacy.PROFILE, Privacy.AGG)
    assert decide(access, Level.COURSE, both) is (Grant.EXACT if may else Grant.PROTECTED)
    assert decide(access, Level.GROUP, both) is (Grant.EXACT if may else Grant.DENIED)


def test_who_is_not_of_the_team_uses_no_profiles() -> None:
    access = Access(is_enrolled=True, uses_profiles=True)
    with pytest.raises(AccessError):
        require_profile_filters(access)
    assert decide(access, Level.COURSE, (Privacy.PROFILE,)) is Grant.DENIED


def test_course_without_org_is_in_no_orgs_reach() -> None:
    course = dataclasses.replace(COURSE, org=None)
    viewer = Viewer(1, "ana", Reach(orgs=frozenset({"Uni"})))
    assert stand(viewer, SITE_ROLE, course, is_enrolled=True, profile_filters=RULE) == STRANGER
