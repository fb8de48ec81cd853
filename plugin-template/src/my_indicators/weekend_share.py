"""How much of what students do falls on weekends; computed ahead, by a worker."""

from __future__ import annotations

from dataclasses import dataclass

from courselens.plugin import (
    Annotated,
    Level,
    Parameters,
    Privacy,
    Tables,
    Value,
    day_in_window,
    indicator,
    ir,
    monday_of,
    safe_div,
)

SATURDAY = 5  # days after Monday


@dataclass(frozen=True, slots=True)
class WeekendShare:
    """Of one student."""

    share: Annotated[
        float | None, Value("Activity events on Saturday or Sunday; null without any.", "share")
    ]


@indicator(
    key="my_indicators_weekend_share",
    version=1,
    title="Weekend share",
    unit="share",
    family="activity",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "events"),
    student=WeekendShare,
    takes_window=True,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
)
def weekend_share(t: Tables, p: Parameters) -> ir.Table:
    """Share of a student's activity events that fall on a Saturday or Sunday.

    Days are those of the time zone `tz`.

    Source: tracking log, any course event.
    """
    events = t.events.filter(
        t.events.is_activity
        & (t.events.ts_us >= p.window.start_us)
        & (t.events.ts_us < p.window.end_us)
    )
    day = day_in_window(events.ts_us, p)
    counted = events.group_by("user_id").agg(
        events=events.count(), weekend=events.count(where=day - monday_of(day) >= SATURDAY)
    )
    joined = t.population.left_join(counted, "user_id")
    return joined.select("user_id", share=safe_div(joined.weekend, joined.events))
