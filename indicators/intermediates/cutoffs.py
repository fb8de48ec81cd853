"""Cutoffs: from which ratio on a learner passes, and passes with honours (catalogue 1.9)."""

from __future__ import annotations

from courselens.plugin import (
    BadParameter,
    Parameter,
    Parameters,
    Tables,
    coalesce,
    greatest,
    intermediate,
    ir,
    literal,
)

DEFAULT_PASS = 0.5

PASS_CUTOFF = Parameter(
    "pass_cutoff",
    float,
    None,
    "Ratio from which on a learner passes; not set: the lowest cutoff of the grading policy.",
    minimum=0,
    maximum=1,
)
HONOURS_CUTOFF = Parameter(
    "honours_cutoff",
    float,
    None,
    "Ratio from which on a learner has honours; not set: half way from pass to 1.",
    minimum=0,
    maximum=1,
)


@intermediate(
    name="cutoffs",
    columns={"pass_cutoff": "float", "honours_cutoff": "float", "cutoff_defaulted": "bool"},
    uses=("courses",),
    parameters=(PASS_CUTOFF, HONOURS_CUTOFF),
    notes=("pass_cutoff", "honours_cutoff", "cutoff_defaulted"),
)
def cutoffs(t: Tables, p: Parameters) -> ir.Table:
    """One row: the pass mark, the honours mark, and whether the pass mark is only the default.

    `pass` is the lowest non-zero cutoff of the grading policy, else the lowest passing grade of the
    course overview, else 0.5. `honours` is pass + (1 - pass) / 2, ANALYSE's "proficiency" limit;
    one below the pass mark is raised to it.

    Raises:
        BadParameter: both are given and honours is below pass.

    Source: GRADE_CUTOFFS, course_overviews_courseoverview.lowest_passing_grade.
    """
    given, honours = p.pass_cutoff, p.honours_cutoff
    if given is not None and honours is not None and honours < given:
        raise BadParameter("honours_cutoff", honours, f"a number from pass_cutoff ({given:g}) to 1")
    known = t.courses.agg(
        policy=t.courses.pass_cutoff.max(), overview=t.courses.lowest_passing_grade.max()
    )
    found = known.select(
        pass_cutoff=coalesce(literal(given, "float64"), known.policy, known.overview)
    )
    passing = found.select(
        pass_cutoff=found.pass_cutoff.fill_null(DEFAULT_PASS),
        cutoff_defaulted=found.pass_cutoff.isnull(),
    )
    half_way = passing.pass_cutoff + (1 - passing.pass_cutoff) / 2
    return passing.mutate(
        honours_cutoff=greatest(half_way if honours is None else honours, passing.pass_cutoff)
    )


def reaches(ratio: ir.FloatingValue, cutoff: ir.FloatingValue) -> ir.BooleanValue:
    """Whether a ratio is at least a cutoff, both rounded to 1e-9."""
    return (ratio * 1e9).round().cast("int64") >= (cutoff * 1e9).round().cast("int64")


def outcome(
    ratio: ir.FloatingValue, *, pass_cutoff: ir.FloatingValue, honours_cutoff: ir.FloatingValue
) -> ir.StringValue:
    """Class of a ratio: honours, pass or fail; null for a null."""
    is_honours, is_pass = reaches(ratio, honours_cutoff), reaches(ratio, pass_cutoff)
    return is_honours.ifelse(
        "honours", is_pass.ifelse("pass", ratio.notnull().ifelse("fail", None))
    )
