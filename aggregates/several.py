"""What is asked about several courses at a time, each answered by one statement.

Each course is looked into by itself (`LATERAL`, bounded so that it stays so): no plan can scan a
table of all courses.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from aggregates.database import Row, Statements
from aggregates.fields import FieldRef
from aggregates.layout import PartTable, column_of
from aggregates.naming import quote
from aggregates.records import BlockRecord, CourseRecord, StudentRecord, SummaryRecord

About = tuple[CourseRecord, Collection[Any]]
"""A course, and of whom or what in it."""
Stored = tuple[int | None, list[tuple[Any, ...]]]
"""The run that a statement saw, None where it saw nothing, and rows."""


async def read_stored(
    database: Statements,
    record: type,
    table: str,
    in_order: str,
    courses: Sequence[CourseRecord],
    indicators: Sequence[str] | None = None,
) -> list[Stored]:
    """All rows of each course, as the fields of a record; with `indicators` those of them."""
    rows = await database.fetch(
        f"SELECT t.course_id, r.run_id, {columns_of(record, 't')}"
        f" FROM {table} t LEFT JOIN courses r USING (course_id)"
        " WHERE t.course_id = ANY($1::bigint[])"
        + ("" if indicators is None else " AND t.indicator = ANY($2::text[])")
        + f" ORDER BY {in_order}",
        ids_of(courses),
        *([] if indicators is None else [list(indicators)]),
    )
    found: dict[int, Stored] = {}
    for row in rows:
        found.setdefault(row[0], (row[1], []))[1].append(tuple(row)[2:])
    return [found.get(course.course_id, (None, [])) for course in courses]


async def read_named(
    database: Statements, username: str, courses: Sequence[CourseRecord]
) -> list[StudentRecord | None]:
    """The student of a name in each course."""
    rows = await database.fetch(
        "SELECT c.course_id AS course_, p.* FROM unnest($1::bigint[]) AS c(course_id)"
        f" CROSS JOIN LATERAL (SELECT {columns_of(StudentRecord, 's')} FROM students s"
        " WHERE s.course_id = c.course_id AND s.username = $2 ORDER BY s.user_id LIMIT 1) AS p",
        ids_of(courses),
        username,
    )
    found = {row["course_"]: StudentRecord(*tuple(row)[1:]) for row in rows}
    return [found.get(course.course_id) for course in courses]


async def read_students(
    database: Statements, sql: str, asked: Sequence[tuple[CourseRecord, int]]
) -> list[Row | None]:
    """A student of each course, by a statement of `StudentStatements.students`."""
    pairs = _pairs((course, (user_id,)) for course, user_id in asked)
    rows = await database.fetch(sql, *pairs)
    found = {(row["course_"], row["user_id"]): row for row in rows}
    return [found.get((course.course_id, user_id)) for course, user_id in asked]


async def read_values(
    database: Statements, sql: str, asked: Sequence[About]
) -> list[dict[int, Mapping[str, Any]]]:
    """Values by student, by a statement of `StudentStatements.values`."""
    rows = await database.fetch(sql, *_pairs(asked))
    found = {(row["course_"], row["user_id"]): row for row in rows}
    return [
        {user_id: found[course.course_id, user_id] for user_id in user_ids}
        for course, user_ids in asked
    ]


async def read_part(
    database: Statements, table: PartTable, asked: Sequence[About]
) -> list[dict[Any, list[Mapping[str, Any]]]]:
    """Rows of a part by subject, in catalogue order."""
    wanted = [f"t.{quote(column_of(field))} AS {quote(field.name)}" for field in table.part.fields]
    by_course = await _rows(
        database,
        quote(table.name),
        (table.subject, dict(table.key)[table.subject]),
        [*wanted, f"t.{table.subject} AS subject_"],
        asked,
        in_order=(table.subject, "ordinal"),
    )
    found: list[dict[Any, list[Mapping[str, Any]]]] = []
    for course, subjects in asked:
        parts: dict[Any, list[Mapping[str, Any]]] = {subject: [] for subject in subjects}
        for row in by_course[course.course_id]:
            if row["subject_"] in parts:
                parts[row["subject_"]].append(row)
        found.append(parts)
    return found


async def read_summaries(
    database: Statements, fields: Sequence[FieldRef], asked: Sequence[About]
) -> list[dict[tuple[str, str, str], SummaryRecord]]:
    """Free summaries of groups by (group_id, indicator, field)."""
    by_course = await _rows(
        database,
        "summaries",
        ("group_id", "text"),
        [columns_of(SummaryRecord, "t")],
        asked,
        [ref.indicator for ref in fields],
        [ref.field for ref in fields],
        where=" AND (t.indicator, t.field) IN (SELECT * FROM unnest($3::text[], $4::text[]))",
    )
    count = len(dataclasses.fields(SummaryRecord))
    found = []
    for course, group_ids in asked:
        records = (SummaryRecord(*tuple(row)[:count]) for row in by_course[course.course_id])
        found.append(
            {
                (one.group_id, one.indicator, one.field): dataclasses.replace(
                    one, histogram=tuple(one.histogram or ())
                )
                for one in records
                if one.group_id in group_ids
            }
        )
    return found


async def read_blocks(database: Statements, asked: Sequence[About]) -> list[dict[str, BlockRecord]]:
    """Blocks by key."""
    by_course = await _rows(
        database, "blocks", ("block_key", "text"), [columns_of(BlockRecord, "t")], asked
    )
    count = len(dataclasses.fields(BlockRecord))
    return [
        {
            row["block_key"]: BlockRecord(*tuple(row)[:count])
            for row in by_course[course.course_id]
            if row["block_key"] in keys
        }
        for course, keys in ((course, frozenset(block_keys)) for course, block_keys in asked)
    ]


def of_each(courses: Sequence[CourseRecord], rows: Iterable[Row]) -> list[list[Row]]:
    """Rows with a `course_`, by course."""
    found: dict[int, list[Row]] = {course.course_id: [] for course in courses}
    for row in rows:
        found[row["course_"]].append(row)
    return [found[course.course_id] for course in courses]


def ids_of(courses: Iterable[CourseRecord]) -> list[int]:
    """Ids of courses, each once."""
    return list(dict.fromkeys(course.course_id for course in courses))


def columns_of(record: type, alias: str) -> str:
    """Columns of a table, in the order of the record's fields."""
    return ", ".join(f"{alias}.{field.name}" for field in dataclasses.fields(record))


