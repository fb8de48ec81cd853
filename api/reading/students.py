"""Values of students: rows of the roster with the indicators that are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aggregates.fields import FieldRef
from aggregates.records import StudentRecord
from api.access.policy import Grant, decide, refusal
from api.context import Context, CourseSource
from api.cursors import write_id
from api.live.values import LiveQuestion, read_live
from api.reading.blocks import BlockNames
from api.reading.released import Released
from api.reading.statistics import read_class_statistics, standing_row
from api.reading.wanted import Wanted, field_refs, grant_indicators, indicators_in
from api.schema.records import Row, camel
from api.schema.selection import Selection
from api.types.course_facts import CourseNode
from api.types.meta import meta_row
from courselens.domain import Level
from indicators.shape import VALUES

STUDENT_ID = "Student"


async def read_students(
    context: Context,
    course: CourseSource,
    students: Sequence[StudentRecord],
    selection: Selection,
    *,
    own: bool,
) -> list[Row]:
    """Rows of `Student` for these students, in their order.

    Args:
        context: the request.
        course: their course.
        students: whom; the caller has made sure that the viewer may see their rows.
        selection: what is asked for of `Student`.
        own: the only student is the viewer.
    """
    asked = indicators_in(context, selection.at("indicators"), lambda values: values.student)
    wanted, refused = await grant_indicators(context, course, asked, level=Level.STUDENT, own=own)
    reading = _Reading(context, course, wanted, students)
    if students:
        await reading.read()
    node = CourseNode(course)
    return [
        {
            **roster_row(course, student),
            "course": node,
            "indicators": {**refused, **reading.indicators(student.user_id)},
        }
        for student in students
    ]


def roster_row(course: CourseSource, student: StudentRecord) -> dict[str, Any]:
    """Columns of the roster."""
    return {
        "id": write_id(STUDENT_ID, course.record.course_key, student.user_id),
        "user_id": student.user_id,
        "username": student.username,
        "mode": student.mode,
        "cohort": student.cohort,
        "grade_band": student.grade_band,
        "year_of_birth": student.year_of_birth,
        "gender": student.gender,
        "level_of_education": student.level_of_education,
        "country": student.country,
        "enrolled_at": student.enrolled_at,
        "is_enrolled": student.in_l,
    }


class _Reading:
    """Everything read for one list of students."""

    def __init__(
        self,
        context: Context,
        course: CourseSource,
        wanted: Sequence[Wanted],
        students: Sequence[StudentRecord],
    ) -> None:
        self._context = context
        self._course = course
        self._wanted = list(wanted)
        self._students = students
        self._user_ids = [student.user_id for student in students]
        self._names = BlockNames()
        self._failed: dict[str, Exception] = {}
        self._values: Mapping[int, Mapping[str, Any]] = {}
        self._class: Mapping[FieldRef, Row] = {}
        self._told = Released((), context.k_min)
        self._rows: dict[tuple[str, str], Mapping[int, list[Mapping[str, Any]]]] = {}

    async def read(self) -> None:
        """Fetch what is wanted."""
        reader, course = self._context.reader, self._course.record
        stored = [one for one in self._wanted if one.live is None]
        standings = [ref for one in self._wanted for ref in _standings(one)]
        scalars = [ref for one in stored for ref in field_refs(one, one.scalars)]
        if scalars or standings:
            self._values = await reader.student_values(
                course, self._user_ids, [*scalars, *standings], standing=bool(standings)
            )
        if standings:
            protected = [ref for ref in standings if self._class_grant(ref) is Grant.PROTECTED]
            told = list(dict.fromkeys(ref.indicator for ref in protected))
            self._told = await Released.read(self._context, self._course, told)
            exact = [ref for ref in standings if self._class_grant(ref) is Grant.EXACT]
            self._class = await read_class_statistics(reader, self._context.catalog, course, exact)
        for one in stored:
            for part in one.parts:
                found = await reader.rows(course, one.key, "student", part.name, self._user_ids)
                self._rows[one.key, part.name] = found
        await self._read_live()
        for one in self._wanted:
            self._names.collect(one.scalars, one.below, self._scalar_rows(one))
            for part in one.parts:
                rows = (row for each in self._rows[one.key, part.name].values() for row in each)
                self._names.collect(part.fields, one.of(part.name) or Selection(), rows)
        await self._names.look_up(self._context, course)

    def indicators(self, user_id: int) -> Row:
        """The `indicators` object of one student."""
        found = {one.key: self._row(one, user_id) for one in self._wanted}
        return {**self._failed, **found}

    async def _read_live(self) -> None:
        """Ask the platform's databases for what is made of them now."""
        questions = [
            LiveQuestion(
                one.value.indicator,
                one.live,
                one.envelope,
                [student.user_id for student in self._students if _counts(student, one)],
            )
            for one in self._wanted
            if one.live is not None
        ]
        if not questions:
            return
        context, course = self._context, self._course.record
        live = await read_live(context.live, context.catalog.registry, course, questions)
        wanted, self._wanted = self._wanted, []
        for one in wanted:
            found = live.get(one.key)
            if isinstance(found, Exception):
                self._failed[one.key] = found
            elif found is None:
                self._wanted.append(one)
            else:
                self._wanted.append(replace(one, envelope=found.envelope))
                for name in (VALUES, *(part.name for part in one.parts)):
                    by_user = {user_id: found.of(user_id, name) for user_id in self._user_ids}
                    self._rows[one.key, name] = by_user

    def _row(self, one: Wanted, user_id: int) -> Row:
        row = self._names.row(one.scalars, self._scalar_row(one, user_id))
        for part in one.parts:
            stored = self._rows[one.key, part.name][user_id]
            rows = [self._names.row(part.fields, found) for found in stored]
            if part.many:
                is_missing = one.envelope is None or one.envelope.missing_source
                row[part.name] = None if is_missing else rows
            else:
                row[part.name] = rows[0] if rows else None
        for ref in _standings(one):
            row[_standing_name(one, ref)] = self._standing(ref, user_id)
        if "meta" in one.below:
            row["meta"] = meta_row(one.value.indicator, one.envelope)
        return row

    def _standing(self, ref: FieldRef, user_id: int) -> Row | Exception:
        """A student's place: it tells about the others too."""
        grant = self._class_grant(ref)
        if grant is Grant.DENIED:
            return refusal(self._course.access, f"the class's {ref.indicator}")
        values = self._values[user_id]
        if grant is Grant.PROTECTED:
            group = self._context.catalog.values[ref.indicator].group
            return self._told.standing(group, ref, values[ref.column])
        return standing_row(values[ref.standing_column], self._class[ref])

    def _class_grant(self, ref: FieldRef) -> Grant:
        """What the viewer may see of the class."""
        privacy = self._context.catalog.registry.indicator(ref.indicator).privacy
        return decide(self._course.access, Level.COURSE, privacy)

    def _scalar_row(self, one: Wanted, user_id: int) -> Row:
        if not one.scalars:
            return {}
        if one.live is not None:
            return self._rows[one.key, VALUES][user_id][0]
        values = self._values[user_id]
        return {field.name: values[FieldRef(one.key, field.name).column] for field in one.scalars}

    def _scalar_rows(self, one: Wanted) -> list[Row]:
        if not any(camel(field.name) in one.below for field in one.scalars):
            return []
        return [self._scalar_row(one, user_id) for user_id in self._user_ids]


def _counts(student: StudentRecord, one: Wanted) -> bool:
    """Whether the student is one of those that the indicator is about, as with stored values."""
    return student.in_e if one.value.indicator.population == "ever_enrolled" else student.in_l


def _standing_name(one: Wanted, ref: FieldRef) -> str:
    return "standing" if one.value.inline else f"{ref.field}_standing"


def _standings(one: Wanted) -> list[FieldRef]:
    """Fields whose standing is asked for."""
    return [ref for ref in one.value.numeric if one.of(_standing_name(one, ref)) is not None]
