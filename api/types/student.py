"""A student of a course."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry

from api.schema.records import Column, Nested, Record
from api.schema.shapes import Values
from api.types.connection import connection_record
from api.types.course_facts import COURSE_FACTS
from api.types.scalars import GradeBand


def student_record(values: Sequence[Values]) -> Record:
    """The type `Student` with the indicators that students have."""
    return Record(
        "Student",
        "A student of a course: a row of the roster and the indicators about them.",
        (
            Column("id", strawberry.ID, "Global id.", nullable=False),
            Column("user_id", int, "The platform's id of the user.", nullable=False),
            Column("username", str, "Name of the account."),
            Column("mode", str, "Enrolment track, such as `audit` or `verified`."),
            Column("cohort", str, "Cohort; null: in none."),
            Column("grade_band", GradeBand, "Band of the course grade."),
            Column("year_of_birth", int, "Year of birth, where the profile says it."),
            Column("gender", str, "Code of the profile: `f`, `m`, `o`."),
            Column("level_of_education", str, "Code of the profile, such as `hs`, `b`, `m`."),
            Column("country", str, "ISO 3166 code of the profile."),
            Column("enrolled_at", datetime, "First enrolment."),
            Column("is_enrolled", bool, "Whether the student still is.", nullable=False),
            Nested(
                "course",
                COURSE_FACTS,
                "The course whose student it is.",
                nullable=False,
                is_linked=True,
            ),
            *indicators_field("StudentIndicators", "Indicators about this student.", values),
        ),
        is_node=True,
    )


def student_connection(student: Record) -> Record:
    """The type `StudentConnection`."""
    total = Column("total_count", int, "How many match; counted only when asked for.")
    return connection_record(student, total)


def indicators_field(name: str, prose: str, values: Sequence[Values]) -> tuple[Nested, ...]:
    """The field `indicators` with one field per student value; nothing where there is none."""
    fields = tuple(
        Nested(value.student.indicator.key, value.student.record, value.student.record.description)
        for value in values
        if value.student
    )
    if not fields:
        return ()
    return (Nested("indicators", Record(name, prose, fields), prose),)
