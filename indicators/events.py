"""The events of one course as indicators see them: up to `as_of`, every learner by user id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ibis.expr import types as ir

from indicators.engine import Engine
from loaders.datasets import EVENTS

_LAKE = "lake"
_INSIGHTS_MAX_NAME = 30  # longer usernames are taken for noise (catalogue 3.14)


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What the frame of a run needs to know of the events, read in one pass."""

    first_activity_us: int | None = None
    first_activation_us: int | None = None
    has_enrollment: bool = False
    has_names_only: bool = False


def prepare_events(
    engine: Engine,
    files: Sequence[Path],
    profiles: ir.Table | None,
    *,
    as_of_us: int,
    is_insights: bool,
) -> tuple[ir.Table, EventFacts]:
    """Make the events of a course known to the engine.

    Events before `as_of_us`; a learner known by name only gets the id of that name, where the
    profiles or other events know exactly one (catalogue 1.3). Under Insights' definition events
    without a name, or with one of over 30 characters, are left out, but for enrolment.

    Returns:
        The EVENTS dataset without `course_key`, and the facts.
    """
    columns = [name for name in EVENTS.columns if name != "course_key"]
    if not files:
        return engine.add("events", EVENTS.empty()).select(*columns), EventFacts()
    lake = engine.add_parquet(_LAKE, files, coded=("location",))
    facts = _read_facts(engine, as_of_us)
    events = lake.filter(lake.ts_us < as_of_us).select(*columns)
    if facts.has_names_only:
        names = engine.materialise("names", _unique_names(events, profiles))
        joined = events.left_join(names, events.username == names.name)
        is_known = (joined.user_id < 0) & joined.named_id.notnull()
        events = joined.mutate(user_id=is_known.ifelse(joined.named_id, joined.user_id)).select(
            *columns
        )
    if is_insights:
        is_named = (events.username.length() <= _INSIGHTS_MAX_NAME).fill_null(False)
        events = events.filter(is_named | (events.family == "enr"))
    return events, facts


def _read_facts(engine: Engine, as_of_us: int) -> EventFacts:
    ((first_activity, first_activation, enrolments, least_id),) = engine.run(
        "SELECT min(ts_us) FILTER (is_activity), min(ts_us) FILTER (event_type = $1), "
        f"count(*) FILTER (family = 'enr'), min(user_id) FROM \"{_LAKE}\" WHERE ts_us < $2",
        ["edx.course.enrollment.activated", as_of_us],
    )
    return EventFacts(
        first_activity, first_activation, enrolments > 0, least_id is not None and least_id < 0
    )


def _unique_names(events: ir.Table, profiles: ir.Table | None) -> ir.Table:
    """Usernames that stand for exactly one user id: (name, named_id)."""
    known = events.filter(events.username.notnull() & (events.user_id >= 0))
    pairs = known.select(name=known.username, named_id=known.user_id)
    if profiles is not None:
        own = profiles.filter(profiles.username.notnull())
        pairs = pairs.union(own.select(name=own.username, named_id=own.user_id))
    ids = pairs.group_by("name").agg(
        named_id=pairs.named_id.min(), greatest_id=pairs.named_id.max()
    )
    return ids.filter(ids.named_id == ids.greatest_id).select("name", "named_id")
