"""How students fare in each graded subsection."""

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
    mean,
)
from indicators.grades.outcomes import (
    Outcomes,
    classify,
    count_outcomes,
    fill_counts,
    visible_ratios,
)
from indicators.intermediates.grade_bands import BANDS
from indicators.intermediates.hidden_blocks import open_blocks
from indicators.intermediates.points import graded_subsections


@dataclass(frozen=True, slots=True)
class OneSubsectionOutcomes(Outcomes):
    """Students by class in one subsection, and the scores of those who tried."""

    subsection: Annotated[BlockKey, Key("Graded subsection.")]
    assignment_type: Annotated[str, Key("Its assignment type.")]
    mean_ratio: Annotated[float | None, Value("Mean share of the points, of attempters.")]
    median_ratio: Annotated[float | None, Value("Median share of the points, of attempters.")]


@dataclass(frozen=True, slots=True)
class SubsectionOutcomes:
    """Outcomes per graded subsection, in course order."""

    rows: list[OneSubsectionOutcomes]


@indicator(
    key="subsection_outcomes",
    version=1,
    title="Outcomes per graded subsection",
    unit="learners",
    family="grades",
    levels=(Level.COURSE, Level.GROUP),
    needs=("population", "blocks", "scores", "cutoffs", "hidden_blocks", "groups", "memberships"),
    group=SubsectionOutcomes,
    privacy=(Privacy.STAFF, Privacy.AGG),
)
def subsection_outcomes(t: Tables, p: Parameters) -> ir.Table:
    """Class every student by the share of a subsection's points, and count the classes.

    `not_done` is who did not attempt it, else honours, pass or fail decides; `n_null` counts those
    who cannot see it, or for whom it has no points. Subsections that are not released, not graded
    or of no assignment type have no row. A `not_done` that rises along the course is the drop-out
    signal of the paper.

    Source: grades_persistentsubsectiongrade and its overrides; Pijeira Díaz et al. 2014 (5.1).
    """
    released = graded_subsections(open_blocks(t.blocks, p))
    typed = released.filter(released.assignment_type.notnull()).select(
        "block_key", "assignment_type"
    )
    classed = classify(t, visible_ratios(t, typed))
    counts = count_outcomes(t, classed, "block_key")
    tried = classed.filter(classed.attempted & classed.ratio.notnull())
    rows = t.memberships.inner_join(tried, "user_id")
    scores = rows.group_by("group_id", "block_key").agg(
        mean_ratio=mean(rows.ratio), median_ratio=rows.ratio.median()
    )
    grid = t.groups.select("group_id", "members").cross_join(typed)
    joined = fill_counts(grid, counts, "block_key").left_join(scores, ["group_id", "block_key"])
    return joined.select(
        "group_id",
        "assignment_type",
        *BANDS,
        "n_null",
        "mean_ratio",
        "median_ratio",
        subsection="block_key",
    )
