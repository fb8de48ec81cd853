"""Hints: every hint of a problem that was shown on demand."""

from __future__ import annotations

from courselens.plugin import Parameters, Tables, intermediate, ir
from indicators.intermediates.locations import names_block


@intermediate(
    name="hints",
    columns={
        "user_id": "int",
        "problem": "string",
        "ts_us": "int",
        "event_id": "int",
        "hint_index": "int",
        "hint_len": "int",
    },
    needs=("events",),
)
def hints(t: Tables, p: Parameters) -> ir.Table:
    """One row per hint shown in the window; `hint_index` from 0 of `hint_len` hints."""
    shown = t.events.filter(t.events.family == "hint")
    is_in_window = (shown.ts_us >= p.window.start_us) & (shown.ts_us < p.window.end_us)
    return shown.filter(names_block(shown) & is_in_window).select(
        "user_id", "ts_us", "event_id", "hint_index", "hint_len", problem="location"
    )
