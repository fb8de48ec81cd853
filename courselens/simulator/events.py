"""The truth about events: one compact row each, whatever format they are written in later."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EVENT = np.dtype(
    [
        ("at_us", "i8"),  # event time, by the clock of the client for mobile events
        ("arrive_us", "i8"),  # when it reached the log; decides the day's file
        ("who", "i4"),  # index into People
        ("block", "i4"),  # index into the blocks of all courses; the course block if nothing else
        ("kind", "u1"),
        ("a", "i4"),  # three numbers whose meaning the kind decides, see shapes.py
        ("b", "i4"),
        ("c", "i4"),
    ]
)


class Kind(enum.IntEnum):
    """What happened. `PAUSE_ONLY` passes time and is never written."""

    PAUSE_ONLY = 0
    # Pages and navigation
    HOME_VIEW = 1
    COURSEWARE_VIEW = 2
    OUTLINE_SELECTED = 3
    LINK_CLICKED = 4
    SEQ_NEXT = 5
    SEQ_PREV = 6
    SEQ_GOTO = 7
    SEQ_NEXT_OUT = 8
    GOTO_POSITION = 9
    PAGE_CLOSE = 10
    PROBLEM_GET = 11
    PROGRESS_VIEW = 12
    WIKI_VIEW = 13
    DATES_VIEW = 14
    BOOK_PAGE = 15
    HTML_SEEN = 16
    # Video
    LOAD_VIDEO = 20
    PLAY_VIDEO = 21
    PAUSE_VIDEO = 22
    STOP_VIDEO = 23
    SEEK_VIDEO = 24
    SPEED_CHANGE = 25
    SHOW_TRANSCRIPT = 26
    HIDE_TRANSCRIPT = 27
    SAVE_STATE = 28
    TRANSCRIPT_GET = 29
    MOBILE_LOAD = 30
    MOBILE_PLAY = 31
    MOBILE_PAUSE = 32
    MOBILE_STOP = 33
    MOBILE_SEEK = 34
    # Problems
    CHECK_FORM = 40
    CHECK_POST = 41
    CHECK = 42
    CHECK_FAIL = 43
    HINT_POST = 44
    HINT = 45
    SHOWANSWER = 46
    PROBLEM_SHOW = 47
    # Grades and completion
    GRADE_PROBLEM = 50
    GRADE_SUBSECTION = 51
    GRADE_COURSE = 52
    PASSED_FIRST = 53
    NOW_PASSED = 54
    NOW_FAILED = 55
    OVERRIDE = 56
    COMPLETION = 57
    CERTIFICATE = 58
    # Forum
    FORUM_VIEW = 60
    THREAD_CREATED = 61
    THREAD_VIEWED = 62
    THREAD_VOTED = 63
    RESPONSE_CREATED = 64
    RESPONSE_VOTED = 65
    COMMENT_CREATED = 66
    # Enrolment and groups
    ACTIVATED = 70
    DEACTIVATED = 71
    MODE_CHANGED = 72
    COHORT_ADDED = 73
    ARM_ASSIGNED = 74
    ARM_RENDERED = 75
    LIBRARY_ASSIGNED = 76
    # Course team
    LIST_STUDENTS = 80
    DUMP_GRADES = 81


def make_events(
    at_us: Array,
    who: Array | int,
    block: Array | int,
    kind: Array | int,
    *,
    a: Array | int = 0,
    b: Array | int = 0,
    c: Array | int = 0,
) -> Array:
    """Rows of `EVENT` that arrived when they happened."""
    rows: Array = np.zeros(len(at_us), EVENT)
    rows["at_us"] = at_us
    rows["arrive_us"] = at_us
    for field, value in (("who", who), ("block", block), ("kind", kind), ("a", a), ("b", b)):
        rows[field] = value
    rows["c"] = c
    return rows


def spread(counts: Array) -> tuple[Array, Array]:
    """Repeat row numbers by `counts`, with the running number inside each row.

    Returns:
        `(row, nth)`, both of length `counts.sum()`; `nth` starts at 0 in every row.
    """
    row = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    return row, np.arange(len(row)) - starts[row]


def number_in_groups(*keys: Array) -> Array:
    """Running number from 0 of each element among the equal runs of already sorted keys."""
    size = len(keys[0])
    fresh: Array = np.ones(size, bool)
    if size:
        fresh[1:] = False
        for key in keys:
            fresh[1:] |= key[1:] != key[:-1]
    starts = np.flatnonzero(fresh)
    return np.arange(size) - starts[np.cumsum(fresh) - 1] if size else np.zeros(0, np.int64)
