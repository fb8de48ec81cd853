"""Graded progress of students in every chapter."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    BlockKey,
    Key,
    Level,
    Parameters,
    Privacy,
    Tables,
    Value,
    indicator,
    ir,
    percent,
    total,
)
from indicators.grades.outcomes import visible_ratios
from indicators.intermediates.hidden_blocks import open_blocks, visible_to
from indicators.intermediates.points import graded_problems, graded_subsections, nano
from indicators.intermediates.scores import BLOCK

_KEYS = ("user_id", "chapter_key")


@dataclass(frozen=True, slots=True)
class ChapterProgress:
    """How far a student is in one chapter."""

    chapter: Annotated[BlockKey, Key("Chapter of the course.")]
    completed_percent: Annotated[
        float | None, Value("Attempted graded problems, of all that are visible.", "percent")
    ]
    score_percent: Annotated[
        float | None, Value("Points earned in its graded subsections, of all possible.", "percent")
    ]


@dataclass(frozen=True, slots=True)
class ChapterGradedProgress:
    """Progress per chapter, in course order."""

    rows: list[ChapterProgress]


@indicator(
    key="chapter_graded_progress",
    version=1,
    title="Graded progress per chapter",
    unit="percent",
    family="grades",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "blocks", "module_states", "scores", "hidden_blocks"),
    student=ChapterGradedProgress,
    group=ChapterGradedProgress,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
)
def chapter_graded_progress(t: Tables, p: Parameters) -> ir.Table:
    """Relate what a student attempted and earned in a chapter to what there is.

    A graded problem is any scored block of a graded subsection, but for open response assessments,
    of whose attempts module states say nothing. Released and visible blocks count. The score is
    the points of the chapter's graded subsections, 0 where not attempted; no weights or drops of
    the grading policy. Null where there is nothing to attempt or to earn. A group has the mean.

    Source: courseware_studentmodule, problem_check events, grades_persistentsubsectiongrade;
    Pijeira Díaz et al. 2014 (3.2, which leaves open which of the two is meant).
    """
    chapters = open_blocks(t.blocks, p).filter(lambda r: r.block_type == "chapter")
    pairs = t.population.select("user_id").cross_join(chapters.select("block_key"))
    rows = visible_to(pairs, t.hidden_blocks).rename(chapter_key="block_key")
    problems = graded_problems(t.blocks, p).select("block_key", "chapter_key")
    all_problems = problems.group_by("chapter_key").agg(problems=problems.count())
    joined = rows.left_join(all_problems, "chapter_key").drop("chapter_key_right")
    for counted in (_unseen(t, problems), _attempted(t, problems), _points(t, p)):
        joined = joined.left_join(counted, list(_KEYS)).drop("user_id_right", "chapter_key_right")
    visible = joined.problems.fill_null(0) - joined.unseen.fill_null(0)
    return joined.select(
        "user_id",
        chapter="chapter_key",
        completed_percent=percent(joined.attempted.fill_null(0), visible),
        score_percent=percent(joined.earned, joined.possible),
    )


def _unseen(t: Tables, problems: ir.Table) -> ir.Table:
    hidden = t.hidden_blocks.inner_join(problems, "block_key")
    return hidden.group_by(*_KEYS).agg(unseen=hidden.count())


def _attempted(t: Tables, problems: ir.Table) -> ir.Table:
    blocks = t.scores.filter((t.scores.kind == BLOCK) & t.scores.attempted)
    visible = visible_to(blocks.inner_join(problems, "block_key"), t.hidden_blocks)
    return visible.group_by(*_KEYS).agg(attempted=visible.count())


def _points(t: Tables, p: Parameters) -> ir.Table:
    subsections = graded_subsections(open_blocks(t.blocks, p)).select("block_key", "chapter_key")
    rows = visible_ratios(t, subsections)
    known = rows.filter(rows.possible.notnull())
    earned = known.attempted.ifelse(nano(known.earned.fill_null(0)), 0)
    return known.group_by(*_KEYS).agg(
        earned=total(earned.cast("int64")), possible=total(nano(known.possible))
    )
