"""Statements about students, of one course or of several at a time.

With several, each course is looked into by itself (`LATERAL` with a limit), as if it were asked
alone: no plan can scan a table of all courses' students.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from aggregates.conditions import StudentQuery
from aggregates.fields import FieldRef
from aggregates.filters import Cursor, Order, StudentFilter
from aggregates.layout import Layout
from aggregates.naming import quote
from aggregates.records import StudentRecord

ROSTER = tuple(field.name for field in dataclasses.fields(StudentRecord))[1:]
"""Columns of `StudentRecord` beside `user_id`, which comes first."""

Columns = Sequence[str | FieldRef]
"""Of `ROSTER`, or scalar fields."""
Statement = tuple[str, list[object]]
"""A text and its arguments."""

_KEPT = 1_000
_EVERYBODY = StudentFilter()
_OWN = (
    "FROM students o JOIN courses c USING (course_id)"
    " WHERE o.user_id = $1 AND c.run_id IS NOT NULL"
    " AND (o.in_l OR $2::text[] IS NULL OR c.course_key = ANY($2) OR c.org = ANY($3::text[]))"
    " AND ($4::text[] IS NULL OR c.org = ANY($4))"
)
"""Courses (`c`) of a user (`$1`). Those that the user has left are there if their key is in `$2`
or their org in `$3` (null: all of them); all are confined to the orgs in `$4` (null: to none)."""

_PAIRS = "FROM unnest($1::bigint[], $2::bigint[]) AS a(course_id, user_id)"

COUNT_OWN = f"SELECT count(*) {_OWN}"


class StudentStatements:
    """Makes statements; texts that depend on few things are kept, as making them takes time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._texts: dict[object, str] = {}

    def page(
        self,
        course: int | list[int],
        columns: Columns,
        *,
        filter: StudentFilter,
        order: Order,
        after: Cursor | None,
        first: int,
    ) -> Statement:
        """Students of a course in order: `sort_value`, `user_id`, the columns, `stored_run`.

        With several courses the same page of each; then `course_` comes before `stored_run`.
        """
        is_one = isinstance(course, int)
        query = StudentQuery(self._layout, course, course="$1" if is_one else "c.course_id")
        where = _where(query, filter)
        if after is not None:
            where += f" AND {query.after(order, after)}"
        limit = query.argument(first)

        def write() -> str:
            sort_value, _ = query.sort_key(order)
            in_order = query.order_by(order)
            listed = _listed(query, columns)
            if not is_one:
                listed += f", row_number() OVER (ORDER BY {in_order}) AS place_"
                listed += f", {query.course} AS course_"
            text = (
                f"SELECT {sort_value} AS sort_value, s.user_id{listed}, {_stored_run(query)}"
                f" FROM students s{query.joins()} WHERE {where}"
                f" ORDER BY {in_order} LIMIT {limit}"
            )
            if is_one:
                return text
            return (
                "SELECT p.* FROM unnest($1::bigint[]) AS c(course_id)"
                f" CROSS JOIN LATERAL ({text}) AS p ORDER BY course_, place_"
            )

        if filter != _EVERYBODY:
            return write(), query.args
        key = is_one, tuple(columns), order, after and after.value is None
        return self._texts.get(key) or self._keep(key, write()), query.args

    def student(self, columns: Columns) -> str:
        """One student of a course (`$1`) by id (`$2`): as in `page`, `sort_value` is null."""

        def write() -> str:
            query = StudentQuery(self._layout, None)
            return _student(query, columns, "s.user_id = $2")

        key = tuple(columns)
        return self._texts.get(key) or self._keep(key, write())

    def students(self, columns: Columns) -> str:
        """Students by ids of courses (`$1`) and their own (`$2`): as in `page` with several."""

        def write() -> str:
            query = StudentQuery(self._layout, None, course="a.course_id")
            text = _student(query, columns, "s.user_id = a.user_id", ", s.course_id AS course_")
            return f"SELECT p.* {_PAIRS} CROSS JOIN LATERAL ({text} LIMIT 1) AS p"

        key = "students", *columns
        return self._texts.get(key) or self._keep(key, write())

    def own(self, columns: Columns, course_columns: str) -> str:
        """A user's row in each course of theirs, by its key: the course's columns and `student`'s.

        Arguments as of `COUNT_OWN`, the key (`$5`) behind which and how many (`$6`).
        """

        def write() -> str:
            query = StudentQuery(self._layout, None, course="c.course_id")
            text = _student(query, columns, "s.user_id = $1")
            return (
                f"SELECT {course_columns}, p.* FROM (SELECT c.* {_OWN}"
                " AND ($5::text IS NULL OR c.course_key > $5) ORDER BY c.course_key LIMIT $6) AS c"
                f" CROSS JOIN LATERAL ({text} LIMIT 1) AS p ORDER BY c.course_key"
            )

        key = "own", *columns
        return self._texts.get(key) or self._keep(key, write())

    def count(self, course_ids: list[int], filter: StudentFilter) -> Statement:
        """Number of enrolled students that match: `course_id`, `students`."""
        query = StudentQuery(self._layout, course_ids, course="c.course_id")
        where = _where(query, filter)
        text = (
            "SELECT c.course_id, p.students FROM unnest($1::bigint[]) AS c(course_id)"
            f" CROSS JOIN LATERAL (SELECT count(*) AS students FROM students s{query.joins()}"
            f" WHERE {where}) AS p"
        )
        return text, query.args

    def values(self, fields: Sequence[FieldRef], *, standing: bool, is_one: bool) -> str:
        """Scalar values of students by ids of courses (`$1`) and their own (`$2`).

        With `is_one` `$1` is the id of the only course.
        """
        query = StudentQuery(self._layout, None, course="$1" if is_one else "a.course_id")
        wanted = []
        for ref in dict.fromkeys(fields):
            _, field = self._layout.field(ref)
            wanted.append(f"{query.column(ref)} AS {quote(ref.column)}")
            if standing and field.is_numeric:
                rank = query.column(ref, standing=True)
                wanted.append(f"{rank} AS {quote(ref.standing_column)}")
        if is_one:
            joins = query.joins("a.user_id")
            return (
                f"SELECT a.user_id, {', '.join(wanted)}"
                f" FROM unnest($2::bigint[]) AS a(user_id){joins}"
            )
        return (
            f"SELECT a.course_id AS course_, a.user_id, v.* {_PAIRS}"
            f" CROSS JOIN LATERAL (SELECT {', '.join(wanted)} FROM (VALUES (1)) AS one(row)"
            f"{query.joins('a.user_id')} LIMIT 1) AS v"
        )

    def _keep(self, key: object, text: str) -> str:
        if len(self._texts) < _KEPT:
            self._texts[key] = text
        return text


def _student(query: StudentQuery, columns: Columns, who: str, beside: str = "") -> str:
    listed = _listed(query, columns)
    return (
        f"SELECT NULL AS sort_value, s.user_id{listed}{beside}, {_stored_run(query)}"
        f" FROM students s{query.joins()} WHERE s.course_id = {query.course} AND {who}"
    )


def _where(query: StudentQuery, filter: StudentFilter) -> str:
    enrolled = [f"s.course_id = {query.course}", "s.in_l"]
    return " AND ".join([*enrolled, *query.conditions(filter)])


def _stored_run(query: StudentQuery) -> str:
    return f"(SELECT r.run_id FROM courses r WHERE r.course_id = {query.course}) AS stored_run"


def _listed(query: StudentQuery, columns: Columns) -> str:
    """Columns of a SELECT list, a comma before each."""
    return "".join(
        # by its place, so that nothing but a known name can get into the statement
        f", {query.column(one) if isinstance(one, FieldRef) else f's.{ROSTER[ROSTER.index(one)]}'}"
        for one in columns
    )
