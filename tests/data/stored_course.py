"""A small course with results made by hand, for the tests of the store and what reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from courselens.domain import Window, to_us
from indicators.arrow import STANDING_SCHEMA, SUMMARY_SCHEMA, arrow_type
from indicators.contract import Indicator
from indicators.parameters import Parameters
from indicators.result import (
    COURSE_GROUP,
    CourseResults,
    Envelope,
    Result,
    Roster,
)
from indicators.shape import Part, Shape, read_shape
from loaders.datasets import BLOCKS, COURSE_ROLES

COURSE_KEY = "course-v1:Uni+Toy+2026"
AS_OF_US = to_us(datetime(2026, 3, 1, tzinfo=UTC))
COMPUTED_US = to_us(datetime(2026, 3, 1, 2, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Person:
    """A student; `cohort` and the like as on the roster."""

    user_id: int
    cohort: str | None = None
    mode: str | None = "audit"
    grade_band: str | None = None
    year_of_birth: int | None = None
    gender: str | None = None
    level_of_education: str | None = None
    country: str | None = None
    arm: str | None = None
    in_l: bool = True
    username: str | None = None


def build_roster(people: Sequence[Person]) -> Roster:
    """Roster with the course, cohorts and arms as groups."""
    students = pa.table(
        {
            "user_id": pa.array([p.user_id for p in people], pa.int64()),
            "username": pa.array([p.username or f"student{p.user_id}" for p in people]),
            "in_l": pa.array([p.in_l for p in people], pa.bool_()),
            "in_e": pa.array([True for _ in people], pa.bool_()),
            "mode": pa.array([p.mode for p in people], pa.string()),
            "cohort": pa.array([p.cohort for p in people], pa.string()),
            "grade_band": pa.array([p.grade_band for p in people], pa.string()),
            "year_of_birth": pa.array([p.year_of_birth for p in people], pa.int64()),
            "gender": pa.array([p.gender for p in people], pa.string()),
            "level_of_education": pa.array([p.level_of_education for p in people], pa.string()),
            "country": pa.array([p.country for p in people], pa.string()),
            "enrolled_us": pa.array([AS_OF_US + p.user_id for p in people], pa.int64()),
        }
    )
    members: dict[str, list[int]] = {COURSE_GROUP: []}
    for person in people:
        groups = [COURSE_GROUP]
        if person.cohort is not None:
            groups.append(f"cohort:{person.cohort}")
        if person.arm is not None:
            groups.append(f"arm:{person.arm}")
        for group_id in groups if person.in_l else ():
            members.setdefault(group_id, []).append(person.user_id)
    pairs = [(group_id, user) for group_id, users in members.items() for user in users]
    return Roster(
        students=students,
        groups=pa.table(
            {
                "group_id": pa.array(list(members), pa.string()),
                "members": pa.array([len(users) for users in members.values()], pa.int64()),
            }
        ),
        memberships=pa.table(
            {
                "group_id": pa.array([group_id for group_id, _ in pairs], pa.string()),
                "user_id": pa.array([user for _, user in pairs], pa.int64()),
            }
        ),
    )


def build_blocks(keys: Sequence[str], *, course_key: str = COURSE_KEY) -> pa.Table:
    """Chapters in this order."""
    return pa.Table.from_pylist(
        [
            {
                "course_key": course_key,
                "block_key": key,
                "block_type": "chapter",
                "display_name": f"Chapter {key}",
                "position": position,
                "due_us": AS_OF_US,
            }
            for position, key in enumerate(keys, start=1)
        ],
        schema=BLOCKS.schema,
    )


def rows_table(part: Part, subject: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of a part as the plan gives them; an absent value is null."""
    kind = pa.int64() if subject == "user_id" else pa.string()
    fields = [pa.field(subject, kind)]
    fields += [pa.field(field.name, arrow_type(field)) for field in part.fields]
    return pa.Table.from_pylist([dict(row) for row in rows], schema=pa.schema(fields))


def build_result(
    declared: Indicator,
    *,
    student: Mapping[str, Sequence[Mapping[str, Any]]] = {},
    group: Mapping[str, Sequence[Mapping[str, Any]]] = {},
    summaries: Sequence[Mapping[str, Any]] = (),
    standing: Sequence[Mapping[str, Any]] = (),
    course_key: str = COURSE_KEY,
    **envelope: Any,
) -> Result:
    """A result from plain rows by part."""
    facts: dict[str, Any] = {
        "indicator": declared.key,
        "version": declared.version,
        "unit": declared.unit,
        "parameters": {"tz": "UTC"},
        "start_us": 0,
        "end_us": AS_OF_US,
        "as_of_us": AS_OF_US,
        "computed_us": COMPUTED_US,
        "state_as_of_us": None,
        "coverage": 1.0,
        "partial": False,
        "population_basis": "enrollment",
        "staff_excluded": True,
        **envelope,
    }
    return Result(
        indicator=declared,
        course_key=course_key,
        parameters=Parameters(Window(0, AS_OF_US), AS_OF_US, {"tz": "UTC"}),
        envelope=Envelope(**facts),
        student=_tables(declared.student, "user_id", student),
        group=_tables(declared.group, "group_id", group),
        summaries=pa.Table.from_pylist([dict(row) for row in summaries], schema=SUMMARY_SCHEMA),
        standing=pa.Table.from_pylist([dict(row) for row in standing], schema=STANDING_SCHEMA),
    )


def _tables(
    result_type: type | None, subject: str, parts: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, pa.Table]:
    shape: Shape | None = read_shape(result_type) if result_type else None
    found: dict[str, pa.Table] = {}
    for name, rows in parts.items():
        part = shape.part(name) if shape else None
        assert part is not None, name
        found[name] = rows_table(part, subject, rows)
    return found


def build_course(
    people: Sequence[Person],
    results: Sequence[Result],
    *,
    course_key: str = COURSE_KEY,
    chapters: Sequence[str] = ("c2", "c1"),
    roles: Sequence[Mapping[str, Any]] = (),
    **course: Any,
) -> CourseResults:
    """Everything one refresh gives."""
    return CourseResults(
        course_key=course_key,
        roster=build_roster(people),
        roles=pa.Table.from_pylist([dict(row) for row in roles], schema=COURSE_ROLES.schema),
        blocks=build_blocks(chapters, course_key=course_key),
        course={"display_name": "Toy", "org": "Uni", "start_us": 0, "end_us": None, **course},
        results=tuple(results),
    )
