"""The truth about a course: its tree, grading policy, groups and dates."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from courselens.simulator.options import HOUR_US, ORG, WEEK_US, Options

CONTENT_PARTITION = 1_818_934
EXPERIMENT_PARTITION = 736_151
COHORTS = ("Default Group", "Blue", "Green")
CONTENT_GROUPS = (201, 202)  # linked to the cohorts Blue and Green
ARMS = (0, 1)
ARM_NAMES = ("Worked example first", "Problem first")
DRAWN = 2  # blocks that the library hands to each learner

_TOPICS = (
    "Signals", "Measurement", "Models", "Feedback", "Networks",
    "Inference", "Optimisation", "Control", "Simulation", "Synthesis",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """One block of the tree; `index` is its place in preorder, `parent` -1 at the root.

    Settings are only those set on the block itself, as an export holds them; `start_us`, `due_us`
    and `graded` are inherited by its descendants.
    """

    index: int
    type: str
    block_id: str
    name: str
    parent: int
    start_us: int | None = None
    due_us: int | None = None
    graded: bool = False
    format: str | None = None
    weight: int | None = None
    inputs: int = 0
    max_attempts: int | None = None
    hints: int = 0
    duration_ms: int = 0
    difficulty: float = 0.0
    content_group: int | None = None
    arm: int | None = None
    staff_only: bool = False


@dataclass(frozen=True, slots=True)
class AssignmentType:
    """One entry of the grading policy."""

    name: str
    short: str
    min_count: int
    drop_count: int
    weight: float


@dataclass(frozen=True, slots=True)
class Course:
    """A course run with its tree in preorder; `number` counts the courses of a simulation."""

    number: int
    org: str
    course: str
    run: str
    name: str
    start_us: int
    end_us: int
    blocks: tuple[Block, ...]
    policy: tuple[AssignmentType, ...]
    cutoffs: tuple[tuple[str, float], ...]  # best grade first

    @property
    def key(self) -> str:
        """Course key in its current form."""
        return f"course-v1:{self.org}+{self.course}+{self.run}"

    @property
    def file_stem(self) -> str:
        """How the names of the course's files in a data package begin."""
        return f"{self.org}-{self.course}-{self.run}"

    def block_key(self, block: Block) -> str:
        """Usage key of a block."""
        return (
            f"block-v1:{self.org}+{self.course}+{self.run}+type@{block.type}+block@{block.block_id}"
        )

    def children(self, index: int) -> list[Block]:
        """Direct children of a block, in order."""
        return [block for block in self.blocks[index + 1 :] if block.parent == index]


def leaf_target(students: int) -> int:
    """Number of leaf blocks that fits a course of this many learners (60, 400, 900)."""
    sizes = np.log([500, 10_000, 100_000])
    return round(float(np.exp(np.interp(np.log(students), sizes, np.log([60, 400, 900])))))


def build_course(options: Options, number: int) -> Course:
    """Build course number `number`: lessons, homework, two exams, the special blocks."""
    builder = _Builder(options, number)
    builder.build()
    homework = sum(block.format == "Homework" for block in builder.blocks)
    return Course(
        number=number,
        org=ORG,
        course=f"SIM{101 + number}",
        run=f"{options.start.year}_{options.start.month:02d}",
        name=f"Introduction to {_TOPICS[number % len(_TOPICS)]}",
        start_us=options.start_us,
        end_us=options.end_us,
        blocks=tuple(builder.blocks),
        policy=(
            AssignmentType("Homework", "HW", homework, 2 if homework >= 8 else 1, 0.6),
            # Every second course promises an exam that it does not have: it counts as a zero.
            AssignmentType("Exam", "Ex", 2 + number % 2, 0, 0.4),
        ),
        cutoffs=(("A", 0.85), ("B", 0.7), ("C", 0.5)) if number % 2 == 0 else (("Pass", 0.6),),
    )