async def _rows(
    database: Statements,
    table: str,
    subject: tuple[str, str],
    columns: Sequence[str],
    asked: Sequence[About],
    *args: object,
    where: str = "",
    in_order: Sequence[str] = (),
) -> Mapping[int, Sequence[Row]]:
    """Rows (`t`) of a table about these subjects, by course.

    Args:
        database: where.
        table: its name, quoted.
        subject: column and type of whom a row is about.
        columns: what is wanted; further columns may follow.
        asked: courses and subjects.
        args: of the statement from `$3` on.
        where: what holds for a row beside, from " AND" on.
        in_order: columns by which the rows of a course are sorted.
    """
    column, kind = subject
    chosen = f"SELECT {', '.join(columns)}"
    course_ids, subjects = _pairs(asked)
    if len(set(course_ids)) == 1:  # half the time where there are many subjects
        sorted_by = ", ".join(f"t.{name}" for name in in_order)
        rows = await database.fetch(
            f"{chosen} FROM {table} t WHERE t.course_id = $1 AND t.{column} = ANY($2::{kind}[])"
            f"{where}{f' ORDER BY {sorted_by}' if sorted_by else ''}",
            course_ids[0],
            subjects,
            *args,
        )
        return defaultdict(list, {course_ids[0]: rows})
    places = "".join(f", t.{name} AS place_{number}" for number, name in enumerate(in_order))
    sorted_by = ", ".join(("course_", *(f"place_{number}" for number, _ in enumerate(in_order))))
    rows = await database.fetch(
        f"SELECT p.* FROM unnest($1::bigint[], $2::{kind}[]) AS a(course_id, subject)"
        f" CROSS JOIN LATERAL ({chosen}{places}, t.course_id AS course_ FROM {table} t"
        f" WHERE t.course_id = a.course_id AND t.{column} = a.subject{where} OFFSET 0) AS p"
        f" ORDER BY {sorted_by}",
        course_ids,
        subjects,
        *args,
    )
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["course_"]].append(row)
    return found


def _pairs(asked: Iterable[About]) -> tuple[list[int], list[Any]]:
    """Each course with each of its subjects, once."""
    pairs = dict.fromkeys(
        (course.course_id, subject) for course, subjects in asked for subject in subjects
    )
    return [course_id for course_id, _ in pairs], [subject for _, subject in pairs]
