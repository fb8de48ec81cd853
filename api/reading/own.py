"""The viewer as a student: their own row in each of their courses."""

from __future__ import annotations

from typing import Any

from aggregates.records import OwnCourses
from aggregates.student_statements import Columns
from api.access.policy import Grant, Viewer, courses_of_team, decide
from api.context import Context, CourseSource
from courselens.domain import Level


async def own_courses(context: Context, viewer: Viewer) -> OwnCourses:
    """The courses in which the policy lets a viewer see their own row.

    Those that they have left are none of them, but for the course's team.
    """
    keys, orgs = courses_of_team(await context.viewer_roles())
    reach = viewer.reach.orgs
    return OwnCourses(viewer.user_id, keys, orgs, None if reach is None else sorted(reach))


async def read_own(
    context: Context,
    viewer: Viewer,
    columns: Columns,
    *,
    after: str | None,
    first: int,
) -> list[tuple[CourseSource, tuple[Any, ...]]]:
    """The viewer's row in at most `first` of these courses, behind the key `after`, by key.

    Rows are those of `Reader.student_row`, with `in_l` behind the columns.
    """
    context.is_about_all = True
    roles = await context.viewer_roles()
    found = await context.reader.own_rows(
        await own_courses(context, viewer), [*columns, "in_l"], after=after, first=first
    )
    rows = []
    for record, row in found:
        access = context.stand(roles, record, is_enrolled=row[-2])
        if decide(access, Level.STUDENT, own=True) is not Grant.DENIED:
            rows.append((context.use(CourseSource(record, access)), row))
    return rows
