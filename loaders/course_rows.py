"""Rows of the datasets that describe courses, made from raw courses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey, UsageKey

from loaders.block_settings import read_bool, read_float, read_int, read_text
from loaders.datasets import BLOCK_ACCESS, BLOCKS, COURSES, GRADING_POLICY
from loaders.instants import parse_instant
from loaders.problem import Problem
from loaders.tree import CONTAINER_TYPES, Placed, RawCourse, walk_course


def build_course_tables(
    courses: Iterable[RawCourse],
) -> tuple[dict[str, pa.Table], tuple[Problem, ...]]:
    """Make the tables `courses`, `blocks`, `block_access` and `grading_policy`.

    Args:
        courses: at most one raw course for each course key.

    Returns:
        Tables by dataset name, and what did not fit. `grading_policy` is absent where no course
        has a policy: the platform's default policy is not assumed.
    """
    rows: dict[str, list[dict[str, object]]] = {
        COURSES.name: [],
        BLOCKS.name: [],
        BLOCK_ACCESS.name: [],
        GRADING_POLICY.name: [],
    }
    problems: list[Problem] = []
    for course in courses:
        tree = walk_course(course)
        problems.extend(tree.problems)
        problems.extend(_check_end(course))
        rows[COURSES.name].append(_course_row(course))
        for place in tree.blocks:
            rows[BLOCKS.name].append(_block_row(course.course_key, place))
            rows[BLOCK_ACCESS.name].extend(_access_rows(course.course_key, place))
        rows[GRADING_POLICY.name].extend(_policy_rows(course))
    datasets = [COURSES, BLOCKS, BLOCK_ACCESS]
    if rows[GRADING_POLICY.name]:
        datasets.append(GRADING_POLICY)
    tables = {
        dataset.name: pa.Table.from_pylist(rows[dataset.name], schema=dataset.schema)
        for dataset in datasets
    }
    return tables, tuple(problems)


def merge_courses(rows: list[dict[str, object]]) -> pa.Table:
    """One row for each course; what an earlier row leaves open is taken from a later one."""
    merged: dict[object, dict[str, object]] = {}
    for row in rows:
        before = merged.setdefault(row["course_key"], row)
        merged[row["course_key"]] = {
            name: row[name] if value is None else value for name, value in before.items()
        }
    return pa.Table.from_pylist(list(merged.values()), schema=COURSES.schema)


def _root_fields(course: RawCourse) -> Mapping[str, object] | None:
    root = course.blocks.get(course.root_key) if course.root_key is not None else None
    return root.fields if root is not None else None


def _check_end(course: RawCourse) -> list[Problem]:
    # The other dates of the root are settings, which the walk over the tree has checked.
    try:
        parse_instant((_root_fields(course) or {}).get("end"))
    except ValueError as error:
        reason = f"{course.course_key}: end: {error}; taken as not set"
        return [Problem(course.path, None, reason)]
    return []


def _course_row(course: RawCourse) -> dict[str, object]:
    fields = _root_fields(course)
    has_root = fields is not None
    fields = fields or {}
    self_paced = read_bool(fields.get("self_paced"))
    if self_paced is None and has_root and course.keeps_defaults:
        self_paced = False
    return {
        **dict.fromkeys(COURSES.columns),
        "course_key": course.course_key,
        "display_name": read_text(fields.get("display_name")),
        "org": find_org(course.course_key),
        "start_us": read_instant(fields.get("start")),
        "end_us": read_instant(fields.get("end")),
        "self_paced": self_paced,
        "pass_cutoff": _find_pass_cutoff(course.grading_policy or {}),
    }


def find_org(course_key: str) -> str | None:
    """Organisation of a course; None where the key is no course key."""
    try:
        return str(CourseKey.from_string(course_key).org)
    except InvalidKeyError:
        return None


def read_instant(value: object) -> int | None:
    """Microseconds of an instant; None where there is none or it cannot be read."""
    try:
        return parse_instant(value)
    except ValueError:
        return None


def _find_pass_cutoff(policy: Mapping[str, object]) -> float | None:
    cutoffs = policy.get("GRADE_CUTOFFS")
    if not isinstance(cutoffs, Mapping):
        return None
    values = [value for value in map(read_float, cutoffs.values()) if value is not None]
    return min((value for value in values if value > 0), default=None)


def _policy_rows(course: RawCourse) -> list[dict[str, object]]:
    graders = (course.grading_policy or {}).get("GRADER")
    if not isinstance(graders, list):
        return []
    return [
        {
            "course_key": course.course_key,
            "assignment_type": read_text(grader.get("type")),
            "position": position,
            "min_count": read_int(grader.get("min_count")),
            "drop_count": read_int(grader.get("drop_count")),
            "weight": read_float(grader.get("weight")),
        }
        for position, grader in enumerate(graders)
        if isinstance(grader, Mapping)
    ]


def _block_row(course_key: str, place: Placed) -> dict[str, object]:
    block, settings = place.block, place.settings
    # The platform's players write 0 when they do not know how long a video is.
    duration = read_float(block.fields.get("duration")) or None
    return {
        "course_key": course_key,
        "block_key": block.block_key,
        "block_type": block.block_type,
        "display_name": read_text(block.fields.get("display_name")),
        "position": place.position,
        "depth": place.depth,
        "parent_key": place.parent_key,
        "chapter_key": place.chapter_key,
        "sequential_key": place.sequential_key,
        "vertical_key": place.vertical_key,
        "html_id": html_id(block.block_key),
        "is_leaf": block.block_type not in CONTAINER_TYPES and not block.children,
        "graded": settings.graded,
        "assignment_type": settings.assignment_type,
        "released_us": settings.released_us,
        "due_us": settings.due_us,
        "weight": read_float(block.fields.get("weight")),
        "max_attempts": settings.max_attempts,
        "duration_seconds": duration if block.block_type == "video" else None,
        "edx_video_id": read_text(block.fields.get("edx_video_id")) or None,
        "visible_to_staff_only": settings.visible_to_staff_only,
        "draw_wrapper_key": place.draw_wrapper_key,
        "draw_child_key": place.draw_child_key,
    }


def _access_rows(course_key: str, place: Placed) -> list[dict[str, object]]:
    return [
        {
            "course_key": course_key,
            "block_key": place.block.block_key,
            "constraint_key": restriction.constraint_key,
            "partition_id": restriction.partition_id,
            "group_id": restriction.group_id,
        }
        for restriction in place.restrictions
    ]


def html_id(block_key: str) -> str | None:
    """HTML id of a block: its bare id, `i4x-ORG-COURSE-TYPE-NAME` for an old key, None for none."""
    try:
        return str(UsageKey.from_string(block_key).html_id())
    except InvalidKeyError:
        return None
