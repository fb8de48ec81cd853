"""Who may see a course: the team of the course and its org, and global staff."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from courselens.domain import GLOBAL_STAFF
from indicators.data import CourseData
from loaders.datasets import COURSE_ROLES


def roles_of(data: CourseData) -> pa.Table:
    """Roles that give access to a course; inactive users hold none (openedx-data, section 6)."""
    roles = data.tables.get("course_roles", COURSE_ROLES.empty())
    profiles = data.tables.get("profiles")
    if profiles is None:
        return roles
    inactive = profiles.filter(pc.equal(profiles.column("is_active"), False)).column("user_id")
    roles = roles.filter(pc.invert(pc.is_in(roles.column("user_id"), inactive.combine_chunks())))
    staff = profiles.filter(
        pc.and_(
            pc.fill_null(profiles.column("is_staff"), False),
            pc.fill_null(profiles.column("is_active"), True),
        )
    ).column("user_id")
    return pa.concat_tables(
        [
            roles,
            pa.Table.from_pylist(
                [{"user_id": user_id, "role": GLOBAL_STAFF} for user_id in staff.to_pylist()],
                schema=COURSE_ROLES.schema,
            ),
        ]
    )
