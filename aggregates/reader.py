"""Read courses, groups, students and their numbers; every statement sees one version of them."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Collection, Hashable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from aggregates.database import Row, Statements
from aggregates.fields import FieldRef
from aggregates.filters import Cursor, Order, StudentFilter
from aggregates.layout import Layout
from aggregates.naming import StoredLevel
from aggregates.records import (
    AdHocSummaries,
    BlockRecord,
    CourseRecord,
    EnvelopeRecord,
    GroupRecord,
    OwnCourses,
    ReleasedRecord,
    RoleRecord,
    StudentPage,
    StudentRecord,
    SummaryRecord,
)
from aggregates.run_facts import RunFacts
from aggregates.several import (
    Stored,
    columns_of,
    ids_of,
    of_each,
    read_blocks,
    read_named,
    read_part,
    read_stored,
    read_students,
    read_summaries,
    read_values,
)
from aggregates.statistics import read_ad_hoc
from aggregates.student_statements import COUNT_OWN, ROSTER, Columns, StudentStatements
from aggregates.together import Answer, Together
from courselens.domain import GLOBAL_STAFF

T = TypeVar("T")
R = TypeVar("R")

_INT64 = 2**63
_ENVELOPES, _GROUPS, _RELEASED = "envelopes", "groups", "released"
_FACTS = len(dataclasses.fields(CourseRecord))


class Reader:
    """Answers from what the refreshes stored; remembers what changes with a refresh only."""

    def __init__(self, database: Statements, layout: Layout) -> None:
        self._database = database
        self._layout = layout
        self._facts = RunFacts()
        self._students = StudentStatements(layout)
        self._together: Together | None = None

    def together(self) -> Reader:
        """One for a request about several courses: what is asked of each is one statement.

        It remembers what this one does.
        """
        if self._together is not None:
            return self
        reader = copy.copy(self)
        reader._together = Together()
        return reader

    async def course(self, course_key: str) -> CourseRecord | None:
        """The course of this key, None if it has no numbers."""
        found = await self.courses([course_key], after=None, first=1)
        if found:
            self._facts.remember_course(found[0])
        return found[0] if found else None

    def remembered_course(self, course_key: str) -> CourseRecord | None:
        """The course as it was last read; there may be a later run since."""
        return self._facts.course(course_key)

    async def courses(
        self,
        course_keys: Collection[str] | None,
        *,
        orgs: Collection[str] = (),
        within_orgs: Collection[str] | None = None,
        after: str | None,
        first: int,
    ) -> list[CourseRecord]:
        """Courses of these keys or orgs (None: all), at most `first` behind the key `after`.

        `within_orgs` leaves out those of other orgs; None: none is left out.
        """
        rows = await self._database.fetch(
            f"SELECT {columns_of(CourseRecord, 'c')} FROM courses c"
            " WHERE ($1::text[] IS NULL OR course_key = ANY($1) OR org = ANY($2::text[]))"
            " AND ($3::text IS NULL OR course_key > $3) AND run_id IS NOT NULL"
            " AND ($5::text[] IS NULL OR org = ANY($5))"
            " ORDER BY course_key LIMIT $4",
            None if course_keys is None else list(course_keys),
            list(orgs),
            after,
            first,
            None if within_orgs is None else list(within_orgs),
        )
        return [CourseRecord(*row) for row in rows]

    async def enrolled_courses(self, user_id: int) -> list[str]:
        """Keys of the courses that a user is enrolled in now."""
        rows = await self._database.fetch(
            "SELECT course_key FROM students JOIN courses USING (course_id)"
            " WHERE user_id = $1 AND in_l ORDER BY course_key",
            user_id,
        )
        return [row["course_key"] for row in rows]

    async def roles(self, user_id: int) -> list[RoleRecord]:
        """Roles of a user over all courses; global staff have `global_staff` without a course."""
        rows = await self._database.fetch(
            "SELECT org, course_key, role FROM course_roles WHERE user_id = $1"
            " UNION ALL SELECT NULL, NULL, $2 FROM global_staff WHERE user_id = $1"
            " ORDER BY 1, 2, 3",
            user_id,
            GLOBAL_STAFF,
        )
        return [RoleRecord(*row) for row in rows]

    async def user_ids(self, username: str) -> list[int]:
        """Users whom some course knows by this name, at most two.

        One look into each course's index of names; an index over all courses would make every
        refresh dearer for what only tokens without `user_id` need.
        """
        rows = await self._database.fetch(
            "SELECT DISTINCT user_id FROM courses CROSS JOIN LATERAL ("
            "SELECT user_id FROM students s"
            " WHERE s.course_id = courses.course_id AND s.username = $1 LIMIT 2) AS found LIMIT 2",
            username,
        )
        return [row["user_id"] for row in rows]

    async def own_rows(
        self, own: OwnCourses, columns: Columns, *, after: str | None, first: int
    ) -> list[tuple[CourseRecord, Row]]:
        """A user's row as of `student_row` in each of their courses, all in one statement.

        At most `first` courses, behind the key `after`.
        """
        sql = self._students.own(columns, columns_of(CourseRecord, "c"))
        rows = await self._database.fetch(sql, *dataclasses.astuple(own), after, first)
        return [(CourseRecord(*tuple(row)[:_FACTS]), tuple(row)[_FACTS:]) for row in rows]

    async def count_own(self, own: OwnCourses) -> int:
        """Number of courses that `own_rows` has rows of."""
        row = await self._database.fetch_row(COUNT_OWN, *dataclasses.astuple(own))
        return int(row[0]) if row else 0

    async def groups(self, course: CourseRecord) -> list[GroupRecord]:
        """All groups of a course by id."""

        async def read() -> tuple[int | None, list[GroupRecord]]:
            answer = partial(read_stored, self._database, GroupRecord, "groups", "group_id")
            run_id, rows = await self._ask(_GROUPS, course, answer)
            return run_id, [GroupRecord(*row) for row in rows]

        return await self._facts.fact(course, _GROUPS, read)

    async def envelopes(
        self, course: CourseRecord, indicators: Sequence[str]
    ) -> dict[str, EnvelopeRecord]:
        """Envelopes by indicator; one that was not computed is absent."""

        async def read() -> tuple[int | None, dict[str, EnvelopeRecord]]:
            answer = partial(read_stored, self._database, EnvelopeRecord, "envelopes", "indicator")
            run_id, rows = await self._ask(_ENVELOPES, course, answer)
            found = (EnvelopeRecord(*row) for row in rows)
            return run_id, {
                record.indicator: dataclasses.replace(
                    record, missing_source=tuple(record.missing_source)
                )
                for record in found
            }

        known = await self._facts.fact(course, _ENVELOPES, read)
        return {key: known[key] for key in indicators if key in known}

    def remembered_envelopes(self, course: CourseRecord) -> Mapping[str, EnvelopeRecord] | None:
        """All envelopes of this run, if they were read already: the same object each time."""
        found: Mapping[str, EnvelopeRecord] | None = self._facts.known(course, _ENVELOPES)
        return found

    async def student(
        self, course: CourseRecord, *, user_id: int | None = None, username: str | None = None
    ) -> StudentRecord | None:
        """The student of this id or name, also one who has left; None if there is none."""
        if user_id is not None:
            row = await self.student_row(course, user_id, ROSTER)
            return StudentRecord(user_id, *tuple(row)[2 : 2 + len(ROSTER)]) if row else None
        answer = partial(read_named, self._database, username or "")
        return await self._ask(("named", username), course, answer)

    async def student_page(
        self,
        course: CourseRecord,
        *,
        filter: StudentFilter,
        order: Order,
        after: Cursor | None,
        first: int,
    ) -> StudentPage:
        """At most `first` enrolled students that match, in order, behind the cursor.

        Raises:
            UnknownIndicator, BadParameter: the filter or order names what nobody declares, or the
                cursor belongs to another order.
        """
        rows = await self.student_rows(
            course, ROSTER, filter=filter, order=order, after=after, first=first + 1
        )
        page = rows[:first]
        return StudentPage(
            students=[StudentRecord(*tuple(row)[1 : 2 + len(ROSTER)]) for row in page],
            cursors=[Cursor(row["sort_value"], row["user_id"]) for row in page],
            has_next=len(rows) > first,
        )

    async def student_rows(
        self,
        course: CourseRecord,
        columns: Columns,
        *,
        filter: StudentFilter,
        order: Order,
        after: Cursor | None,
        first: int,
    ) -> list[Row]:
        """Students as in `student_page` with scalar values, all in one statement.

        Returns:
            Rows of `sort_value`, `user_id`, the columns (of `ROSTER`, or scalar fields), and last
            `stored_run`, the run that the statement saw.

        Raises:
            UnknownIndicator, BadParameter: as in `student_page`, or nobody declares a field.
        """
        page = partial(
            self._students.page,
            columns=columns,
            filter=filter,
            order=order,
            after=after,
            first=first,
        )
        if self._together is None:
            sql, args = page(course.course_id)
            return await self._database.fetch(sql, *args)

        async def read(courses: Sequence[CourseRecord]) -> list[list[Row]]:
            sql, args = page(ids_of(courses))
            return of_each(courses, await self._database.fetch(sql, *args))

        kind = "page", tuple(columns), filter, order, after, first
        return await self._together.ask(kind, course, read)

    async def student_row(
        self,
        course: CourseRecord,
        user_id: int,
        columns: Columns,
    ) -> Row | None:
        """A student, also one who has left, with scalar values, in one statement.

        Returns:
            Row as of `student_rows`, `sort_value` null; None: there is none of this id.

        Raises:
            UnknownIndicator, BadParameter: nobody declares a field.
        """
        if not -_INT64 <= user_id < _INT64:
            return None
        if self._together is None:
            sql = self._students.student(columns)
            return await self._database.fetch_row(sql, course.course_id, user_id)
        sql = self._students.students(columns)
        answer = partial(read_students, self._database, sql)
        return await self._together.ask(sql, (course, user_id), answer)

    async def count_students(self, course: CourseRecord, filter: StudentFilter) -> int:
        """Number of enrolled students that match."""

        async def read(courses: Sequence[CourseRecord]) -> list[int]:
            sql, args = self._students.count(ids_of(courses), filter)
            rows = await self._database.fetch(sql, *args)
            found = {row["course_id"]: row["students"] for row in rows}
            return [found[course.course_id] for course in courses]

        return await self._ask(("count", filter), course, read)

    async def student_values(
        self,
        course: CourseRecord,
        user_ids: Sequence[int],
        fields: Sequence[FieldRef],
        *,
        standing: bool,
    ) -> dict[int, Mapping[str, Any]]:
        """Scalar values by student, one statement whatever their number.

        Args:
            course: whose numbers.
            user_ids: whom; each is in the answer, with None for what is not there.
            fields: what; each is found under `FieldRef.column`.
            standing: also the percentile ranks, under `FieldRef.standing_column`.

        Raises:
            UnknownIndicator, BadParameter: nobody declares a field.
        """
        if not fields:
            return {user_id: {} for user_id in user_ids}
        is_one = self._together is None
        sql = self._students.values(fields, standing=standing, is_one=is_one)
        if self._together is None:
            rows = await self._database.fetch(sql, course.course_id, list(user_ids))
            return {row["user_id"]: row for row in rows}
        answer = partial(read_values, self._database, sql)
        return await self._together.ask(sql, (course, user_ids), answer)

    async def rows(
        self,
        course: CourseRecord,
        indicator: str,
        level: StoredLevel,
        part: str,
        subjects: Sequence[int] | Sequence[str],
    ) -> dict[Any, list[Mapping[str, Any]]]:
        """Rows of one part by subject, in catalogue order, one statement for all subjects.

        A row maps the names of the part's fields to values, and `subject_` to the subject; a
        subject without rows has an empty list.

        Raises:
            UnknownIndicator, BadParameter: nobody declares the part at this level.
        """
        table = self._layout.part(indicator, level, part)
        answer = partial(read_part, self._database, table)
        return await self._ask(table.name, (course, subjects), answer)

    async def summaries(
        self, course: CourseRecord, group_ids: Sequence[str], fields: Sequence[FieldRef]
    ) -> dict[tuple[str, str, str], SummaryRecord]:
        """Free summaries by (group_id, indicator, field); what was not computed is absent."""
        answer = partial(read_summaries, self._database, fields)
        return await self._ask(("summaries", *fields), (course, group_ids), answer)

    def remembers_released(self, course: CourseRecord, indicators: Collection[str]) -> bool:
        """Whether `released` of this run takes no statement."""
        return all(self._facts.known(course, (_RELEASED, key)) is not None for key in indicators)

    async def released(
        self, course: CourseRecord, indicators: Sequence[str]
    ) -> list[ReleasedRecord]:
        """What the class is told by these indicators, rows of a part in their order."""
        known = {key: self._facts.known(course, (_RELEASED, key)) for key in indicators}
        missing = tuple(key for key, records in known.items() if records is None)

        async def read(courses: Sequence[CourseRecord]) -> list[Stored]:
            in_order = "indicator, part, ordinal, keys"
            return await read_stored(
                self._database, ReleasedRecord, "released", in_order, courses, missing
            )

        if missing:
            stored_run, rows = await self._ask((_RELEASED, missing), course, read)
            known.update({key: [] for key in missing})
            for row in rows:
                record = ReleasedRecord(*row)
                known[record.indicator].append(record)
            if stored_run == course.run_id:
                for key in missing:
                    self._facts.remember(course, (_RELEASED, key), known[key])
        return [record for records in known.values() for record in records]

    async def ad_hoc_summaries(
        self,
        course: CourseRecord,
        groups: Sequence[StudentFilter],
        fields: Sequence[FieldRef],
        *,
        bins: int = 20,
    ) -> list[AdHocSummaries]:
        """The same statistics of whoever matches each filter, computed now from the wide tables.

        One statement for all groups.

        Raises:
            UnknownIndicator, BadParameter: nobody declares a field, or it is no number.
        """
        return await read_ad_hoc(
            self._database, self._layout, course.course_id, groups, fields, bins=bins
        )

    async def blocks(
        self, course: CourseRecord, block_keys: Collection[str]
    ) -> dict[str, BlockRecord]:
        """Blocks by key; pseudo-blocks and unknown ones are absent."""
        answer = partial(read_blocks, self._database)
        return await self._ask("blocks", (course, block_keys), answer)

    async def _ask(self, kind: Hashable, one: T, answer: Answer[T, R]) -> R:
        """An answer; questions of one kind have the same."""
        if self._together is None:
            return (await answer([one]))[0]
        return await self._together.ask(kind, one, answer)
