"""Roles of one user as the platform has them now."""

from __future__ import annotations

from dataclasses import dataclass

from loaders.mysql.connection import Deadline, MySQL

TABLES = ("auth_user", "student_courseaccessrole")

USER_SQL = (
    "SELECT u.is_active, u.is_staff OR u.is_superuser, r.org, r.course_id, r.role"
    " FROM auth_user AS u LEFT JOIN student_courseaccessrole AS r ON r.user_id = u.id"
    " WHERE u.id = %(user_id)s"
)
"""Every role of a user, at least one row for each account."""


@dataclass(frozen=True, slots=True)
class UserRoles:
    """What gives a user rights; nothing does for an account that is not active.

    Attributes:
        is_staff: of the whole site, or superuser.
        held: organisation, course key and role; of an organisation's role the course is None.
    """

    is_staff: bool = False
    held: tuple[tuple[str | None, str | None, str], ...] = ()


async def read_user_roles(connection: MySQL, user_id: int, *, deadline: Deadline) -> UserRoles:
    """Roles of a user; none of one whom the platform does not know.

    Raises:
        SourceUnavailable: the server does not answer.
        SourceRefused: it will not.
    """
    rows = await connection.fetch(USER_SQL, {"user_id": user_id}, deadline=deadline)
    if not rows or rows[0][0] != b"1":
        return UserRoles()
    held = {
        (_text(org), _text(course_key), role.decode())
        for _, _, org, course_key, role in rows
        if role
    }
    in_order = sorted(held, key=lambda one: (one[0] or "", one[1] or "", one[2]))
    return UserRoles(rows[0][1] == b"1", tuple(in_order))


def _text(value: bytes | None) -> str | None:
    return value.decode() if value else None
