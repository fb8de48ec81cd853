"""Sessions: maximal runs of a learner's activity events with gaps of at most T (catalogue 1.17)."""

from __future__ import annotations

from courselens.plugin import SECOND_US, Parameters, Tables, intermediate, ir, sessionize
from indicators.intermediates.credits import INACTIVITY


@intermediate(
    name="sessions",
    columns={
        "user_id": "int",
        "session": "int",
        "start_us": "int",
        "end_us": "int",
        "events": "int",
    },
    needs=("events",),
    parameters=(INACTIVITY,),
)
def sessions(t: Tables, p: Parameters) -> ir.Table:
    """One row per session that starts in the window; `end_us` is its last event.

    Sessions are formed before the cut: one that started earlier is not cut in two.
    """
    events = t.events.filter(t.events.is_activity).select("user_id", "ts_us", "event_id")
    numbered = sessionize(events, "user_id", limit_us=p.inactivity_s * SECOND_US)
    runs = numbered.group_by("user_id", "session").agg(
        start_us=numbered.ts_us.min(), end_us=numbered.ts_us.max(), events=numbered.count()
    )
    return runs.filter((runs.start_us >= p.window.start_us) & (runs.start_us < p.window.end_us))
