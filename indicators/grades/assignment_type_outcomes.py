"""How students fare in each assignment type of the grading policy."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    Key,
    Level,
    Parameter,
    Parameters,
    Privacy,
    Tables,
    greatest,
    indicator,
    ir,
    least,
    literal,
    mean,
    null_value,
    row_number,
    safe_div,
    total,
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
from indicators.intermediates.points import graded_subsections, nano

CATEGORY_SCORE = Parameter(
    "category_score",
    str,
    "platform",
    "Score of a type: mean of its subsections less the dropped ones, or all points earned of all "
    "possible.",
    choices=("platform", "points"),
)


@dataclass(frozen=True, slots=True)
class TypeOutcomes(Outcomes):
    """Students by class in one assignment type."""

    assignment_type: Annotated[str, Key("Type of the grading policy.")]


@dataclass(frozen=True, slots=True)
class AssignmentTypeOutcomes:
    """Outcomes per type, in the order of the policy, and of the whole course."""

    rows: list[TypeOutcomes]
    total: Outcomes


@indicator(
    key="assignment_type_outcomes",
    version=1,
    title="Outcomes per assignment type",
    unit="learners",
    family="grades",
    levels=(Level.COURSE, Level.GROUP),
    needs=(
        "population", "blocks", "grading_policy", "scores", "cutoffs", "hidden_blocks", "groups",
        "memberships",
    ),
    uses=("grade_bands",),
    parameters=(CATEGORY_SCORE,),
    group=AssignmentTypeOutcomes,
    privacy=(Privacy.STAFF, Privacy.AGG),
)  # fmt: skip
def assignment_type_outcomes(t: Tables, p: Parameters) -> dict[str, ir.Table]:
    """Class every student by the score in each assignment type, and count the classes.

    `not_done` is who attempted no released subsection of the type, else the score decides: honours,
    pass or fail. The score (`category_score=platform`) is the mean share of the released
    subsections that the student can see, an attempted one's as earned, another's 0, less the
    `drop_count` lowest (one is always left); `points`: points earned of points possible, no drops.
    `n_null` counts those who can see no released subsection of the type or none with points. A type
    without released subsections has null counts; types of weight 0 are shown. `total` counts the
    grade bands: null without course grades.

    Source: grades_persistentsubsectiongrade and its overrides, grading policy; Pijeira Díaz et al.
    2014 (5.1), ANALYSE.
    """
    released = graded_subsections(open_blocks(t.blocks, p)).select("block_key", "assignment_type")
    policy = t.grading_policy.select("assignment_type", "drop_count", "position")
    typed = released.inner_join(policy.drop("position"), "assignment_type")
    rows = visible_ratios(t, typed)
    score = _points if p.category_score == "points" else _platform
    classed = classify(t, score(rows))
    counts = count_outcomes(t, classed, "assignment_type")
    known = typed.select("assignment_type").distinct().mutate(is_released=literal(True))
    types = policy.left_join(known, "assignment_type").select(
        "assignment_type", "position", is_released=lambda r: r.is_released.fill_null(False)
    )
    grid = t.groups.select("group_id", "members").cross_join(types)
    filled = fill_counts(grid, counts, "assignment_type", is_counted=grid.is_released)
    return {
        "rows": filled.select(
            "group_id", "assignment_type", *BANDS, "n_null", sort_position="position"
        ),
        "total": _total(t),
    }


def _platform(rows: ir.Table) -> ir.Table:
    """Mean of a learner's shares in a type, after the drops."""
    known = rows.filter(rows.ratio.notnull())
    keys = ["user_id", "assignment_type"]
    ranked = known.mutate(
        place=row_number(known, *keys, order_by=[known.ratio.asc(), known.block_key.asc()])
    )
    sizes = ranked.group_by(*keys).agg(size=ranked.count())
    sized = ranked.inner_join(sizes, keys)
    dropped = least(greatest(sized.drop_count.fill_null(0), literal(0)), sized.size - 1)
    kept = sized.filter(sized.place >= dropped)
    return _with_attempts(rows, kept.group_by(*keys).agg(ratio=mean(kept.ratio)))


def _points(rows: ir.Table) -> ir.Table:
    """Points that a learner earned in a type, of those possible."""
    known = rows.filter(rows.possible.notnull())
    earned = known.attempted.ifelse(nano(known.earned.fill_null(0)), literal(0))
    summed = known.group_by("user_id", "assignment_type").agg(
        earned=total(earned), possible=total(nano(known.possible))
    )
    return _with_attempts(
        rows,
        summed.select("user_id", "assignment_type", ratio=safe_div(summed.earned, summed.possible)),
    )


def _with_attempts(rows: ir.Table, scored: ir.Table) -> ir.Table:
    """Scores of everybody who can see a subsection of the type, and whether one was attempted."""
    tried = rows.group_by("user_id", "assignment_type").agg(attempted=rows.attempted.any())
    joined = tried.left_join(scored, ["user_id", "assignment_type"])
    return joined.select("user_id", "assignment_type", "attempted", "ratio")


def _total(t: Tables) -> ir.Table:
    everybody = t.groups.select("group_id", "members")
    if not t.has("grade_bands"):
        names = (*BANDS, "n_null")
        return everybody.select("group_id", **dict.fromkeys(names, null_value("int64")))
    banded = t.grade_bands.select("user_id", outcome="grade_band")
    filled = fill_counts(everybody, count_outcomes(t, banded))
    return filled.select("group_id", *BANDS, "n_null")
