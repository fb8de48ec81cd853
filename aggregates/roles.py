"""Who is on which course team: stored with each refresh, so that access needs no source."""

from __future__ import annotations

import pyarrow as pa

from aggregates.copying import copy_table
from aggregates.database import Connection
from courselens.domain import GLOBAL_STAFF
from indicators.result import CourseResults

_LOCK = 0x636C656E_00000002
"""Advisory lock: refreshes of two courses of one org replace the same rows."""

RoleRow = tuple[int, str | None, str | None, str]


def roles_of(results: CourseResults) -> list[RoleRow]:
    """Distinct (user_id, org, course_key, role); an empty text is None."""
    rows = results.roles.select(["user_id", "org", "course_key", "role"]).to_pylist()
    found = {
        (row["user_id"], row["org"] or None, row["course_key"] or None, row["role"])
        for row in rows
        if row["user_id"] is not None and row["role"]
    }
    return sorted(found, key=lambda row: (row[0], row[1] or "", row[2] or "", row[3]))


async def write_roles(
    connection: Connection, results: CourseResults, *, deadline_seconds: float
) -> None:
    """Replace the roles of this course, those of its whole org, and the global staff.

    Roles elsewhere are left as they are: other courses' refreshes bring them. Nothing is written
    where they are the same: a change is told to all who remember roles.
    """
    key, org = results.course_key, results.course.get("org")
    team: list[RoleRow] = []
    staff: list[int] = []
    for row in roles_of(results):
        user_id, of_org, of_course, role = row
        if of_org is None and of_course is None:
            if role == GLOBAL_STAFF:
                staff.append(user_id)
        elif of_course == key or (of_course is None and of_org == org):
            team.append(row)
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=deadline_seconds)
    ours = "WHERE course_key = $1 OR (course_key IS NULL AND org = $2)"
    stored = await connection.fetch(
        f"SELECT user_id, org, course_key, role FROM course_roles {ours}", key, org
    )
    if {tuple(row) for row in stored} != set(team):
        await connection.execute(f"DELETE FROM course_roles {ours}", key, org)
        await copy_table(
            connection, "course_roles", _table(team), deadline_seconds=deadline_seconds
        )
    stored = await connection.fetch("SELECT user_id FROM global_staff")
    if {row["user_id"] for row in stored} != set(staff):
        await connection.execute("DELETE FROM global_staff")
        table = pa.table({"user_id": pa.array(staff, pa.int64())})
        await copy_table(connection, "global_staff", table, deadline_seconds=deadline_seconds)


def _table(rows: list[RoleRow]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([], [], [], [])
    types = (pa.int64(), pa.string(), pa.string(), pa.string())
    names = ("user_id", "org", "course_key", "role")
    return pa.table(
        {
            name: pa.array(list(column), kind)
            for name, column, kind in zip(names, columns, types, strict=True)
        }
    )
