"""Whose data is in what was told: every value of a guarded student carries the student's id.

An id is six digits that occur nowhere else. In front of it a value says for whom it is: 1000 for
the student alone, 2000 for the course team, 3000 for nobody, nothing for student and team.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from structlog.testing import capture_logs

FIRST_HERE, FIRST_THERE = 710_001, 720_001
SELF_ONLY, TEAM_ONLY, FOR_NOBODY = 1_000_000_000, 2_000_000_000, 3_000_000_000

_CARRIES = re.compile(rb"(1000|2000|3000)?(7[12]00\d\d)")
_ENCODED = re.compile(rb"[A-Za-z0-9_-]{12,}")
_OF_THE_CLIENT = {"httpx", "httpcore"}
_FOR = {b"": "both", b"1000": "self", b"2000": "team", b"3000": "nobody"}


@dataclass(frozen=True, slots=True, order=True)
class Canary:
    """A value of a student, and for whom it is: `self`, `team`, `both`, `nobody`."""

    user_id: int
    seen_by: str


def canaries_in(data: bytes) -> set[Canary]:
    """What was told, also within global ids and cursors."""
    texts = [data]
    for found in _ENCODED.findall(data):
        try:
            texts.append(base64.urlsafe_b64decode(found + b"=" * (-len(found) % 4)))
        except binascii.Error:
            continue
    return {
        Canary(int(user_id), _FOR[prefix])
        for text in texts
        for prefix, user_id in _CARRIES.findall(text)
    }


def own_canaries(user_id: int) -> set[Canary]:
    """What a student may be told."""
    return {Canary(user_id, "both"), Canary(user_id, "self")}


def team_canaries(user_ids: Iterable[int]) -> set[Canary]:
    """What the team of these students may be told."""
    return {Canary(user_id, seen_by) for user_id in user_ids for seen_by in ("both", "team")}


@contextmanager
def watched_logs() -> Iterator[list[str]]:
    """Everything that is logged meanwhile, by us and by libraries, from DEBUG on."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name.split(".")[0] not in _OF_THE_CLIENT:
                lines.append(f"{record.getMessage()} {record.exc_text or ''}")

    handler, root = Handler(logging.DEBUG), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with capture_logs() as entries:
            yield lines
            lines.extend(map(repr, entries))
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
