"""Two courses whose students' every value is a canary, and one viewer of each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import jwt

from courselens.keys import TokenRules
from indicators.contract import Indicator, Privacy
from indicators.registry import Registry
from indicators.result import COURSE_GROUP, CourseResults
from tests.data.canaries import FIRST_HERE, FIRST_THERE, FOR_NOBODY, SELF_ONLY, TEAM_ONLY
from tests.data.served_courses import NOW, signing_key
from tests.data.stored_course import (
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import (
    ToyActive,
    ToyChapters,
    ToyProgress,
    ToyTime,
    build_registry,
    declare,
)

HERE, THERE = "course-v1:Uni+Here+2026", "course-v1:Other+There+2026"
NOWHERE = "course-v1:Uni+Nowhere+2026"
STUDENTS = tuple(range(FIRST_HERE, FIRST_HERE + 30))
LEFT = FIRST_HERE + 90
OTHERS = tuple(range(FIRST_THERE, FIRST_THERE + 12))
ME, CLASSMATE = STUDENTS[0], STUDENTS[1]

_PREFIX = {
    Privacy.SELF: SELF_ONLY,
    Privacy.STAFF: TEAM_ONLY,
    Privacy.PROFILE: FOR_NOBODY,
    Privacy.AGG: FOR_NOBODY,
}
_GROUPS = (COURSE_GROUP, "cohort:Blue")
_SPREAD = {"mean": 5.0, "median": 5.0, "sd": 1.0, "p25": 4.0, "p75": 6.0}


@cache
def guarded_registry() -> Registry:
    """An indicator for each privacy class alone, and every shape for the student and the team."""
    both = (Privacy.SELF, Privacy.STAFF)
    return build_registry(
        [
            *(
                declare(f"for_{privacy}", student=ToyTime, group=ToyActive, privacy=(privacy,))
                for privacy in Privacy
            ),
            declare("progress", student=ToyProgress, unit="days", privacy=both),
            declare("chapters", student=ToyChapters, group=ToyChapters, privacy=both),
        ]
    )


@dataclass(frozen=True, slots=True)
class Principal:
    """A kind of viewer: roles in the store, what the token says, and what may be seen by it.

    `sees` is `team` or `student` of the course HERE, or nothing.
    """

    user_id: int
    roles: tuple[Mapping[str, str], ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    sees: str = ""

    @property
    def is_global(self) -> bool:
        """Whether it has a role for everything."""
        return {"role": "global_staff"} in self.roles

    @property
    def token(self) -> str:
        """A token as the platform makes it; rights in it count for nothing."""
        seconds, rules, key = int(NOW.timestamp()), TokenRules(), signing_key()
        claims = {
            "iss": rules.issuer,
            "aud": rules.audience,
            "iat": seconds,
            "exp": seconds + 3600,
            "user_id": self.user_id,
            "preferred_username": f"canary-viewer-{self.user_id}",
            "administrator": True,
            "superuser": True,
            "roles": ["staff"],
            **self.claims,
        }
        head = {"kid": key.key_id}
        return jwt.encode(claims, key.private_key, algorithm="RS512", headers=head)


def _principals() -> dict[str, Principal]:
    """By the names of docs/reference/access.md."""
    made: dict[str, Principal] = {}

    def add(
        name: str, *roles: Mapping[str, str], sees: str = "", who: int = 0, **claims: Any
    ) -> None:
        made[name] = Principal(who or 930_001 + len(made), roles, claims, sees)

    only_me, only_here, elsewhere = ["user:me"], ["content_org:Uni"], ["content_org:Elsewhere"]
    staff = {"org": "Uni", "course_key": HERE, "role": "staff"}
    add("student of the course", sees="student", who=ME)
    add("not enrolled")
    for role in ("data_researcher", "instructor", "limited_staff", "staff"):
        add(f"`{role}` of the course", {**staff, "role": role}, sees="team")
        if role != "limited_staff":
            add(f"`{role}` of its organisation", {"org": "Uni", "role": role}, sees="team")
        add(
            f"`{role}` of other courses",
            {"org": "Uni", "course_key": NOWHERE, "role": role},
            {"org": "Elsewhere", "role": role},
        )
    add("global staff", {"role": "global_staff"}, sees="team")
    for role in ("beta_testers", "ccx_coach", "finance_admin", "library_user", "sales_admin"):
        add(f"`{role}`", {**staff, "role": role})
    add(
        "`staff`, token with `content_org` of the course",
        staff,
        sees="team",
        filters=only_here,
    )
    add("`staff`, token with another `content_org`", staff, filters=elsewhere)
    add(
        "global staff, token with another `content_org`",
        {"role": "global_staff"},
        filters=elsewhere,
    )
    add("`staff`, token with `user:me`", staff, filters=only_me)
    add("student, token with `user:me`", sees="student", who=ME, filters=only_me)
    add("student, token with another `content_org`", who=CLASSMATE, filters=elsewhere)
    add("restricted client without `content_org`", staff, is_restricted=True)
    add("`staff` whose account is inactive", staff, email_verified=False)
    return made


PRINCIPALS = _principals()


def here() -> CourseResults:
    """30 students in one cohort, one who left, and every principal's roles."""
    roles = {
        tuple(sorted({"user_id": p.user_id, **role}.items()))
        for p in PRINCIPALS.values()
        for role in p.roles
    }
    return _course(
        HERE,
        "Uni",
        STUDENTS,
        [Person(LEFT, in_l=False, username=f"canary-{LEFT}")],
        [dict(role) for role in sorted(roles, key=repr)],
    )


