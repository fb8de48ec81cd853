"""From a question to a table: what the policy grants of it, its columns, and where its rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aggregates.fields import FieldRef
from aggregates.filters import Order, StudentFilter
from aggregates.records import CourseRecord, EnvelopeRecord, GroupRecord
from aggregates.snapshots import Snapshot
from aggregates.tables import (
    BlockName,
    Statement,
    StudentColumn,
    group_table,
    standing_table,
    student_table,
)
from api.access.policy import Grant, decide, refusal, require
from api.context import CourseSource
from api.exports.columns import (
    COURSE_KEY,
    GROUP,
    STANDING,
    STUDENT,
    WHO,
    ExportColumn,
    part_columns,
    scalar_columns,
    told_apart,
)
from api.exports.parts import STANDING_PART, chosen_part, statistics_columns, statistics_rows
from api.exports.question import ALL, ROSTER, ExportQuestion, read_students_wanted
from api.exports.standing import exact_places, protected_rows
from api.reading.released import Released, summary_part
from api.reading.statistics import statistics_row
from api.schema.assembled import Assembled
from api.schema.records import Row
from api.schema.shapes import Value, unit_of
from api.types.meta import meta_row
from courselens.domain import Level
from courselens.errors import BadParameter, IndicatorFailed, UnknownIndicator
from indicators.result import COURSE_GROUP, Status
from indicators.shape import VALUES, Field, Part


@dataclass(frozen=True, slots=True)
class ExportTable:
    """A table that was granted.

    Attributes:
        columns: of every row, `course_key` first.
        metas: how the numbers of each indicator were made.
        statement: gives the rows; None: there are only `rows`.
        rows: the rows of a table that is small.
        is_searched: students are filtered or sorted by what has no index.
    """

    columns: tuple[ExportColumn, ...]
    metas: tuple[Row, ...]
    statement: Statement | None = None
    rows: Sequence[tuple[Any, ...]] = ()
    is_searched: bool = False


async def open_table(
    assembled: Assembled,
    snapshot: Snapshot,
    source: CourseSource,
    question: ExportQuestion,
    *,
    k_min: int,
) -> ExportTable:
    """The table that is asked for, if the viewer may see it.

    Args:
        assembled: the schema, whose inputs filters and orders are.
        snapshot: what is read from.
        source: the course, and how the viewer stands to it.
        question: which table.
        k_min: people below which nothing is told to those who may not see named students.

    Raises:
        AccessError: the viewer may not see it, or one of the indicators beside the roster.
        QueryError: there is no such table, level, part, filter or order.
        IndicatorFailed: it was not computed.
    """
    opening = _Opening(assembled, snapshot, source, k_min)
    if question.table == ROSTER:
        return await opening.roster(question)
    return await opening.indicator(question)


class _Opening:
    """What one question needs at hand."""

    def __init__(
        self, assembled: Assembled, snapshot: Snapshot, source: CourseSource, k_min: int
    ) -> None:
        self._schema = assembled.schema
        self._catalog = assembled.catalog
        self._snapshot = snapshot
        self._reader = snapshot.reader
        self._source = source
        self._k_min = k_min

    @property
    def _course(self) -> CourseRecord:
        return self._source.record

    async def roster(self, question: ExportQuestion) -> ExportTable:
        """The students with scalar values of some indicators."""
        own = question.own is not None
        require(self._source.access, Level.STUDENT, own=own, what="the students of this course")
        values = self._beside_roster(question.indicators, own=own)
        envelopes = await self._envelopes([value.indicator.key for value in values])
        pairs: list[tuple[ExportColumn, StudentColumn]] = [(one, one.name) for one in STUDENT]
        for value in values:
            pairs += scalar_columns(value, beside_roster=True)
        return self._students(question, pairs, self._metas(values, envelopes))

    async def indicator(self, question: ExportQuestion) -> ExportTable:
        """Rows of one part of an indicator's result."""
        value = self._value(question.table, question.level)
        key, level, own = value.indicator.key, question.level, question.own is not None
        if level is Level.STUDENT:
            require(self._source.access, level, own=own, what="the students of this course")
        what = f"{key} of this {level.value}"
        grant = require(self._source.access, level, value.indicator.privacy, own=own, what=what)
        part = chosen_part(value, level, question.part)
        envelopes = await self._envelopes([key])
        if key in envelopes and envelopes[key].status == Status.FAILED.value:
            raise IndicatorFailed(key)
        if grant is Grant.PROTECTED:
            return await self._told(value, part, envelopes.get(key))
        metas = self._metas([value], envelopes)
        if part == STANDING_PART:
            return await self._standing(question, value, envelopes.get(key))
        if level is Level.STUDENT:
            return self._rows_of_students(question, value, part, metas)
        if isinstance(part, str):
            return await self._statistics(value, part, level, metas)
        of_course = level is Level.COURSE
        stored = self._snapshot.layout.part(key, "group", part.name)
        pairs = part_columns(value, part)
        head = (COURSE_KEY,) if of_course else (COURSE_KEY, *GROUP)
        statement = group_table(
            self._course, stored, [read for _, read in pairs], of_course=of_course
        )
        return ExportTable(told_apart([*head, *(one for one, _ in pairs)]), metas, statement)

    def _beside_roster(self, keys: Sequence[str], *, own: bool) -> list[Value]:
        access = self._source.access
        if ALL in keys:
            if len(keys) > 1:
                raise BadParameter("indicators", ",".join(keys), f"{ALL} alone, or keys")
            return [
                values.student
                for values in self._catalog.values.values()
                if values.student
                and values.student.scalars
                and decide(access, Level.STUDENT, values.student.indicator.privacy, own=own)
                is Grant.EXACT
            ]
        found: list[Value] = []
        for key in keys:
            value = self._value(key, Level.STUDENT)
            if not value.scalars:
                raise BadParameter("indicators", key, "indicators with single values of a student")
            privacy = value.indicator.privacy
            require(access, Level.STUDENT, privacy, own=own, what=f"{key} of this student")
            found.append(value)
        return found

    def _value(self, key: str, level: Level) -> Value:
        indicator = self._catalog.registry.indicator(key)
        values = self._catalog.values.get(key)
        if values is None:  # the schema could not express it
            raise UnknownIndicator(key)
        offered: dict[Level, Value | None] = {
            one: values.group for one in indicator.levels if one is not Level.STUDENT
        }
        offered[Level.STUDENT] = values.student
        value = offered.get(level)
        if value is None:
            known = [one.value for one in Level if offered.get(one)]
            raise BadParameter("level", level.value, " | ".join(known))
        return value

    async def _envelopes(self, keys: Sequence[str]) -> Mapping[str, EnvelopeRecord]:
        return await self._reader.envelopes(self._course, keys) if keys else {}

    def _metas(
        self, values: Sequence[Value], envelopes: Mapping[str, EnvelopeRecord]
    ) -> tuple[Row, ...]:
        return tuple(
            meta_row(value.indicator, envelopes.get(value.indicator.key)) for value in values
        )

    def _students(
        self,
        question: ExportQuestion,
        pairs: Sequence[tuple[ExportColumn, StudentColumn]],
        metas: tuple[Row, ...],
        part: Part | None = None,
    ) -> ExportTable:
        who, order, is_searched = self._wanted(question)
        layout = self._snapshot.layout
        stored = layout.part(question.table, "student", part.name) if part else None
        columns = [read for _, read in pairs]
        statement = student_table(
            layout,
            self._course,
            columns,
            filter=who,
            order=order,
            part=stored,
            user_id=question.own,
        )
        names = told_apart([COURSE_KEY, *(one for one, _ in pairs)])
        return ExportTable(names, metas, statement, is_searched=is_searched)

    def _rows_of_students(
        self, question: ExportQuestion, value: Value, part: Part | str, metas: tuple[Row, ...]
    ) -> ExportTable:
        pairs: list[tuple[ExportColumn, StudentColumn]] = [(one, one.name) for one in WHO]
        if isinstance(part, Part) and part.name != VALUES:
            pairs += part_columns(value, part)
            return self._students(question, pairs, metas, part)
        pairs += scalar_columns(value, beside_roster=False)
        return self._students(question, pairs, metas)

    async def _standing(
        self, question: ExportQuestion, value: Value, envelope: EnvelopeRecord | None
    ) -> ExportTable:
        """Places in the class; in steps where the class is protected, and then of the viewer."""
        access, key = self._source.access, value.indicator.key
        what = f"the class's {key}"
        grant = require(access, Level.COURSE, value.indicator.privacy, what=what)
        columns = (COURSE_KEY, *WHO, *STANDING)
        reader, course = self._reader, self._course
        if grant is Grant.EXACT:
            places = await exact_places(reader, self._catalog, course, value)
            who, order, is_searched = self._wanted(question)
            statement = standing_table(
                self._snapshot.layout,
                course,
                places,
                filter=who,
                order=order,
                user_id=question.own,
            )
            meta = meta_row(value.indicator, envelope)
            return ExportTable(columns, (meta,), statement, is_searched=is_searched)
        if question.own is None:
            raise refusal(access, what)
        released = Released(await reader.released(course, [key]), self._k_min)
        student = await reader.student(course, user_id=question.own)
        rows: Sequence[tuple[Any, ...]] = ()
        if student is not None:
            rows = await protected_rows(reader, self._catalog, course, value, student, released)
        parts = [summary_part(ref) for ref in value.numeric]
        meta = meta_row(value.indicator, released.envelope(envelope, parts), suppressed=True)
        return ExportTable(columns, (meta,), rows=rows)

    def _wanted(self, question: ExportQuestion) -> tuple[StudentFilter, Order, bool]:
        """Which students in which order, and whether they are searched for without an index."""
        access = self._source.access
        who, order = read_students_wanted(self._schema, self._catalog, access, question)
        return who, order, who != StudentFilter() or order != Order("username")

    async def _statistics(
        self, value: Value, part: str, level: Level, metas: tuple[Row, ...]
    ) -> ExportTable:
        """The free summary of each number, of the class or of every other group."""
        of_course = level is Level.COURSE
        groups = [
            group
            for group in await self._reader.groups(self._course)
            if (group.group_id == COURSE_GROUP) is of_course
        ]
        ids = [group.group_id for group in groups]
        found = await self._reader.summaries(self._course, ids, value.numeric)
        rows: list[tuple[Any, ...]] = []
        for group in groups:
            head = (self._course.course_key, *(() if of_course else _told_group(group)))
            for ref in value.numeric:
                row = statistics_row(found.get((group.group_id, ref.indicator, ref.field)))
                rows += statistics_rows((*head, ref.field, self._unit(ref)), row, part)
        columns = (COURSE_KEY,) if of_course else (COURSE_KEY, *GROUP)
        return ExportTable((*columns, *statistics_columns(part)), metas, rows=rows)

    async def _told(
        self, value: Value, part: Part | str, envelope: EnvelopeRecord | None
    ) -> ExportTable:
        """What the class was told last, without small numbers."""
        key, head = value.indicator.key, (self._course.course_key,)
        told = Released(await self._reader.released(self._course, [key]), self._k_min)
        rows: list[tuple[Any, ...]] = []
        if isinstance(part, str):
            names = [summary_part(ref) for ref in value.numeric]
            for ref in value.numeric:
                start = (*head, ref.field, self._unit(ref))
                rows += statistics_rows(start, told.statistics(ref), part)
            columns: tuple[ExportColumn, ...] = (COURSE_KEY, *statistics_columns(part))
        else:
            names = [part.name]
            pairs = part_columns(value, part)
            found = told.part(value, part)
            titles = await self._block_titles(pairs, found)
            for row in found:
                rows.append((*head, *(_told_cell(read, row, titles) for _, read in pairs)))
            columns = told_apart([COURSE_KEY, *(one for one, _ in pairs)])
        meta = meta_row(value.indicator, told.envelope(envelope, names), suppressed=True)
        return ExportTable(columns, (meta,), rows=rows)

    def _unit(self, ref: FieldRef) -> str | None:
        _, field = self._snapshot.layout.field(ref)
        return unit_of(field)

    async def _block_titles(
        self, pairs: Sequence[tuple[ExportColumn, Field | BlockName]], rows: Sequence[Row]
    ) -> Mapping[str, str | None]:
        keys = {
            row[read.of.name]
            for _, read in pairs
            if isinstance(read, BlockName) and isinstance(read.of, Field)
            for row in rows
        } - {None}
        if not keys:
            return {}
        blocks = await self._reader.blocks(self._course, sorted(keys))
        return {key: block.display_name for key, block in blocks.items()}


def _told_group(group: GroupRecord) -> tuple[str, str, str]:
    return group.group_id, group.kind, group.name


def _told_cell(read: Field | BlockName, row: Row, titles: Mapping[str, str | None]) -> Any:
    if isinstance(read, Field):
        return row[read.name]
    return titles.get(row[read.of.name]) if isinstance(read.of, Field) else None
