"""Grades of subsections and courses, certificates."""

from __future__ import annotations

from loaders.mysql.people import through_enrollments
from loaders.mysql.reads import Changes, Joined, Path, Read
from loaders.tables.queries import QUERY_OF
from loaders.tables.specs import TABLE_SPECS

_SUBSECTION = TABLE_SPECS["grades_persistentsubsectiongrade"]
_OVERRIDE = TABLE_SPECS["grades_persistentsubsectiongradeoverride"]
_COURSE = TABLE_SPECS["grades_persistentcoursegrade"]
_CERTIFICATE = TABLE_SPECS["certificates_generatedcertificate"]

SUBSECTION_GRADES = Read(
    "subsection_grades",
    QUERY_OF["subsection_grades"],
    (Joined(_SUBSECTION, "g"), Joined(_OVERRIDE, "o", "o.grade_id = g.id", needed=False)),
    by_course=(
        Path(
            "g.course_id = %(course_key)s",
            ("g.user_id", "g.usage_key"),
            ("course_id", "user_id", "usage_key"),
        ),
    ),
    by_users=(
        Path(
            "g.course_id = %(course_key)s AND g.user_id IN %(user_ids)s",
            ("g.user_id", "g.usage_key"),
            ("course_id", "user_id"),
        ),
    ),
    # By time only what changes the grade's own row is found; an override that leaves it alone is
    # told by the fingerprint, which covers both tables.
    changes=Changes(
        Path("", ("g.id",), ("id",)),
        by_time=Path(
            "",
            ("g.modified", "g.course_id", "g.usage_key", "g.id"),
            ("modified", "course_id", "usage_key"),
        ),
    ),
)

COURSE_GRADES = Read(
    "course_grades",
    QUERY_OF["course_grades"],
    (Joined(_COURSE, "g"),),
    by_course=(Path("g.course_id = %(course_key)s", ("g.user_id",), ("course_id", "user_id")),),
    by_users=(
        Path(
            "g.course_id = %(course_key)s AND g.user_id IN %(user_ids)s",
            ("g.user_id",),
            ("course_id", "user_id"),
        ),
    ),
    changes=Changes(
        Path("", ("g.id",), ("id",)),
        by_time=Path("", ("g.modified", "g.course_id", "g.id"), ("modified", "course_id")),
    ),
)

CERTIFICATES = Read(
    "certificates",
    QUERY_OF["certificates"],
    (Joined(_CERTIFICATE, "c"),),
    by_course=(through_enrollments("c.user_id = e.user_id AND c.course_id = e.course_id"),),
    by_users=(
        Path(
            "c.user_id IN %(user_ids)s AND c.course_id = %(course_key)s",
            ("c.user_id",),
            ("user_id", "course_id"),
        ),
    ),
    changes=Changes(Path("", ("c.id",), ("id",))),
)

READS = (SUBSECTION_GRADES, COURSE_GRADES, CERTIFICATES)
