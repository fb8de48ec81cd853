"""The frame of a run: as_of, window, course start, population basis, coverage."""

from __future__ import annotations

from datetime import datetime

import pytest

from courselens.domain import DAY_US, Window, to_us
from courselens.errors import BadParameter
from courselens.testing import CourseBuilder
from indicators.context import Times, coverage_share, default_as_of_us, frame
from indicators.data import CourseData, LogCoverage
from indicators.events import EventFacts


def us(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def data_of(course: CourseBuilder, coverage: LogCoverage | None = None) -> CourseData:
    return CourseData(course.course_key, course.tables(), (), coverage)


def frame_of(course: CourseBuilder, facts: EventFacts | None = None, **times: str):
    given = {f"{name}_us": us(text) for name, text in times.items()}
    return frame(
        data_of(course), facts or EventFacts(), Times(us("2100-01-01"), **given),
        us("2024-06-01"), {"tz": "UTC"},
    )  # fmt: skip


def days(first: str, last: str) -> LogCoverage:
    return LogCoverage(us(first) // DAY_US, us(last) // DAY_US)


def test_as_of_is_the_end_of_the_last_covered_day_but_never_in_the_future():
    data = data_of(CourseBuilder(), days("2024-01-01", "2024-03-04"))
    assert default_as_of_us(data, us("2024-05-01")) == us("2024-03-05")
    assert default_as_of_us(data, us("2024-03-04T15:00:00")) == us("2024-03-04")


def test_as_of_is_now_without_logs():
    assert default_as_of_us(data_of(CourseBuilder()), us("2024-05-01T12:34:56")) == us(
        "2024-05-01T12:34:56"
    )


@pytest.mark.parametrize(
    ("start", "enrolled", "activated", "expected"),
    [
        ("2024-02-01", "2024-03-01", None, "2024-02-01"),
        ("2024-03-04", "2024-02-01T10:00:00", None, "2024-02-01T10:00:00"),
        ("2024-03-04", "2024-03-01", "2024-02-29", "2024-02-29"),
    ],
)
def test_the_window_begins_with_the_course_or_the_first_enrolment(
    start, enrolled, activated, expected
):
    course = CourseBuilder().course(start_us=start).student(1, enrolled=enrolled)
    facts = EventFacts(first_activation_us=us(activated) if activated else None)
    assert frame_of(course, facts).window == Window(us(expected), us("2024-06-01"))


@pytest.mark.parametrize("start", [None, "2030-01-01"])
def test_an_unknown_or_future_course_start_is_the_day_of_the_first_activity(start):
    course = CourseBuilder().course(start_us=start)
    facts = EventFacts(first_activity_us=us("2024-03-04T17:00:00"))
    assert frame_of(course, facts).course_start_us == us("2024-03-04")


def test_a_window_ends_at_as_of_at_the_latest():
    course = CourseBuilder().course(start_us="2024-03-04")
    assert frame_of(course, end="2025-01-01").window.end_us == us("2024-06-01")


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(BadParameter, match="start"):
        frame_of(CourseBuilder(), start="2024-04-01", end="2024-03-01")


def test_a_course_of_which_nothing_is_known_has_an_empty_window():
    assert frame_of(CourseBuilder()).window == Window(us("2024-06-01"), us("2024-06-01"))


@pytest.mark.parametrize(
    ("course", "facts", "basis"),
    [
        (CourseBuilder().student(1), EventFacts(has_enrollment=True), "enrollment"),
        (CourseBuilder(), EventFacts(has_enrollment=True), "enr_events"),
        (CourseBuilder(), EventFacts(), "events"),
    ],
)
def test_the_population_rests_on_the_best_source(course, facts, basis):
    p = frame_of(course, facts)
    assert p.population_basis == basis
    assert p.has_enrollment_events is facts.has_enrollment


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [
        ("2024-03-04", "2024-03-08", 1.0),
        ("2024-03-03", "2024-03-05", 0.5),
        ("2024-03-04T12:00:00", "2024-03-04T13:00:00", 1.0),
        ("2024-03-07", "2024-03-09", 0.5),
        ("2024-04-01", "2024-04-08", 0.0),
        ("2024-03-04", "2024-03-04", 0.0),
    ],
)
def test_coverage_is_the_share_of_days_between_the_first_and_last_of_the_logs(start, end, share):
    data = data_of(CourseBuilder(), days("2024-03-04", "2024-03-07"))
    assert coverage_share(data, Window(us(start), us(end))) == share


def test_lost_days_are_not_covered():
    first = us("2024-03-04") // DAY_US
    data = data_of(
        CourseBuilder(), LogCoverage(first, first + 3, frozenset({first + 1, first + 9}))
    )
    assert coverage_share(data, Window(us("2024-03-04"), us("2024-03-08"))) == 0.75