class _Builder:
    """Adds blocks in preorder; keeps the random numbers of one course's tree."""

    def __init__(self, options: Options, number: int) -> None:
        self.options = options
        self.number = number
        self.blocks: list[Block] = []
        self.rng = np.random.default_rng([options.seed, number, 0xC0])

    def build(self) -> None:
        """Fill `blocks`."""
        options = self.options
        chapters = min(max(options.weeks, 6), 10)
        per_chapter = leaf_target(options.students) / chapters
        root = self.add("course", "Course", -1, start_us=options.start_us)
        for number in range(chapters):
            week = number * options.weeks // chapters
            leaves = round(per_chapter * (number + 1)) - round(per_chapter * number)
            chapter = self.add(
                "chapter",
                f"{number + 1}. {_TOPICS[number % len(_TOPICS)]}",
                root,
                start_us=options.start_us + week * WEEK_US,
            )
            homework = max(2, round(leaves * 0.3))
            exam = max(2, round(leaves * 0.25)) if number in (chapters // 2, chapters - 1) else 0
            self.add_lessons(chapter, number, leaves - homework - exam)
            due_us = options.start_us + (week + 1) * WEEK_US - HOUR_US // 2
            self.add_assignment(chapter, "Homework", number, homework, due_us)
            if exam:
                self.add_assignment(chapter, "Exam", number, exam, due_us)

    def add_lessons(self, chapter: int, number: int, leaves: int) -> None:
        """Ungraded subsections of at most twelve leaves, in units of two."""
        kinds = ("html", "video", "video", "problem", "html", "discussion")
        placed = 0
        while placed < leaves:
            sequential = self.add("sequential", f"Lesson {number + 1}.{placed // 12 + 1}", chapter)
            size = min(12, leaves - placed)
            for first in range(0, size, 2):
                unit = self.add("vertical", f"Unit {first // 2 + 1}", sequential)
                for nth in range(first, min(first + 2, size)):
                    self.add_leaf(kinds[(placed + nth) % len(kinds)], unit)
            if number == 1 and placed == 0:
                self.add_restricted(sequential)
            placed += size

    def add_restricted(self, sequential: int) -> None:
        """A unit for one content group and a page that only the course team sees."""
        unit = self.add("vertical", "For some of you", sequential)
        self.add_leaf("html", unit, content_group=CONTENT_GROUPS[0])
        self.add_leaf("problem", unit, content_group=CONTENT_GROUPS[0])
        self.add_leaf("html", unit, content_group=CONTENT_GROUPS[1])
        self.add_leaf("html", unit, staff_only=True)

    def add_assignment(
        self, chapter: int, kind: str, number: int, problems: int, due_us: int
    ) -> None:
        """A graded subsection; the third holds the experiment, the fourth the drawn problems."""
        sequential = self.add(
            "sequential", f"{kind} {number + 1}", chapter, graded=True, format=kind, due_us=due_us
        )
        unit = self.add("vertical", "Questions", sequential)
        for nth in range(problems):
            if nth and nth % 3 == 0:
                unit = self.add("vertical", f"Questions {nth // 3 + 1}", sequential)
            if kind == "Homework" and nth == 0 and number == 2:
                self.add_experiment(unit)
            elif kind == "Homework" and nth == 0 and number == 3:
                library = self.add("library_content", "Drawn questions", unit)
                for _ in range(2 * DRAWN):
                    self.add_leaf("problem", library, graded=True, weight=1)
            else:
                self.add_leaf("problem", unit, graded=True)

    def add_experiment(self, unit: int) -> None:
        """A split test whose arms are verticals with problems of equal worth."""
        split = self.add("split_test", "Which order helps?", unit)
        for arm in ARMS:
            child = self.add("vertical", ARM_NAMES[arm], split, arm=arm)
            self.add_leaf("html", child)
            self.add_leaf("problem", child, graded=True, weight=2)

    def add_leaf(
        self,
        kind: str,
        parent: int,
        *,
        graded: bool = False,
        weight: int | None = None,
        content_group: int | None = None,
        staff_only: bool = False,
    ) -> None:
        """One leaf with random settings of its type."""
        rng = self.rng
        fixed = {"content_group": content_group, "staff_only": staff_only}
        nth = sum(block.type == kind for block in self.blocks) + 1
        if kind == "video":
            duration_ms = int(rng.integers(90, 840)) * 1000
            self.add("video", f"Video {nth}", parent, duration_ms=duration_ms, **fixed)
        elif kind == "problem":
            if weight is None and rng.random() < 0.4:
                weight = int(rng.integers(1, 4))
            tries = int(rng.choice([1, 2, 3, 5])) if graded else None
            self.add(
                "problem",
                f"Problem {nth}",
                parent,
                weight=weight,
                inputs=int(rng.choice([1, 1, 2, 4])),
                max_attempts=max(tries, 2) if tries and rng.random() < 0.9 else tries,
                hints=int(rng.integers(1, 4)) if rng.random() < 0.4 else 0,
                difficulty=float(rng.normal(-0.2, 0.8)),
                **fixed,
            )
        else:
            name = f"Reading {nth}" if kind == "html" else f"Talk {nth}"
            self.add(kind, name, parent, **fixed)

    def add(self, kind: str, name: str, parent: int, **settings: object) -> int:
        """Append a block and return its index."""
        index = len(self.blocks)
        text = f"{self.options.seed}/{self.number}/{kind}/{index}"
        digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        block_id = "course" if kind == "course" else digest
        self.blocks.append(Block(index, kind, block_id, name, parent, **settings))  # type: ignore[arg-type]
        return index
