"""The access policy: one function decides what a viewer may see, for every door.

Denied unless granted. Roles come from stored data (the platform's course access roles), never from
a token. What is granted as `PROTECTED` passes through `suppression.py` before it leaves.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from aggregates.records import CourseRecord, RoleRecord
from courselens.domain import Level
from courselens.errors import AccessError, Unauthenticated
from indicators.contract import Privacy
from indicators.roles import GLOBAL_STAFF

TEAM_ROLES = frozenset({"staff", "limited_staff", "instructor", "data_researcher"})
"""Roles that see a course's students; others, such as beta testers, see nothing by them."""


class RoleSource(Protocol):
    """Where the roles of a user are looked up."""

    async def roles(self, user_id: int) -> Sequence[RoleRecord]:
        """All roles of a user, over all courses."""
        ...


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: a user of the platform."""

    user_id: int
    username: str


@dataclass(frozen=True, slots=True)
class Access:
    """How a viewer stands to one course."""

    is_team: bool = False
    is_enrolled: bool = False


class Grant(enum.Enum):
    """What the policy says."""

    DENIED = "denied"
    PROTECTED = "protected"
    EXACT = "exact"


def is_global_staff(roles: Collection[RoleRecord]) -> bool:
    """Whether a viewer sees every course."""
    return any(role.role == GLOBAL_STAFF and not role.org and not role.course_key for role in roles)


def is_team(roles: Collection[RoleRecord], course: CourseRecord) -> bool:
    """Whether a viewer belongs to a course's team, by its own or its organisation's role."""
    return is_global_staff(roles) or any(
        role.course_key == course.course_key
        or (not role.course_key and bool(role.org) and role.org == course.org)
        for role in roles
        if role.role in TEAM_ROLES
    )


def decide(
    access: Access, level: Level, privacy: Collection[Privacy] | None = None, *, own: bool = False
) -> Grant:
    """Whether a viewer may see something of a course.

    Args:
        access: how the viewer stands to the course.
        level: COURSE, the course itself and the group of all its students; GROUP, any other group,
            also one made by a filter; STUDENT, one student.
        privacy: classes of the indicator; None for facts of the subject itself (a course's title,
            a cohort's size, a student's row of the roster).
        own: the student is the viewer.
    """
    if access.is_team:
        seen_by_team = {Privacy.STAFF} if level is Level.STUDENT else {Privacy.STAFF, Privacy.AGG}
        if privacy is None or seen_by_team.intersection(privacy):
            return Grant.EXACT
    if access.is_enrolled:
        if level is Level.STUDENT and own and (privacy is None or Privacy.SELF in privacy):
            return Grant.EXACT
        if level is Level.COURSE:
            if privacy is None:
                return Grant.EXACT
            if Privacy.AGG in privacy:
                return Grant.PROTECTED
    return Grant.DENIED


def require(
    access: Access,
    level: Level,
    privacy: Collection[Privacy] | None = None,
    *,
    own: bool = False,
    what: str,
) -> Grant:
    """The grant, if there is one.

    Raises:
        AccessError: nothing is granted; `what` says what was asked for.
    """
    grant = decide(access, level, privacy, own=own)
    if grant is Grant.DENIED:
        raise AccessError(f"you may not see {what}")
    return grant


def require_viewer(viewer: Viewer | None) -> Viewer:
    """The viewer, if anybody is signed in.

    Raises:
        Unauthenticated: nobody is.
    """
    if viewer is None:
        raise Unauthenticated("sign in: send `Authorization: JWT <token>`")
    return viewer
