"""Read courses, groups, students and their numbers; every statement sees one version of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aggregates.conditions import StudentQuery
from aggregates.database import Row, Statements
from aggregates.fields import FieldRef
from aggregates.filters import Cursor, Order, StudentFilter
from aggregates.layout import Layout, column_of
from aggregates.naming import StoredLevel, quote
from aggregates.records import (
    AdHocSummaries,
    BlockRecord,
    CourseRecord,
    EnvelopeRecord,
    GroupRecord,
    ReleasedRecord,
    RoleRecord,
    StudentPage,
    StudentRecord,
    SummaryRecord,
)
from aggregates.run_facts import RunFacts
from aggregates.statistics import read_ad_hoc
from courselens.domain import GLOBAL_STAFF

_INT64 = 2**63
_ENVELOPES, _RELEASED = "envelopes", "released"
_STORED_RUN = "(SELECT run_id FROM courses WHERE course_id = $1) AS stored_run"
_PAGES_KEPT = 1_000
_EVERYBODY = StudentFilter()

ROSTER = tuple(field.name for field in dataclasses.fields(StudentRecord))[1:]
"""Columns of `StudentRecord` beside `user_id`, which comes first."""


class Reader:
    """Answers from what the refreshes stored; remembers what changes with a refresh only."""

    def __init__(self, database: Statements, layout: Layout) -> None:
        self._database = database
        self._layout = layout
        self._facts = RunFacts()
        self._pages: dict[object, str] = {}

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
            f"SELECT {_columns(CourseRecord)} FROM courses"
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

    async def groups(self, course: CourseRecord) -> list[GroupRecord]:
        """All groups of a course by id."""

        async def read() -> tuple[int | None, list[GroupRecord]]:
            rows = await self._database.fetch(
                f"SELECT {_columns(GroupRecord)}, {_STORED_RUN} FROM groups"
                " WHERE course_id = $1 ORDER BY group_id",
                course.course_id,
            )
            stored = rows[0]["stored_run"] if rows else None
            return stored, [GroupRecord(*tuple(row)[:-1]) for row in rows]

        return await self._facts.fact(course, "groups", read)

    async def envelopes(
        self, course: CourseRecord, indicators: Sequence[str]
    ) -> dict[str, EnvelopeRecord]:
        """Envelopes by indicator; one that was not computed is absent."""

        async def read() -> tuple[int | None, dict[str, EnvelopeRecord]]:
            rows = await self._database.fetch(
                f"SELECT {_columns(EnvelopeRecord)}, {_STORED_RUN} FROM envelopes"
                " WHERE course_id = $1",
                course.course_id,
            )
            found = (EnvelopeRecord(*tuple(row)[:-1]) for row in rows)
            return rows[0]["stored_run"] if rows else None, {
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
        if user_id is not None and not -_INT64 <= user_id < _INT64:
            return None
        row = await self._database.fetch_row(
            f"SELECT {_columns(StudentRecord)} FROM students WHERE course_id = $1 AND "
            + ("user_id = $2" if user_id is not None else "username = $2 ORDER BY user_id LIMIT 1"),
            course.course_id,
            user_id if user_id is not None else username,
        )
        return StudentRecord(*row) if row else None

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
            students=[StudentRecord(*tuple(row)[1:-1]) for row in page],
            cursors=[Cursor(row["sort_value"], row["user_id"]) for row in page],
            has_next=len(rows) > first,
        )

    async def student_rows(
        self,
        course: CourseRecord,
        columns: Sequence[str | FieldRef],
        *,
        filter: StudentFilter,
        order: Order,
        after: Cursor | None,
        first: int,
    ) -> list[Row]:
        """Students as in `student_page` with scalar values, all in one statement.

        Returns:
            Rows of `sort_value`, `user_id`, the columns (of `ROSTER`, or scalar fields), and
            `stored_run`, the run that the statement saw, in that order.

        Raises:
            UnknownIndicator, BadParameter: as in `student_page`, or nobody declares a field.
        """
        query = StudentQuery(self._layout, course.course_id)
        where = ["s.course_id = $1", "s.in_l", *query.conditions(filter)]
        if after is not None:
            where.append(query.after(order, after))
        limit = query.argument(first)
        # Without a filter the text depends on few things, and making it takes time.
        key = (tuple(columns), order, after and after.value is None)
        sql = self._pages.get(key) if filter == _EVERYBODY else None
        if sql is None:
            sort_value, _ = query.sort_key(order)
            listed = _listed(query, columns)
            sql = (
                f"SELECT {sort_value} AS sort_value, s.user_id{listed},"
                f" {_STORED_RUN} FROM students s{query.joins()} WHERE {' AND '.join(where)}"
                f" ORDER BY {query.order_by(order)} LIMIT {limit}"
            )
            if filter == _EVERYBODY and len(self._pages) < _PAGES_KEPT:
                self._pages[key] = sql
        return await self._database.fetch(sql, *query.args)

    async def student_row(
        self,
        course: CourseRecord,
        user_id: int,
        columns: Sequence[str | FieldRef],
    ) -> Row | None:
        """A student, also one who has left, with scalar values, in one statement.

        Returns:
            Row as of `student_rows`, `sort_value` null; None: there is none of this id.

        Raises:
            UnknownIndicator, BadParameter: nobody declares a field.
        """
        if not -_INT64 <= user_id < _INT64:
            return None
        query = StudentQuery(self._layout, course.course_id)
        key = tuple(columns)
        sql = self._pages.get(key)
        if sql is None:
            listed = _listed(query, columns)
            sql = (
                f"SELECT NULL AS sort_value, s.user_id{listed},"
                f" {_STORED_RUN} FROM students s{query.joins()}"
                " WHERE s.course_id = $1 AND s.user_id = $2"
            )
            if len(self._pages) < _PAGES_KEPT:
                self._pages[key] = sql
        return await self._database.fetch_row(sql, course.course_id, user_id)

    async def count_students(self, course: CourseRecord, filter: StudentFilter) -> int:
        """Number of enrolled students that match."""
        query = StudentQuery(self._layout, course.course_id)
        where = ["s.course_id = $1", "s.in_l", *query.conditions(filter)]
        row = await self._database.fetch_row(
            f"SELECT count(*) FROM students s{query.joins()} WHERE {' AND '.join(where)}",
            *query.args,
        )
        return int(row[0]) if row else 0

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
        query = StudentQuery(self._layout, course.course_id)
        users = query.argument(list(user_ids))
        wanted = ["u.user_id"]
        for ref in dict.fromkeys(fields):
            _, field = self._layout.field(ref)
            wanted.append(f"{query.column(ref)} AS {quote(ref.column)}")
            if standing and field.is_numeric:
                rank = query.column(ref, standing=True)
                wanted.append(f"{rank} AS {quote(ref.standing_column)}")
        rows = await self._database.fetch(
            f"SELECT {', '.join(wanted)} FROM unnest({users}::bigint[]) AS u(user_id)"
            f"{query.joins('u.user_id')}",
            *query.args,
        )
        return {row["user_id"]: row for row in rows}

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
        kind = "bigint" if level == "student" else "text"
        wanted = [
            f"{quote(column_of(field))} AS {quote(field.name)}" for field in table.part.fields
        ]
        rows = await self._database.fetch(
            f"SELECT {', '.join(wanted)}, {table.subject} AS subject_ FROM {quote(table.name)}"
            f" WHERE course_id = $1 AND {table.subject} = ANY($2::{kind}[])"
            f" ORDER BY {table.subject}, ordinal",
            course.course_id,
            list(subjects),
        )
        found: dict[Any, list[Mapping[str, Any]]] = {subject: [] for subject in subjects}
        for row in rows:
            found[row["subject_"]].append(row)
        return found

    async def summaries(
        self, course: CourseRecord, group_ids: Sequence[str], fields: Sequence[FieldRef]
    ) -> dict[tuple[str, str, str], SummaryRecord]:
        """Free summaries by (group_id, indicator, field); what was not computed is absent."""
        rows = await self._database.fetch(
            f"SELECT {_columns(SummaryRecord)} FROM summaries"
            " WHERE course_id = $1 AND group_id = ANY($2) AND (indicator, field) IN"
            " (SELECT * FROM unnest($3::text[], $4::text[]))",
            course.course_id,
            list(group_ids),
            [ref.indicator for ref in fields],
            [ref.field for ref in fields],
        )
        found = (
            dataclasses.replace(record, histogram=tuple(record.histogram or ()))
            for record in (SummaryRecord(*row) for row in rows)
        )
        return {(record.group_id, record.indicator, record.field): record for record in found}

    def remembers_released(self, course: CourseRecord, indicators: Collection[str]) -> bool:
        """Whether `released` of this run takes no statement."""
        return all(self._facts.known(course, (_RELEASED, key)) is not None for key in indicators)

    async def released(
        self, course: CourseRecord, indicators: Sequence[str]
    ) -> list[ReleasedRecord]:
        """What the class is told by these indicators, rows of a part in their order."""
        known = {key: self._facts.known(course, (_RELEASED, key)) for key in indicators}
        missing = [key for key, records in known.items() if records is None]
        if missing:
            rows = await self._database.fetch(
                f"SELECT {_columns(ReleasedRecord)}, {_STORED_RUN} FROM released"
                " WHERE course_id = $1 AND indicator = ANY($2)"
                " ORDER BY indicator, part, ordinal, keys",
                course.course_id,
                missing,
            )
            known.update({key: [] for key in missing})
            for row in rows:
                known[row["indicator"]].append(ReleasedRecord(*tuple(row)[:-1]))
            if rows and rows[0]["stored_run"] == course.run_id:
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
        rows = await self._database.fetch(
            f"SELECT {_columns(BlockRecord)} FROM blocks"
            " WHERE course_id = $1 AND block_key = ANY($2)",
            course.course_id,
            list(block_keys),
        )
        return {row["block_key"]: BlockRecord(*row) for row in rows}


def _listed(query: StudentQuery, columns: Sequence[str | FieldRef]) -> str:
    """Columns of a SELECT list, a comma before each."""
    return "".join(
        # by its place, so that nothing but a known name can get into the statement
        f", {query.column(one) if isinstance(one, FieldRef) else f's.{ROSTER[ROSTER.index(one)]}'}"
        for one in columns
    )


def _columns(record: type, alias: str = "") -> str:
    """Columns of a table, in the order of the record's fields."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{field.name}" for field in dataclasses.fields(record))
