"""A course as arrays: what the vectorised parts of the simulation look things up in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from courselens.simulator.course import Block, Course
from courselens.simulator.events import Array

_NEVER_US = 2**62
CONTAINERS = ("course", "chapter", "sequential", "vertical", "library_content", "split_test")


@dataclass(frozen=True, slots=True)
class Outline:
    """Arrays over the blocks (b), subsections (s) and units (u) of one course.

    Units are the verticals directly below a sequential; a unit's leaves include those inside a
    library or an arm of the experiment.
    """

    course: Course
    block_type: list[str]
    sequential: Array  # b: block index of the enclosing or own sequential, 0 (the course) if none
    chapter: Array  # b: likewise
    due_us: Array  # b: inherited, far future if none
    inputs: Array  # b: raw points
    possible: Array  # b: weighted points in hundredths
    max_attempts: Array  # b: 9999 if unlimited
    hints: Array  # b
    duration_ms: Array  # b
    difficulty: Array  # b
    content_group: Array  # b: -1 if open to all
    arm: Array  # b: -1 outside the experiment
    staff_only: Array  # b
    drawn: Array  # b: whether a library draws it
    seq_block: Array  # s: block index
    seq_graded: Array  # s
    seq_start_us: Array  # s
    seq_due_us: Array  # s
    seq_type: Array  # s: index into the policy, -1 ungraded
    seq_first_unit: Array  # s: first index into the units
    seq_units: Array  # s: how many
    unit_block: Array  # u
    unit_first_leaf: Array  # u: first index into `leaf_block`
    unit_leaves: Array  # u
    leaf_block: Array  # leaves in order
    seq_of_block: Array  # b: index into the subsections, -1 above them


def outline_course(course: Course) -> Outline:
    """Work out the arrays of a course."""
    blocks = course.blocks
    inherited: list[list[int]] = [[] for _ in range(6)]
    sequential, chapter, arm, group, starts, dues = inherited
    drawn: list[bool] = []
    for block in blocks:
        parent = block.parent
        sequential.append(block.index if block.type == "sequential" else _up(sequential, parent, 0))
        chapter.append(block.index if block.type == "chapter" else _up(chapter, parent, 0))
        arm.append(_up(arm, parent, -1) if block.arm is None else block.arm)
        group.append(_up(group, parent, -1) if block.content_group is None else block.content_group)
        starts.append(_up(starts, parent, 0) if block.start_us is None else block.start_us)
        dues.append(_up(dues, parent, _NEVER_US) if block.due_us is None else block.due_us)
        drawn.append(parent >= 0 and blocks[parent].type == "library_content")
    sequentials = [block for block in blocks if block.type == "sequential"]
    units, leaves = _units(course, sequentials)
    types = {kind.name: nth for nth, kind in enumerate(course.policy)}
    seq_of_block = np.full(len(blocks), -1)
    for nth, block in enumerate(sequentials):
        seq_of_block[np.array(sequential) == block.index] = nth
    seq_units = np.array([sum(unit.parent == s.index for unit in units) for s in sequentials])
    unit_leaves = np.array([len(found) for found in leaves])
    seq_index = np.array([block.index for block in sequentials])
    return Outline(
        course=course,
        block_type=[block.type for block in blocks],
        sequential=np.array(sequential),
        chapter=np.array(chapter),
        due_us=np.array(dues),
        inputs=np.array([block.inputs for block in blocks]),
        possible=np.array([100 * points(block) for block in blocks]),
        max_attempts=np.array([block.max_attempts or 9999 for block in blocks]),
        hints=np.array([block.hints for block in blocks]),
        duration_ms=np.array([block.duration_ms for block in blocks]),
        difficulty=np.array([block.difficulty for block in blocks]),
        content_group=np.array(group),
        arm=np.array(arm),
        staff_only=np.array([block.staff_only for block in blocks]),
        drawn=np.array(drawn),
        seq_block=seq_index,
        seq_graded=np.array([block.graded for block in sequentials]),
        seq_start_us=np.array(starts)[seq_index],
        seq_due_us=np.array(dues)[seq_index],
        seq_type=np.array([types.get(block.format or "", -1) for block in sequentials]),
        seq_first_unit=np.cumsum(seq_units) - seq_units,
        seq_units=seq_units,
        unit_block=np.array([unit.index for unit in units]),
        unit_first_leaf=np.cumsum(unit_leaves) - unit_leaves,
        unit_leaves=unit_leaves,
        leaf_block=np.array([leaf.index for found in leaves for leaf in found]),
        seq_of_block=seq_of_block,
    )


def points(block: Block) -> int:
    """Points a problem is worth: its weight, else one per input (openedx: 2.1)."""
    return block.inputs if block.weight is None else block.weight


def _up(values: list[int], parent: int, missing: int) -> int:
    return values[parent] if parent >= 0 else missing


def _units(course: Course, sequentials: list[Block]) -> tuple[list[Block], list[list[Block]]]:
    owner: dict[int, int] = {}
    leaves: dict[int, list[Block]] = {}
    inside = {block.index for block in sequentials}
    for block in course.blocks:
        if block.parent in inside:
            owner[block.index] = block.index
            leaves[block.index] = []
        elif block.parent in owner:
            owner[block.index] = owner[block.parent]
            if block.type not in CONTAINERS:
                leaves[owner[block.index]].append(block)
    return [course.blocks[index] for index in leaves], list(leaves.values())
