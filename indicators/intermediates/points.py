"""Points: which blocks and subsections can earn some, and how many (catalogue 1.8)."""

from __future__ import annotations

from courselens.plugin import (
    SCORED_TYPES,
    Parameters,
    Tables,
    coalesce,
    ifelse,
    ir,
    null_value,
    row_number,
    total,
)
from indicators.intermediates.hidden_blocks import open_blocks

SCORED_ELSEWHERE = "openassessment"
"""Block type whose scores are in submissions_score, not in module states."""

NANO = 1_000_000_000


def scored_blocks(blocks: ir.Table) -> ir.Table:
    """Blocks that can earn points: of a scored type, and of another weight than 0."""
    return blocks.filter(blocks.block_type.isin(SCORED_TYPES) & (blocks.weight.fill_null(1) != 0))


def graded_problems(blocks: ir.Table, p: Parameters) -> ir.Table:
    """Scored blocks of graded sequentials that are open; without those scored elsewhere."""
    scored = open_blocks(scored_blocks(blocks), p)
    return scored.filter(
        scored.graded.fill_null(False)
        & scored.sequential_key.notnull()
        & (scored.block_type != SCORED_ELSEWHERE)
    )


def graded_subsections(blocks: ir.Table) -> ir.Table:
    """Graded sequentials, open or not."""
    return blocks.filter(
        (blocks.block_key == blocks.sequential_key) & blocks.graded.fill_null(False)
    )


def nano(points: ir.FloatingValue) -> ir.IntegerValue:
    """Points, or a ratio, as whole billionths: their sums do not depend on the order of rows."""
    return (points * NANO).round().cast("int64")


def block_points(t: Tables) -> ir.Table:
    """Scored blocks with their points: the weight, else what is usual; null if nobody knows."""
    scored = scored_blocks(t.blocks)
    states = t.module_states.semi_join(t.ever_enrolled, "user_id")
    usual = commonest(states.select("block_key", value="max_grade")).rename(usual="value")
    joined = scored.left_join(usual, "block_key").drop("block_key_right")
    return joined.mutate(
        points_nano=ifelse(
            joined.block_type == SCORED_ELSEWHERE,
            null_value("int64"),
            nano(coalesce(joined.weight, joined.usual)),
        )
    )


def commonest(values: ir.Table) -> ir.Table:
    """The commonest non-null `value` of each block, the smaller on a tie."""
    known = values.filter(values.value.notnull())
    counted = known.group_by("block_key", "value").agg(times=known.count())
    ranked = counted.mutate(
        place=row_number(counted, "block_key", order_by=[counted.times.desc(), counted.value.asc()])
    )
    return ranked.filter(ranked.place == 0).select("block_key", "value")


def subsection_points(points: ir.Table) -> ir.Table:
    """Points of the open scored blocks of each subsection, and how many of them are unknown."""
    return (
        points.group_by("sequential_key")
        .agg(
            worth_nano=total(points.points_nano),
            unknown_blocks=total(points.points_nano.isnull().cast("int64")),
        )
        .rename(block_key="sequential_key")
    )
