"""Outcome counts: how many students of a group are in each class (catalogue 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import Annotated, Tables, Value, cases, ir, null_value, total
from indicators.intermediates.cutoffs import outcome
from indicators.intermediates.grade_bands import BANDS
from indicators.intermediates.hidden_blocks import visible_to
from indicators.intermediates.scores import SUBSECTION, ratio_of


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Students by class; all five add up to the students of the group."""

    honours: Annotated[int | None, Value("Students at or over the honours mark.")]
    pass_: Annotated[int | None, Value("Students at or over the pass mark, below honours.")]
    fail: Annotated[int | None, Value("Students who tried and are below the pass mark.")]
    not_done: Annotated[int | None, Value("Students who tried nothing of it.")]
    n_null: Annotated[int | None, Value("Students who cannot be classed.")]


def visible_ratios(t: Tables, subsections: ir.Table) -> ir.Table:
    """Students' scores in subsections that they can see, with the subsections' columns.

    Args:
        t: declares population, scores and hidden_blocks.
        subsections: `block_key` and whatever is wanted of them.

    Returns:
        Columns of `scores`, of `subsections`, and `ratio`.
    """
    own = t.scores.filter(t.scores.kind == SUBSECTION).semi_join(t.population, "user_id")
    visible = visible_to(own.inner_join(subsections, "block_key"), t.hidden_blocks)
    return visible.mutate(ratio=ratio_of(visible))


def classify(t: Tables, rows: ir.Table) -> ir.Table:
    """Add `outcome` to rows of `ratio` and `attempted`; null where it cannot be told."""
    joined = rows.cross_join(t.cutoffs.select("pass_cutoff", "honours_cutoff"))
    passed = outcome(
        joined.ratio, pass_cutoff=joined.pass_cutoff, honours_cutoff=joined.honours_cutoff
    )
    return joined.mutate(outcome=cases((~joined.attempted, "not_done"), else_=passed)).drop(
        "pass_cutoff", "honours_cutoff"
    )


def count_outcomes(t: Tables, classed: ir.Table, *keys: str) -> ir.Table:
    """Count the classes of every group.

    Args:
        t: declares memberships.
        classed: user_id, the keys and `outcome`.
        keys: beside the group.

    Returns:
        group_id, keys, and the counts honours, pass, fail, not_done.
    """
    rows = t.memberships.inner_join(classed, "user_id")
    counts = {band: total((rows.outcome == band).fill_null(False).cast("int64")) for band in BANDS}
    return rows.group_by("group_id", *keys).agg(**counts)


def fill_counts(
    grid: ir.Table, counts: ir.Table, *keys: str, is_counted: ir.BooleanValue | None = None
) -> ir.Table:
    """Join counts to a grid of group_id, members and keys: 0 where nobody is, `n_null` the rest.

    Where `is_counted` (a column of the grid) is false the counts are null.
    """
    names = ["group_id", *keys]
    joined = grid.left_join(counts, names).drop(*(f"{name}_right" for name in names))
    filled = {band: joined[band].fill_null(0) for band in BANDS}
    n_null = joined.members - sum(filled.values())
    if is_counted is not None:
        filled = {
            band: joined[is_counted.get_name()].ifelse(count, null_value("int64"))
            for band, count in filled.items()
        }
    return joined.mutate(**filled, n_null=n_null)
