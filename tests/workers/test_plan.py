"""What becomes due, and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aggregates.work import Ask, Kind, Priority
from workers.plan import Course, History, Sources, plan_courses, plan_sources

LOG = Path("/logs/tracking.log")
NOTHING = History(busy=set(), parked=set(), ended=set())
COPIED = Sources(
    logs={LOG: (10, 1)}, taken_logs={LOG: (10, 1)}, lake_run=1, tables={"files": ("s", "s")}
)
SYNC, INGEST = ("sync_tables", "files"), ("ingest_logs", "")
FRESH = Course("course-v1:A+A+A", "d", "d", 100_000.0)


def keys(asks: list[Ask]) -> list[tuple[str, str]]:
    return [ask.key for ask in asks]


def test_nothing_is_due_where_nothing_changed():
    assert plan_sources(COPIED, NOTHING) == []
    assert plan_courses([FRESH], NOTHING, refresh_every_seconds=0) == []


def test_a_log_that_grew_or_is_new_is_ingested():
    grown = replace(COPIED, logs={LOG: (11, 2)})
    new = replace(COPIED, logs={LOG: (10, 1), LOG.with_suffix(".1"): (5, 1)})
    assert keys(plan_sources(grown, NOTHING)) == [INGEST]
    assert keys(plan_sources(new, NOTHING)) == [INGEST]


def test_a_log_that_was_rotated_away_makes_nothing_due():
    assert plan_sources(replace(COPIED, logs={}), NOTHING) == []


def test_logs_wait_for_the_first_copy_of_the_tables_but_not_for_later_ones():
    grown = replace(COPIED, logs={LOG: (11, 2)})
    assert keys(plan_sources(replace(grown, tables={"files": ("s", None)}), NOTHING)) == [SYNC]
    assert keys(plan_sources(replace(grown, tables={"files": ("t", "s")}), NOTHING)) == [
        SYNC,
        INGEST,
    ]


def test_logs_do_not_wait_for_tables_that_cannot_be_had():
    first = replace(COPIED, logs={LOG: (11, 2)}, tables={"files": ("s", None)})
    failed = replace(NOTHING, ended={(*SYNC, "s")})
    parked = replace(NOTHING, parked={SYNC})
    assert keys(plan_sources(first, failed)) == [INGEST]
    assert keys(plan_sources(first, parked)) == [INGEST]


def test_logs_wait_for_the_first_copy_of_a_server_however_often_it_fails():
    first = replace(COPIED, logs={LOG: (11, 2)}, awaited={"platform"})
    failed = replace(NOTHING, ended={("sync_tables", "platform", "s")})
    unreached = replace(first, tables={})
    assert plan_sources(replace(first, tables={"platform": ("s", None)}), failed) == []
    assert plan_sources(unreached, NOTHING) == []
    assert keys(plan_sources(replace(unreached, awaited=()), NOTHING)) == [INGEST]


def test_courses_wait_for_sources_that_are_read_but_not_for_one_that_keeps_failing():
    changed = replace(FRESH, facts_digest="e")
    reading = replace(NOTHING, busy={SYNC})
    stuck = replace(NOTHING, busy={SYNC}, stuck={SYNC})
    assert plan_courses([changed], reading, refresh_every_seconds=0) == []
    assert len(plan_courses([changed], stuck, refresh_every_seconds=0)) == 1


def test_what_is_under_way_or_just_ended_for_the_same_input_is_not_asked_for_again():
    grown = replace(COPIED, logs={LOG: (11, 2)})
    (ask,) = plan_sources(grown, NOTHING)
    assert plan_sources(grown, replace(NOTHING, busy={INGEST})) == []
    ended = replace(NOTHING, ended={(*INGEST, ask.input_digest)})
    assert plan_sources(grown, ended) == []
    more = replace(grown, logs={LOG: (12, 3)})
    assert keys(plan_sources(more, ended)) == [INGEST]
    emptied = replace(grown, taken_logs={}, lake_run=0)
    assert keys(plan_sources(emptied, ended)) == [INGEST]


def test_a_course_is_refreshed_when_its_facts_changed_and_its_numbers_are_old_enough():
    changed = replace(FRESH, facts_digest="e")
    asks = plan_courses([changed], NOTHING, refresh_every_seconds=86_400)
    assert asks == [Ask(Kind.REFRESH_COURSE, "course-v1:A+A+A", Priority.NIGHT, "e")]
    young = replace(changed, age_seconds=5.0)
    assert plan_courses([young], NOTHING, refresh_every_seconds=86_400) == []


def test_a_course_without_numbers_that_count_is_refreshed_at_once():
    for course in (
        replace(FRESH, stored_digest=None, age_seconds=None),
        replace(FRESH, stored_digest=None, age_seconds=5.0),
    ):
        assert len(plan_courses([course], NOTHING, refresh_every_seconds=86_400)) == 1


def test_numbers_wait_while_sources_are_read():
    changed = replace(FRESH, facts_digest="e")
    for busy in (SYNC, INGEST):
        history = replace(NOTHING, busy={busy})
        assert plan_courses([changed], history, refresh_every_seconds=0) == []
