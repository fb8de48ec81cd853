"""Events as indicators see them: up to as_of, learners by id."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from courselens.domain import to_us
from courselens.testing import CourseBuilder
from indicators.engine import Engine, open_engine
from indicators.events import EventFacts, prepare_events
from loaders.datasets import EVENTS

AS_OF = to_us(datetime.fromisoformat("2024-03-05"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with open_engine(readable=[tmp_path], threads=1) as engine:
        yield engine


def prepare(engine: Engine, course: CourseBuilder, folder: Path, **options):
    tables = course.tables()
    path = folder / "events.parquet"
    pq.write_table(tables["events"], path)
    profiles = engine.add("profiles", tables["profiles"]) if "profiles" in tables else None
    events, facts = prepare_events(
        engine, [path], profiles, **{"as_of_us": AS_OF, "is_insights": False, **options}
    )
    rows = engine.fetch(events.order_by("ts_us", "event_id")).to_pylist()
    return [(row["user_id"], row["username"]) for row in rows], facts


def moment(time: str) -> str:
    return f"2024-03-04T{time}"


def test_events_from_as_of_on_are_unknown_even_to_the_facts(engine, tmp_path):
    course = CourseBuilder().event(1, "2024-03-05", "edx.course.enrollment.activated")
    course.event(1, moment("23:59:59.999999"), "page", "_info_")
    rows, facts = prepare(engine, course, tmp_path)
    assert rows == [(1, "student1")]
    assert facts == EventFacts(first_activity_us=AS_OF - 1)


def test_a_name_gets_the_one_id_that_profiles_or_events_know(engine, tmp_path):
    course = CourseBuilder().student(1, username="ann").student(4, username="zoe")
    course.event(-1, moment("10:00"), "page", "_info_", username="ann")
    course.event(2, moment("10:01"), "page", "_info_", username="bob")
    course.event(-2, moment("10:02"), "page", "_info_", username="bob")
    course.event(5, moment("10:03"), "page", "_info_", username="zoe")
    course.event(-3, moment("10:04"), "page", "_info_", username="zoe")  # 4 or 5: not unique
    course.event(-4, moment("10:05"), "page", "_info_", username="eve")
    rows, facts = prepare(engine, course, tmp_path)
    assert [user for user, _ in rows] == [1, 2, 2, 5, -3, -4]
    assert facts.has_names_only


def test_insights_leaves_out_blank_and_long_names_but_for_enrolment(engine, tmp_path):
    course = CourseBuilder()
    for number, name in enumerate([None, "x" * 30, "y" * 31]):
        course.event(number + 1, moment(f"10:0{number}"), "page", "_info_", username=name)
    course.event(4, moment("11:00"), "edx.course.enrollment.activated", username=None)
    rows, facts = prepare(engine, course, tmp_path, is_insights=True)
    assert [user for user, _ in rows] == [2, 4]
    assert facts.has_enrollment


def test_locations_are_texts_to_expressions_whatever_the_engine_holds(engine, tmp_path):
    course = CourseBuilder()
    for number, place in enumerate(["b", "_forum_", "a", "b"]):
        course.event(1, moment(f"10:0{number}"), "page", place)
    path = tmp_path / "events.parquet"
    pq.write_table(course.tables()["events"], path)
    events, _ = prepare_events(engine, [path], None, as_of_us=AS_OF, is_insights=False)
    ordered = engine.fetch(events.select("location").order_by("location")).column("location")
    assert ordered.to_pylist() == ["_forum_", "a", "b", "b"]
    assert engine.fetch(events.filter(events.location == "nowhere")).num_rows == 0
    named = events.select(place=events.location.fill_null("nowhere") + "!").distinct()
    assert sorted(engine.fetch(named).column("place").to_pylist()) == ["_forum_!", "a!", "b!"]


def test_without_files_there_are_no_events(engine):
    events, facts = prepare_events(engine, [], None, as_of_us=AS_OF, is_insights=False)
    found = engine.fetch(events)
    assert (found.num_rows, facts) == (0, EventFacts())
    assert found.column_names == [name for name in EVENTS.columns if name != "course_key"]


def test_the_engine_reads_no_other_folder(engine, tmp_path):
    outside = tmp_path.parent / "outside.parquet"
    pq.write_table(pa.table({"x": [1]}), outside)
    with pytest.raises(Exception, match=r"(?i)permission|disabled"):
        engine.add_parquet("other", [outside])
