"""Days and weeks of a window, and what the logs cover of them."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from courselens.domain import Window, day_number, from_day_number, to_us
from indicators.calendar import day_rows, week_rows, window_days, window_weeks
from indicators.data import LogCoverage
from indicators.engine import open_engine
from indicators.parameters import Parameters


def us(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def parameters(start: str, end: str, coverage: LogCoverage | None, tz: str = "UTC") -> Parameters:
    return Parameters(
        window=Window(us(start), us(end)),
        as_of_us=us(end),
        course_start_us=us(start),
        coverage=coverage,
        values={"tz": tz},
    )


def rows(expression) -> list[tuple]:
    with open_engine(threads=1) as engine:
        table = engine.fetch(expression).to_pylist()
    return sorted((from_day_number(n).isoformat(), *rest) for n, *rest in map(dict.values, table))


def test_days_are_those_that_the_window_touches():
    p = parameters("2024-03-04T12:00:00", "2024-03-06T00:00:00", None)
    assert list(window_days(p)) == [day("2024-03-04"), day("2024-03-05")]


def test_an_empty_window_has_no_days_and_no_weeks():
    p = parameters("2024-03-04", "2024-03-04", LogCoverage(0, 99_999))
    assert rows(day_rows(p)) == rows(week_rows(p)) == []


def test_lost_days_and_days_outside_the_logs_are_not_covered():
    coverage = LogCoverage(day("2024-03-05"), day("2024-03-08"), frozenset({day("2024-03-06")}))
    assert rows(day_rows(parameters("2024-03-04", "2024-03-10", coverage))) == [
        ("2024-03-04", False),
        ("2024-03-05", True),
        ("2024-03-06", False),
        ("2024-03-07", True),
        ("2024-03-08", True),
        ("2024-03-09", False),
    ]


def test_without_logs_no_day_is_covered():
    assert rows(day_rows(parameters("2024-03-04", "2024-03-05", None))) == [("2024-03-04", False)]


def test_a_local_day_is_covered_if_any_of_it_is():
    coverage = LogCoverage(day("2024-03-05"), day("2024-03-05"))
    p = parameters("2024-03-03T23:00", "2024-03-06T23:00", coverage, "Europe/Madrid")
    assert rows(day_rows(p)) == [("2024-03-04", False), ("2024-03-05", True), ("2024-03-06", True)]


def test_weeks_begin_on_monday_and_tell_what_is_partial():
    coverage = LogCoverage(day("2024-03-01"), day("2024-03-26"), frozenset({day("2024-03-20")}))
    p = parameters("2024-03-06", "2024-04-02", coverage)
    assert [from_day_number(n).isoformat() for n in window_weeks(p)] == [
        "2024-03-04", "2024-03-11", "2024-03-18", "2024-03-25", "2024-04-01",
    ]  # fmt: skip
    assert rows(week_rows(p)) == [
        ("2024-03-04", True, True),  # begins before the window
        ("2024-03-11", True, False),
        ("2024-03-18", True, True),  # a day is lost
        ("2024-03-25", True, True),  # the logs end
        ("2024-04-01", False, True),
    ]


@pytest.mark.parametrize("start", ["2024-03-04", "2024-03-10T23:59:59.999999"])
def test_a_week_holds_its_monday_and_its_sunday(start: str):
    assert list(window_weeks(parameters(start, "2024-03-11", None))) == [day("2024-03-04")]
