"""How often students came in the last seven days."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from courselens.plugin import (
    DAY_US,
    Annotated,
    Key,
    Level,
    Parameters,
    Privacy,
    Tables,
    Value,
    cases,
    day_of,
    indicator,
    ir,
    literal,
    union,
)

WEEK_US = 7 * DAY_US


class Rhythm(enum.StrEnum):
    """How often somebody comes."""

    DAILY = "daily"
    REGULAR = "regular"
    RARE = "rare"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class StudentRhythm:
    """Of one student."""

    rhythm: Annotated[Rhythm | None, Value("How often the student came in the last seven days.")]


@dataclass(frozen=True, slots=True)
class RhythmSize:
    """One rhythm of a group."""

    rhythm: Annotated[Rhythm, Key("How often they came in the last seven days.")]
    learners: Annotated[int, Value("Students who came so often.")]


@dataclass(frozen=True, slots=True)
class GroupRhythm:
    """Of a group."""

    rows: list[RhythmSize]


CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "data": {"name": "rows"},
    "mark": "bar",
    "encoding": {
        "y": {"field": "rhythm", "type": "nominal", "sort": None, "title": "Rhythm"},
        "x": {"field": "learners", "type": "quantitative", "title": "Students"},
    },
}


@indicator(
    key="acme_rhythm",
    version=1,
    title="Rhythm",
    unit="rhythm",
    family="regularity",
    levels=(Level.STUDENT, Level.COURSE, Level.GROUP),
    needs=("population", "memberships", "events"),
    uses=("groups",),
    student=StudentRhythm,
    group=GroupRhythm,
    privacy=(Privacy.SELF, Privacy.STAFF, Privacy.AGG),
    chart=CHART,
)
def rhythm(t: Tables, p: Parameters) -> ir.Table:
    """Name how often a student came in the seven days before `as_of`.

    `daily`: on five days or more; `regular`: on two to four; `rare`: on one; `away`: on none. A day
    counts if there is an activity event on it, in the time zone `tz`.

    Source: tracking log, any course event.
    """
    return _rhythms(t, p)


@rhythm.for_groups
def of_groups(t: Tables, p: Parameters) -> ir.Table:
    """Count the members of every rhythm, those that nobody has too."""
    members = t.memberships.inner_join(_rhythms(t, p), "user_id")
    counts = members.group_by("group_id", "rhythm").agg(learners=members.count())
    every = union(*(t.groups.select("group_id", rhythm=literal(one.value)) for one in Rhythm))
    joined = every.left_join(counts, ["group_id", "rhythm"])
    return joined.select("group_id", "rhythm", learners=joined.learners.fill_null(0))


def _rhythms(t: Tables, p: Parameters) -> ir.Table:
    start_us = p.as_of_us - WEEK_US
    events = t.events.filter(t.events.is_activity & (t.events.ts_us >= start_us))
    day = day_of(events.ts_us, p.zone, start_us=start_us, end_us=p.as_of_us)
    days = events.group_by("user_id").agg(days=day.nunique())
    joined = t.population.left_join(days, "user_id")
    came = joined.days.fill_null(0)
    named = cases(
        (came >= 5, Rhythm.DAILY.value),
        (came >= 2, Rhythm.REGULAR.value),
        (came == 1, Rhythm.RARE.value),
        else_=Rhythm.AWAY.value,
    )
    return joined.select("user_id", rhythm=named)
