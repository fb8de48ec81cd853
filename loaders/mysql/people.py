"""Accounts, profiles and course teams."""

from __future__ import annotations

from loaders.mysql.reads import Changes, Joined, Path, Read
from loaders.tables.queries import QUERY_OF
from loaders.tables.specs import TABLE_SPECS

ENROLLED = TABLE_SPECS["student_courseenrollment"]


def through_enrollments(on: str) -> Path:
    """Rows of the people of a course, for tables that have no index that begins with it."""
    return Path(
        "e.course_id = %(course_key)s",
        ("e.id",),
        ("course_id",),
        through=Joined(ENROLLED, "e", on=on),
    )


_USER = TABLE_SPECS["auth_user"]
_PROFILE = TABLE_SPECS["auth_userprofile"]
_ROLE = TABLE_SPECS["student_courseaccessrole"]

PROFILES = Read(
    "profiles",
    QUERY_OF["profiles"],
    (Joined(_USER, "u"), Joined(_PROFILE, "p", "p.user_id = u.id", needed=False)),
    by_course=(through_enrollments("u.id = e.user_id"),),
    by_users=(Path("u.id IN %(user_ids)s", ("u.id",), ("id",)),),
    changes=Changes(Path("", ("u.id",), ("id",))),
)

COURSE_TEAM = Read(
    "course_team",
    QUERY_OF["course_roles"],
    (Joined(_ROLE, "r"),),
    by_course=(Path("r.course_id = %(course_key)s", ("r.id",), ("course_id",)),),
    by_users=(
        Path(
            "r.user_id IN %(user_ids)s AND r.course_id IN (%(course_key)s, '')",
            ("r.id",),
            ("user_id",),
        ),
    ),
    changes=Changes(Path("", ("r.id",), ("id",))),
)

# Roles on a whole org or on everything have an empty course.
ORG_TEAM = Read(
    "org_team",
    QUERY_OF["course_roles"],
    (Joined(_ROLE, "r"),),
    by_course=(Path("r.course_id = ''", ("r.id",), ("course_id",)),),
)

READS = (PROFILES, COURSE_TEAM, ORG_TEAM)
