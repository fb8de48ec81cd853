"""The access policy: one function decides what a viewer may see, for every door.

Denied unless granted. Roles come from stored data (the platform's course access roles), never from
a token; a token can only narrow. What is granted as `PROTECTED` passes through `suppression.py`
before it leaves. The table of it all is docs/reference/access.md.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from aggregates.records import CourseRecord, RoleRecord
from courselens.domain import GLOBAL_STAFF, Level
from courselens.errors import AccessError, CourselensError, SourceUnavailable, Unauthenticated
from indicators.contract import Privacy

TEAM_ROLES = frozenset({"staff", "limited_staff", "instructor", "data_researcher"})
"""Roles that see a course's students; others, such as beta testers, see nothing by them."""
DATA_RESEARCHER = "data_researcher"
ORG_ROLES = TEAM_ROLES - {"limited_staff"}
"""Those that the platform also gives for all courses of an organisation."""


class RoleSource(Protocol):
    """Where the roles of a user are looked up."""

    async def roles(self, user_id: int) -> Sequence[RoleRecord]:
        """All roles of a user, over all courses."""
        ...

    async def user_ids(self, username: str) -> Sequence[int]:
        """Users who are known by this name: one, none, or two where the name changed hands."""
        ...


class Reach(NamedTuple):
    """What a token may be used for at most, whatever its bearer may see otherwise.

    Attributes:
        orgs: courses of these organisations only; None: of any.
        only_self: the bearer's own facts and numbers only, nothing by a role, nothing of the class.
        has_roles: whether roles count; those of an inactive account do not.
    """

    orgs: frozenset[str] | None = None
    only_self: bool = False
    has_roles: bool = True


class Viewer(NamedTuple):
    """Who asks: a user of the platform, by a token of some reach.

    A tuple, as answers that are kept are looked up by it.
    """

    user_id: int
    username: str
    reach: Reach = Reach()

    def held(self, roles: Sequence[RoleRecord]) -> Sequence[RoleRecord]:
        """Those of the viewer's roles that count."""
        return () if self.reach.only_self or not self.reach.has_roles else roles

    def reaches(self, course: CourseRecord) -> bool:
        """Whether the token is good for a course."""
        return self.reach.orgs is None or course.org in self.reach.orgs


class ProfileFilters(enum.Enum):
    """Who of a course's team may use profiles: choose, order and count students by them (R1)."""

    TEAM = "team"
    DATA_RESEARCHER = "data_researcher"
    OFF = "off"


class Access(NamedTuple):
    """How a viewer stands to one course; `only_self` as in `Reach`.

    A tuple, as each request looks up by it what was decided for others who stand so.

    Attributes:
        uses_profiles: one of the team who may choose, order and count students by their profiles.
        is_unsure: the viewer's roles cannot be looked up, and count as none.
    """

    is_team: bool = False
    is_enrolled: bool = False
    only_self: bool = False
    uses_profiles: bool = False
    is_unsure: bool = False


class Grant(enum.Enum):
    """What the policy says."""

    DENIED = "denied"
    PROTECTED = "protected"
    EXACT = "exact"


def is_global_staff(roles: Collection[RoleRecord]) -> bool:
    """Whether roles give every course that the token reaches."""
    return any(role.role == GLOBAL_STAFF and not role.org and not role.course_key for role in roles)


def is_team(roles: Collection[RoleRecord], course: CourseRecord) -> bool:
    """Whether a viewer belongs to a course's team, by its own or its organisation's role."""
    return is_global_staff(roles) or any(_is_of_team(role, course) for role in roles)


def courses_of_team(roles: Collection[RoleRecord]) -> tuple[list[str] | None, list[str]]:
    """Keys, and organisations all of whose courses, to whose team a viewer belongs; None: all."""
    if is_global_staff(roles):
        return None, []
    keys = {role.course_key for role in roles if role.course_key and role.role in TEAM_ROLES}
    orgs = [
        role.org for role in roles if role.org and not role.course_key and role.role in ORG_ROLES
    ]
    return sorted(keys), orgs


def is_researcher(roles: Collection[RoleRecord], course: CourseRecord) -> bool:
    """Whether a member of a course's team is one to work with profiles."""
    return is_global_staff(roles) or any(
        role.role == DATA_RESEARCHER and _is_of_team(role, course) for role in roles
    )


def _is_of_team(role: RoleRecord, course: CourseRecord) -> bool:
    if role.course_key:
        return role.course_key == course.course_key and role.role in TEAM_ROLES
    return bool(role.org) and role.org == course.org and role.role in ORG_ROLES


def sees_plans(roles: Collection[RoleRecord]) -> bool:
    """Whether a viewer is told how an answer was made: whoever belongs to some course's team."""
    return is_global_staff(roles) or any(role.role in TEAM_ROLES for role in roles)


def stand(
    viewer: Viewer,
    roles: Sequence[RoleRecord],
    course: CourseRecord,
    *,
    is_enrolled: bool,
    profile_filters: ProfileFilters,
) -> Access:
    """How a viewer stands to a course.

    Args:
        viewer: who asks.
        roles: all roles of the viewer.
        course: which course.
        is_enrolled: whether the viewer is a student of it now; does not matter for its team.
        profile_filters: whom of the team the installation lets use profiles.
    """
    if not viewer.reaches(course):
        return Access()
    held = viewer.held(roles)
    if is_team(held, course):
        may = profile_filters is ProfileFilters.TEAM or (
            profile_filters is ProfileFilters.DATA_RESEARCHER and is_researcher(held, course)
        )
        return Access(is_team=True, uses_profiles=may)
    return Access(is_enrolled=is_enrolled, only_self=viewer.reach.only_self)


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
        if privacy is None or Privacy.STAFF in privacy:
            return Grant.EXACT
        if Privacy.PROFILE in privacy and access.uses_profiles and level is not Level.STUDENT:
            return Grant.EXACT
        # A cohort may be one student, and whose number that is the team may not see.
        if level is Level.COURSE and Privacy.AGG in privacy:
            return Grant.PROTECTED
    if access.is_enrolled:
        if level is Level.STUDENT and own and (privacy is None or Privacy.SELF in privacy):
            return Grant.EXACT
        if level is Level.COURSE:
            if privacy is None:
                return Grant.EXACT
            if Privacy.AGG in privacy and not access.only_self:
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
        SourceUnavailable: nothing is, and the viewer's roles are not known.
    """
    grant = decide(access, level, privacy, own=own)
    if grant is Grant.DENIED:
        raise refusal(access, what)
    return grant


def refusal(access: Access, what: str) -> CourselensError:
    """Why something is denied: it is not for the viewer, or nobody can tell now."""
    if access.is_unsure:
        return SourceUnavailable("the platform", 0, reason="your roles cannot be looked up")
    return AccessError(f"you may not see {what}")


def require_team(access: Access, *, what: str) -> None:
    """Let only a course's team do something.

    Raises:
        AccessError: somebody else wants to; `what` says what.
    """
    if decide(access, Level.GROUP) is not Grant.EXACT:
        raise AccessError(f"only the course's team may {what}")


def require_profile_filters(access: Access) -> None:
    """Let a viewer choose or order students by their profiles.

    Raises:
        AccessError: the installation does not let them.
    """
    if not access.is_team or not access.uses_profiles:
        raise AccessError("you may not filter or order the students of this course by profile")


def require_viewer(viewer: Viewer | None) -> Viewer:
    """The viewer, if anybody is signed in.

    Raises:
        Unauthenticated: nobody is.
    """
    if viewer is None:
        raise Unauthenticated("sign in: send `Authorization: JWT <token>`")
    return viewer
