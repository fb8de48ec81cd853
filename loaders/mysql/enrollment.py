"""Enrolments with their history, cohorts, arms of experiments."""

from __future__ import annotations

from loaders.mysql.people import ENROLLED
from loaders.mysql.reads import Changes, Joined, Path, Read
from loaders.tables.queries import QUERY_OF
from loaders.tables.specs import TABLE_SPECS

_HISTORY = TABLE_SPECS["student_courseenrollment_history"]
_TAG = TABLE_SPECS["user_api_usercoursetag"]
_GROUP = TABLE_SPECS["course_groups_courseusergroup"]
_MEMBER = TABLE_SPECS["course_groups_cohortmembership"]
_USER = TABLE_SPECS["course_groups_courseusergroup_users"]
_LINK = TABLE_SPECS["course_groups_courseusergrouppartitiongroup"]

ENROLLMENTS = Read(
    "enrollments",
    QUERY_OF["enrollments"],
    (Joined(ENROLLED, "e"),),
    by_course=(Path("e.course_id = %(course_key)s", ("e.id",), ("course_id",)),),
    by_users=(
        Path(
            "e.user_id IN %(user_ids)s AND e.course_id = %(course_key)s",
            ("e.user_id",),
            ("user_id", "course_id"),
        ),
    ),
    changes=Changes(Path("", ("e.id",), ("id",))),
)

# Its ids are drawn at random and its dates have no index: a course is read again when the number
# of its rows has grown.
ENROLLMENT_HISTORY = Read(
    "enrollment_history",
    QUERY_OF["enrollment_history"],
    (Joined(_HISTORY, "h"),),
    by_course=(Path("h.course_id = %(course_key)s", ("h.history_id",), ("course_id",)),),
    by_users=(
        Path(
            "h.user_id IN %(user_ids)s AND h.course_id = %(course_key)s",
            ("h.history_id",),
            ("user_id",),
        ),
    ),
)

EXPERIMENT_GROUPS = Read(
    "experiment_groups",
    QUERY_OF["experiment_groups"],
    (Joined(_TAG, "t"),),
    by_course=(
        Path("t.course_id = %(course_key)s", ("t.id",), ("course_id",)),
        Path(
            "t.user_id IN %(parents)s AND t.course_id = %(course_key)s",
            ("t.user_id", "t.id"),
            ("user_id",),
            parents=ENROLLMENTS,
        ),
    ),
    by_users=(
        Path("t.user_id IN %(user_ids)s AND t.course_id = %(course_key)s", ("t.id",), ("user_id",)),
    ),
    changes=Changes(Path("", ("t.id",), ("id",))),
)

_COHORTS = Read(
    "cohorts",
    QUERY_OF["cohort_members"],
    (Joined(_GROUP, "g"),),
    by_course=(Path("g.course_id = %(course_key)s", ("g.id",), ("course_id",)),),
)
_LINKED = Joined(_LINK, "l", "l.course_user_group_id = g.id", needed=False)

COHORT_MEMBERS = Read(
    "cohort_members",
    QUERY_OF["cohort_members"],
    (Joined(_MEMBER, "m"), Joined(_GROUP, "g", "g.id = m.course_user_group_id"), _LINKED),
    by_course=(
        Path(
            "m.course_user_group_id IN %(parents)s",
            ("m.course_user_group_id", "m.id"),
            ("course_user_group_id",),
            parents=_COHORTS,
        ),
    ),
    by_users=(
        Path(
            "m.user_id IN %(user_ids)s AND m.course_id = %(course_key)s",
            ("m.user_id",),
            ("user_id", "course_id"),
        ),
    ),
    changes=Changes(Path("", ("m.id",), ("id",))),
)

# Old installations keep members only here; where both tables have a learner the other one counts.
COHORT_USERS = Read(
    "cohort_users",
    QUERY_OF["cohort_members"],
    (Joined(_USER, "u"), Joined(_GROUP, "g", "g.id = u.courseusergroup_id"), _LINKED),
    by_course=(
        Path(
            "u.courseusergroup_id IN %(parents)s",
            ("u.courseusergroup_id", "u.user_id"),
            ("courseusergroup_id", "user_id"),
            parents=_COHORTS,
        ),
    ),
    by_users=(
        Path("u.user_id IN %(user_ids)s AND g.course_id = %(course_key)s", ("u.id",), ("user_id",)),
    ),
)

READS = (
    ENROLLMENTS,
    ENROLLMENT_HISTORY,
    EXPERIMENT_GROUPS,
    COHORT_USERS,
    COHORT_MEMBERS,
)
