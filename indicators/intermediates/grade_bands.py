"""Grade bands: how every learner stands in the course (catalogue 1.10)."""

from __future__ import annotations

from courselens.plugin import Parameters, Tables, cases, intermediate, ir, literal
from indicators.intermediates.cutoffs import outcome
from indicators.intermediates.scores import SUBSECTION

BANDS = ("honours", "pass", "fail", "not_done")
"""Bands that are counted; `unknown` counts in `n_null`."""


@intermediate(
    name="grade_bands",
    columns={
        "user_id": "int",
        "grade_band": "string",
        "has_attempted": "bool",
        "percent_grade": "float",
    },
    needs=("ever_enrolled", "scores", "course_grades", "cutoffs"),
)
def grade_bands(t: Tables, p: Parameters) -> ir.Table:
    """One row per member of E: honours, pass, fail, not_done or unknown.

    `not_done` is who attempted no graded subsection (`has_attempted`), whatever the course grade
    says; `unknown` is who did but has no course grade.

    Source: grades_persistentcoursegrade, grades_persistentsubsectiongrade.
    """
    tried = t.scores.filter((t.scores.kind == SUBSECTION) & t.scores.attempted)
    tried = tried.select("user_id").distinct().mutate(has_tried=literal(True))
    grades = t.course_grades.select("user_id", "percent_grade")
    joined = t.ever_enrolled.select("user_id").cross_join(t.cutoffs)
    joined = joined.left_join(tried, "user_id").drop("user_id_right")
    joined = joined.left_join(grades, "user_id").drop("user_id_right")
    has_attempted = joined.has_tried.fill_null(False)
    band = outcome(
        joined.percent_grade,
        pass_cutoff=joined.pass_cutoff,
        honours_cutoff=joined.honours_cutoff,
    )
    return joined.select(
        "user_id",
        "percent_grade",
        grade_band=cases((~has_attempted, "not_done"), else_=band.fill_null("unknown")),
        has_attempted=has_attempted,
    )