def there() -> CourseResults:
    """12 students of another organisation."""
    staff = [{"user_id": p.user_id, **role} for p in PRINCIPALS.values() for role in p.roles]
    return _course(
        THERE, "Other", OTHERS, [], [role for role in staff if role["role"] == "global_staff"]
    )


def _course(
    key: str,
    org: str,
    students: Sequence[int],
    more: Sequence[Person],
    roles: Sequence[Mapping[str, Any]],
) -> CourseResults:
    people = [
        Person(
            user_id,
            cohort="Blue",
            mode=f"canary-mode-{user_id}",
            gender=f"g{user_id}",
            country=f"c{user_id}",
            year_of_birth=user_id,
            username=f"canary-{user_id}",
        )
        for user_id in students
    ]
    one = guarded_registry().indicator
    return build_course(
        [*people, *more],
        [
            *(
                _simple(one(f"for_{privacy}"), key, students, _PREFIX[privacy])
                for privacy in Privacy
            ),
            build_result(
                one("progress"),
                student={"values": [_progress(user_id) for user_id in students]},
                standing=[
                    {"user_id": user_id, "field": "days", "percentile": 40.0}
                    for user_id in students
                ],
                course_key=key,
            ),
            build_result(
                one("chapters"),
                student={
                    "rows": [
                        {
                            "user_id": user_id,
                            "chapter": "one",
                            "activity": "video",
                            "seconds": float(user_id),
                        }
                        for user_id in students
                    ],
                },
                group={
                    "rows": [
                        {
                            "group_id": COURSE_GROUP,
                            "chapter": "one",
                            "activity": "video",
                            "seconds": 5.0,
                        }
                    ]
                },
                course_key=key,
            ),
        ],
        course_key=key,
        chapters=("one",),
        roles=roles,
        display_name=f"title-of-{org}",
        org=org,
    )


def _simple(indicator: Indicator, key: str, students: Sequence[int], prefix: int) -> Any:
    values = [{"user_id": one, "seconds": float(prefix + one)} for one in students]
    active = {"active_learners": 12, "mean_seconds": 5.0}
    return build_result(
        indicator,
        student={"values": values},
        group={"values": [{"group_id": group, **active} for group in _GROUPS]},
        summaries=[
            {"group_id": group, "field": "seconds", "n": len(students), "n_null": 0, **_SPREAD,
             "sum": 150.0, "minimum": 1.0, "maximum": 9.0, "histogram": [15, 15]}
            for group in _GROUPS
        ],
        standing=[{"user_id": one, "field": "seconds", "percentile": 40.0} for one in students],
        course_key=key,
    )  # fmt: skip


def _progress(user_id: int) -> dict[str, Any]:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=user_id)
    return {
        "user_id": user_id,
        "days": user_id,
        "ratio": user_id / 1_000_000,
        "passed": True,
        "first_at": moment,
        "first_day": date(2026, 1, 1),
        "tags": [f"canary-tag-{user_id}"],
        "weeks": [user_id],
    }


def as_expired(principal: Principal) -> Principal:
    """The same with a token that ended a second ago."""
    seconds = int(NOW.timestamp())
    return replace(principal, claims={**principal.claims, "iat": seconds - 60, "exp": seconds - 1})
