"""The course tree: raw blocks of any source to blocks in preorder with settings applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loaders.block_settings import (
    Restriction,
    Settings,
    inherit_settings,
    restrict_arms,
)
from loaders.problem import Problem

CHAPTER_TYPES = frozenset({"chapter"})
SEQUENTIAL_TYPES = frozenset({"sequential", "problemset", "videosequence"})
VERTICAL_TYPES = frozenset({"vertical"})
DRAW_TYPES = frozenset({"library_content", "itembank"})
"""Blocks that draw some of their children for each learner."""
WRAPPER_TYPES = DRAW_TYPES | {
    "split_test",
    "conditional",
    "randomize",
    "wrapper",
    "problem-builder",
    "problem_builder",
    "step-builder",
    "pb-mentoring-step",
    "sb-step",
}
CONTAINER_TYPES = (
    frozenset({"course"}) | CHAPTER_TYPES | SEQUENTIAL_TYPES | VERTICAL_TYPES | WRAPPER_TYPES
)
DETACHED_TYPES = frozenset({"about", "course_info", "static_tab", "wiki", "custom_tag_template"})
"""Stored beside the tree by design: nothing ever points to them."""


@dataclass(frozen=True, slots=True)
class RawBlock:
    """A block as its source has it: only the fields that somebody set."""

    block_key: str
    block_type: str
    fields: Mapping[str, object]
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RawCourse:
    """A course run as its source has it, before inheritance.

    `path` names the source in problems. `grading_policy` is the document with GRADER and
    GRADE_CUTOFFS, None when the source has none. `keeps_defaults`: a field that is absent has its
    default; False where the source was asked for some fields only, so that absent is unknown.
    """

    course_key: str
    path: str
    blocks: Mapping[str, RawBlock]
    root_key: str | None
    grading_policy: Mapping[str, object] | None = None
    keeps_defaults: bool = True


@dataclass(frozen=True, slots=True)
class Placed:
    """A block at its place: what it inherits and where it hangs."""

    block: RawBlock
    position: int
    depth: int
    parent_key: str | None
    chapter_key: str | None
    sequential_key: str | None
    vertical_key: str | None
    draw_wrapper_key: str | None
    draw_child_key: str | None
    settings: Settings
    restrictions: tuple[Restriction, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """The blocks of a course in preorder, and what did not fit into the tree."""

    blocks: tuple[Placed, ...]
    problems: tuple[Problem, ...]


def walk_course(course: RawCourse) -> Tree:
    """Put the blocks of a course in preorder and apply inherited settings.

    A block that two parents point to stays where it comes first; a cycle is cut where it closes;
    a missing child is left out. Each is a problem, as is a block that nothing points to. Where
    the root is missing, its would-be children are kept at depth 1.

    Args:
        course: raw blocks, in any order.

    Returns:
        Blocks with their place and settings, and the problems.
    """
    problems: list[Problem] = []

    def report(reason: str) -> None:
        problems.append(Problem(course.path, None, f"{course.course_key}: {reason}"))

    root = course.blocks.get(course.root_key) if course.root_key is not None else None
    start = Settings.of_course(keeps_defaults=course.keeps_defaults)
    stack: list[tuple[RawBlock, Placed | None, frozenset[str]]] = []
    if root is not None:
        stack.append((root, None, frozenset()))
    else:
        report("the course root is missing; what is below it was loaded without its settings")
        stack.extend((top, None, frozenset()) for top in reversed(_find_tops(course)))
    placed: dict[str, Placed] = {}
    first_position = 0 if root is not None else 1
    while stack:
        block, parent, ancestors = stack.pop()
        if block.block_key in placed:
            where = parent.block.block_key if parent is not None else "the root"
            report(f"{block.block_key} is also a child of {where}; kept where it comes first")
            continue
        place = _place(
            block, parent, start, position=first_position + len(placed), rootless=root is None
        )
        for reason in place.settings.unreadable:
            report(f"{block.block_key}: {reason}")
        placed[block.block_key] = place
        line = ancestors | {block.block_key}
        below: list[tuple[RawBlock, Placed | None, frozenset[str]]] = []
        for child_key in block.children:
            child = course.blocks.get(child_key)
            if child is None:
                report(f"{block.block_key} has a child that does not exist: {child_key}")
            elif child_key in line:
                report(f"{child_key} is below itself (child of {block.block_key}); cut there")
            else:
                below.append((child, place, line))
        stack.extend(reversed(below))
    lost = [
        key
        for key, block in course.blocks.items()
        if key not in placed and block.block_type not in DETACHED_TYPES
    ]
    if lost:
        report(f"{len(lost)} blocks that no block of the tree points to were left out: {lost[0]}")
    return Tree(tuple(placed.values()), tuple(problems))


def _find_tops(course: RawCourse) -> list[RawBlock]:
    pointed_to = {key for block in course.blocks.values() for key in block.children}
    return [
        block
        for key, block in course.blocks.items()
        if key not in pointed_to and block.block_type not in DETACHED_TYPES
    ]


def _place(
    block: RawBlock, parent: Placed | None, start: Settings, *, position: int, rootless: bool
) -> Placed:
    key, kind = block.block_key, block.block_type
    is_sequential = kind in SEQUENTIAL_TYPES
    above = parent.settings if parent is not None else start
    settings, own = inherit_settings(
        above,
        block.fields,
        block_key=key,
        is_sequential=is_sequential,
        under_sequential=parent is not None and parent.sequential_key is not None,
    )
    restrictions = (parent.restrictions if parent is not None else ()) + own
    if parent is not None and parent.block.block_type == "split_test":
        restrictions += restrict_arms(parent.block.block_key, parent.block.fields, key)
    wrapper_key, child_key = None, None
    if parent is not None:
        wrapper_key, child_key = parent.draw_wrapper_key, parent.draw_child_key
        if parent.block.block_type in DRAW_TYPES:
            wrapper_key, child_key = parent.block.block_key, key
    return Placed(
        block=block,
        position=position,
        depth=parent.depth + 1 if parent is not None else int(rootless),
        parent_key=parent.block.block_key if parent is not None else None,
        chapter_key=key
        if kind in CHAPTER_TYPES
        else parent.chapter_key
        if parent is not None
        else None,
        sequential_key=key
        if is_sequential
        else parent.sequential_key
        if parent is not None
        else None,
        vertical_key=key
        if kind in VERTICAL_TYPES
        else parent.vertical_key
        if parent is not None
        else None,
        draw_wrapper_key=wrapper_key,
        draw_child_key=child_key,
        settings=settings,
        restrictions=restrictions,
    )
