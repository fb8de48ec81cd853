"""Helpers that mean the same on every engine, run on ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from courselens.domain import DAY_US, day_number, from_us, to_us
from indicators import portable
from indicators.engine import Engine, open_engine

ZONES = (
    "UTC",
    "Europe/Madrid",
    "America/New_York",
    "America/Sao_Paulo",  # changed at midnight until 2019
    "Africa/Casablanca",  # four changes a year
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kathmandu",
    "Pacific/Apia",  # left out 30 December 2011
    "America/Havana",
)
FIRST, LAST = (to_us(datetime(year, 1, 1, tzinfo=UTC)) for year in (2008, 2030))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_engine(threads=1) as engine:
        yield engine


def column_of(engine: Engine, expression) -> list:
    return engine.fetch(expression).column(0).to_pylist()


def numbers(engine: Engine, **columns: list):
    return engine.add("numbers", pa.table(columns))


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    instants=st.lists(st.integers(FIRST, LAST), min_size=1, max_size=50),
    span_us=st.integers(0, 40 * DAY_US),
)
def test_the_day_of_an_instant_is_that_of_its_time_zone(engine, zone, instants, span_us):
    place = ZoneInfo(zone)
    low, high = min(instants), max(instants) + span_us
    table = numbers(engine, ts_us=[*instants, low, high])
    found = column_of(
        engine,
        table.select(day=portable.day_of(table.ts_us, place, start_us=low, end_us=high)),
    )
    local = [from_us(us).astimezone(place).date() for us in [*instants, low, high]]
    assert sorted(found) == sorted(map(day_number, local))


@pytest.mark.parametrize("zone", ZONES)
def test_borders_of_days_are_exact_to_the_microsecond(engine, zone):
    place = ZoneInfo(zone)
    days = range(day_number(date(2011, 12, 25)), day_number(date(2013, 1, 5)))
    borders = [portable.day_start_us(day, place) for day in days]
    table = numbers(engine, ts_us=[us - 1 for us in borders] + borders)
    expression = portable.day_of(table.ts_us, place, start_us=borders[0] - 1, end_us=borders[-1])
    rows = engine.fetch(table.select("ts_us", day=expression).order_by("ts_us")).to_pylist()
    for row in rows:
        assert row["day"] == portable.local_day(row["ts_us"], place)


@given(day=st.integers(14_000, 22_000), zone=st.sampled_from(ZONES))
def test_a_day_begins_with_its_first_instant(day, zone):
    place = ZoneInfo(zone)
    start = portable.day_start_us(day, place)
    assert portable.local_day(start, place) >= day  # later where the day does not exist
    assert portable.local_day(start - 1, place) < day


@given(day=st.integers(0, 40_000))
def test_weeks_begin_on_the_monday_on_or_before(day):
    monday = date(1970, 1, 1) + timedelta(days=portable.monday_of(day))
    assert monday.weekday() == 0
    assert 0 <= day - portable.monday_of(day) < 7


def test_gaps_and_sessions_follow_time_then_input_order(engine):
    table = numbers(
        engine, user=[1, 1, 1, 2], ts_us=[100, 100, 131, 500], event_id=[8, 7, 9, 1]
    )  # fmt: skip
    expression = (
        portable.sessionize(table, "user", limit_us=30)
        .mutate(
            after=portable.gap_to_next(table, "user"),
            before=portable.gap_from_previous(table, "user"),
        )
        .order_by("user", "ts_us", "event_id")
    )
    rows = [
        (row["event_id"], row["before"], row["after"], row["session"])
        for row in engine.fetch(expression).to_pylist()
    ]
    assert rows == [(7, None, 0, 1), (8, 0, 31, 1), (9, 31, None, 2), (1, None, None, 1)]


def test_a_gap_of_exactly_the_limit_stays_in_the_session(engine):
    table = numbers(engine, user=[1, 1], ts_us=[0, 30], event_id=[0, 1])
    sessions = portable.sessionize(table, "user", limit_us=30)
    assert column_of(engine, sessions.select("session").distinct()) == [1]


def test_quotients_by_nothing_are_null(engine):
    table = numbers(engine, part=[1, 1, None], whole=[4, 0, 4])
    found = engine.fetch(
        table.select(
            ratio=portable.safe_div(table.part, table.whole),
            percent=portable.percent(table.part, table.whole),
        )
    )
    assert found.to_pylist() == [
        {"ratio": 0.25, "percent": 25.0},
        {"ratio": None, "percent": None},
        {"ratio": None, "percent": None},
    ]


@settings(max_examples=20, deadline=None)
@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30), seed=st.randoms())
def test_means_and_sums_of_floats_do_not_depend_on_the_order_of_rows(engine, values, seed):
    shuffled = list(values)
    seed.shuffle(shuffled)
    results = []
    for column in (values, shuffled):
        table = numbers(engine, x=column)
        found = table.agg(mean=portable.mean(table.x), total=portable.total_float(table.x))
        results.append(engine.fetch(found).to_pylist())
    assert results[0] == results[1]


def test_a_total_of_no_rows_is_zero(engine):
    table = numbers(engine, x=pa.array([], pa.int64()))
    assert column_of(engine, table.agg(total=portable.total(table.x))) == [0]


def test_bins_are_half_open(engine):
    table = numbers(engine, x=[0.0, 4.999, 5.0, 9.999])
    assert column_of(engine, table.select(bin=portable.bucketize(table.x, 5))) == [0, 0, 1, 1]


def test_local_day_of_an_instant_after_midnight_in_the_east():
    us = to_us(datetime(2024, 3, 10, 23, 30, tzinfo=UTC))
    assert portable.local_day(us, ZoneInfo("Europe/Madrid")) == day_number(date(2024, 3, 11))


RANGES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(1, 4)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(ranges=RANGES)
def test_merged_ranges_hold_what_any_range_holds_and_do_not_meet(engine, ranges):
    table = numbers(
        engine,
        by=pa.array([by for by, _, _ in ranges], pa.int64()),
        low=pa.array([low for _, low, _ in ranges], pa.int64()),
        high=pa.array([low + length for _, low, length in ranges], pa.int64()),
    )
    merged = portable.merge_ranges(table, "by", start="low", end="high").order_by("by", "low")
    found = [tuple(row.values()) for row in engine.fetch(merged).to_pylist()]
    held = [(by, number) for by, low, high in found for number in range(low, high)]
    wanted = {(by, n) for by, low, length in ranges for n in range(low, low + length)}
    assert held == sorted(wanted)
    assert all(one[0] != other[0] or one[2] < other[1] for one, other in pairwise(found))


def test_media_positions_become_whole_microseconds(engine):
    table = numbers(engine, x=[0.1, 7.345, 36_000.0])
    assert column_of(engine, table.select(us=portable.us_of(table.x))) == [
        100_000, 7_345_000, 36_000_000_000,
    ]  # fmt: skip
