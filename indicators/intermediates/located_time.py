"""Where each learner's time went, with the place of each location in the course."""

from __future__ import annotations

from courselens.plugin import (
    PSEUDO_BLOCKS,
    REMOVED,
    SCORED_TYPES,
    Parameters,
    Tables,
    ifelse,
    intermediate,
    ir,
    total,
)


@intermediate(
    name="located_time",
    columns={
        "user_id": "int",
        "block_key": "string",
        "chapter_key": "string",
        "sequential_key": "string",
        "vertical_key": "string",
        "graded": "bool",
        "is_scored": "bool",
        "credit_us": "int",
        "is_visitor": "bool",
    },
    needs=("credits", "blocks"),
)
def located_time(t: Tables, p: Parameters) -> ir.Table:
    """One row per learner and location: block of the structure, or pseudo-block.

    Blocks that are no longer in the structure are `_removed_` together (catalogue 1.7). `graded`
    is the sequential's, null where the structure does not tell; `is_scored`: the block can earn
    points (1.8). `is_visitor`: at least one of the learner's events in the window lies there;
    without one, an earlier event's credit reaches into it.
    """
    per_location = t.credits.group_by("user_id", "location").agg(
        credit_us=total(t.credits.credit_us), is_visitor=t.credits.is_in_window.any()
    )
    blocks = t.blocks.select(
        "block_key", "chapter_key", "sequential_key", "vertical_key", "graded",
        is_scored=t.blocks.block_type.isin(SCORED_TYPES)
        & (t.blocks.weight != 0).fill_null(True),
    )  # fmt: skip
    placed = per_location.left_join(blocks, per_location.location == blocks.block_key)
    is_known = placed.block_key.notnull() | placed.location.isin(PSEUDO_BLOCKS)
    mapped = placed.mutate(
        block_key=ifelse(is_known, placed.location, REMOVED),
        is_scored=placed.is_scored.fill_null(False),
    )
    keys = ("block_key", "chapter_key", "sequential_key", "vertical_key", "graded", "is_scored")
    return mapped.group_by("user_id", *keys).agg(
        credit_us=total(mapped.credit_us), is_visitor=mapped.is_visitor.any()
    )
