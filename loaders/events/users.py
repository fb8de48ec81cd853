"""Ids of learners whom an event knows by username only."""

from __future__ import annotations

import hashlib

_DIGITS = 15  # hexadecimal digits: 60 bits, so that the id fits a signed 64-bit integer


def name_only_user_id(username: str) -> int:
    """Stable negative id of a username; real ids are positive, so the two never meet.

    Taken from the MD5 of the name, because an id in stored rows must outlive every engine's own
    hash function. `name_only_sql` is the same in SQL.
    """
    digest = hashlib.md5(username.encode(), usedforsecurity=False).hexdigest()
    return -int(digest[:_DIGITS], 16) - 1


def name_only_sql(username: str) -> str:
    """SQL expression of `name_only_user_id` over the expression `username`."""
    return f"(-(('0x' || substr(md5({username}), 1, {_DIGITS}))::BIGINT) - 1)"
