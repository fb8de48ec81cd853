from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from aggregates.records import CourseRecord, RoleRecord
from api.policy import Access, Grant, decide, is_global_staff, is_team
from courselens.domain import Level
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
        ("team", Level.GROUP, False, "agg", "exact"),
        ("team", Level.COURSE, False, "staff", "exact"),
        ("team", Level.COURSE, False, "self", "denied"),
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
        ("student", Level.GROUP, False, None, "denied"),
        ("student", Level.GROUP, False, "agg", "denied"),
    ],
)
def test_grant_follows_the_privacy_class(
    access: str, level: Level, own: bool, privacy: str | None, grant: str
) -> None:
    stands = Access(is_team=access == "team", is_enrolled=access == "student")
    classes = None if privacy is None else (Privacy(privacy),)
    assert decide(stands, level, classes, own=own) is Grant(grant)
