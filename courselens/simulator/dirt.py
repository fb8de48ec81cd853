"""What goes wrong in real logs: broken, joined, doubled, anonymous and misdated lines."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np

from courselens.domain import from_us
from courselens.simulator.course import Course
from courselens.simulator.events import Array, Kind
from courselens.simulator.wording import HOST

SHARE = 0.001  # of the events
FUTURE_YEARS = 4  # by which a wrong clock is ahead


class Dirt(enum.StrEnum):
    """Kinds of dirty lines."""

    CUT = "cut"  # the end is missing
    BLANK = "blank"  # an empty line more
    NUL = "nul"  # a NUL byte inside
    NOT_UTF8 = "not_utf8"  # a byte that is no UTF-8
    GLUED = "glued"  # two records in one line, the newline lost
    PREFIX = "prefix"  # what syslog puts before it
    NO_USER = "no_user"  # a visitor's request more
    NO_COURSE = "no_course"  # a request outside of any course more
    DUPLICATE = "duplicate"  # the same line once more
    FUTURE = "future"  # a device's clock runs years ahead of the server's
    COURSE_NEWLINE = "course_newline"  # the course key ends in a newline


_BY_APP = (Kind.MOBILE_LOAD, Kind.MOBILE_PLAY, Kind.MOBILE_SEEK)
# Broken lines are of kinds on which no row of the database depends.
_HARMLESS = np.array(
    [
        Kind.HOME_VIEW,
        Kind.COURSEWARE_VIEW,
        Kind.OUTLINE_SELECTED,
        Kind.LINK_CLICKED,
        Kind.PAGE_CLOSE,
        Kind.PROBLEM_GET,
        Kind.TRANSCRIPT_GET,
        Kind.FORUM_VIEW,
        *_BY_APP,
    ]
)


@dataclass
class Smudged:
    """Bytes of a stretch of log with its dirt."""

    pieces: list[bytes | memoryview] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    lines: int = 0


def smudge(
    data: memoryview, offsets: Array, rows: Array, course: Course, rng: np.random.Generator
) -> Smudged:
    """Make about one line in a thousand dirty.

    Args:
        data: Bytes of the lines, each with its newline.
        offsets: Where each begins, and the end.
        rows: The events, one per line.
        course: The course that visitors look at.
        rng: Random numbers.
    """
    result = Smudged(lines=len(rows))
    harmless = np.isin(rows["kind"], _HARMLESS)
    chosen = np.flatnonzero(harmless & (rng.random(len(rows)) < SHARE / max(harmless.mean(), 0.02)))
    chosen = chosen[chosen < len(rows) - 1]
    kinds = rng.integers(0, len(Dirt), len(chosen))
    draws = rng.random(len(chosen))
    done = 0
    for row, nth, draw in zip(chosen.tolist(), kinds.tolist(), draws.tolist(), strict=True):
        kind = list(Dirt)[nth]
        begin, end = int(offsets[row]), int(offsets[row + 1])
        if begin < done:
            continue
        if rows["kind"][row] in _BY_APP:
            kind = Dirt.FUTURE
        elif kind is Dirt.FUTURE or (kind is Dirt.GLUED and not harmless[row + 1]):
            continue
        result.pieces.append(data[done:begin])
        line = bytes(data[begin:end])
        if kind is Dirt.GLUED:
            end = int(offsets[row + 2])
            line = line.rstrip(b"\n") + bytes(data[int(offsets[row + 1]) : end])
            result.lines -= 1
        else:
            line, more = _dirty(kind, line, draw, course, rows[row : row + 1])
            result.lines += more
        result.pieces.append(line)
        result.counts[kind.value] = result.counts.get(kind.value, 0) + 1
        done = end
    result.pieces.append(data[done : int(offsets[-1])])
    return result


def _dirty(kind: Dirt, line: bytes, draw: float, course: Course, row: Array) -> tuple[bytes, int]:
    """The dirty form of a line, and how many lines it is more than one."""
    middle = 40 + int(draw * (len(line) - 60))
    match kind:
        case Dirt.CUT:
            return line[:middle] + b"\n", 0
        case Dirt.BLANK:
            return line + b"\n", 1
        case Dirt.NUL:
            return line[:middle] + b"\x00" + line[middle:], 0
        case Dirt.NOT_UTF8:
            return line.replace(b'"agent": "', b'"agent": "\xff\xfe', 1), 0
        case Dirt.PREFIX:
            head = b"Feb  3 12:00:00 lms-7 [service_variant=lms][tracking][env:prod] INFO "
            return head + b"[lms-7 1142] [logger.py:41] - " + line, 0
        case Dirt.NO_USER:
            return line + _request(f"/courses/{course.key}/about", course.key, row, b"null"), 1
        case Dirt.NO_COURSE:
            return line + _request("/dashboard", "", row, b"1"), 1
        case Dirt.DUPLICATE:
            return line + line, 1
        case Dirt.COURSE_NEWLINE:
            key = b'"course_id": "'
            end = line.index(b'"', line.index(key) + len(key))
            return line[:end] + b"\\n" + line[end:], 0
        case _:
            year = from_us(int(row["at_us"][0])).year
            now, ahead = f'"time": "{year}', f'"time": "{year + FUTURE_YEARS}'
            return line.replace(now.encode(), ahead.encode(), 1), 0


def _request(path: str, key: str, row: Array, user_id: bytes) -> bytes:
    at = np.datetime64(int(row["at_us"][0]), "us").astype(str)
    name = "site_admin" if user_id != b"null" else ""
    return (
        f'{{"username": "{name}", "event_type": "{path}", "event": "{{\\"GET\\": {{}}, '
        f'\\"POST\\": {{}}}}", "event_source": "server", "context": {{"user_id": '
        f'{user_id.decode()}, "org_id": "", "course_id": "{key}", "path": "{path}"}}, "time": '
        f'"{at}+00:00", "session": "", "ip": "10.0.0.9", "agent": "", "host": "{HOST}", '
        f'"accept_language": "", "referer": "", "page": null}}\n'
    ).encode()
