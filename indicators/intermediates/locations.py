"""What events say about their own place."""

from __future__ import annotations

from courselens.plugin import PSEUDO_BLOCKS, ir


def names_block(events: ir.Table) -> ir.BooleanColumn:
    """Whether an event names the block it is about, not only a page or an earlier location."""
    return events.location_gap_us.isnull() & ~events.location.isin(PSEUDO_BLOCKS)
