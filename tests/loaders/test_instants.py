from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courselens.domain import to_us
from loaders.instants import parse_instant

# 2014-01-01 is day 16071: 44 years with 11 leap days.
NEW_YEAR_2014_US = 16_071 * 86_400 * 1_000_000


@pytest.mark.parametrize(
    "value",
    [
        "2014-01-01T00:00:00Z",
        "2014-01-01T00:00:00+00:00",
        "2014-01-01T02:00:00+02:00",
        "2014-01-01 00:00:00",
        "2014-01-01",
        '"2014-01-01T00:00:00Z"',
        " 2014-01-01T00:00 ",
        datetime(2014, 1, 1),  # noqa: DTZ001
        datetime(2014, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        {"$date": "2014-01-01T00:00:00.000Z"},
        {"$date": 1_388_534_400_000},
        {"$date": {"$numberLong": "1388534400000"}},
        1_388_534_400_000,
    ],
)
def test_all_spellings_of_an_instant_agree(value):
    assert parse_instant(value) == NEW_YEAR_2014_US


def test_a_fraction_of_a_second_is_kept():
    assert parse_instant("2014-01-01T00:00:00.123456Z") == NEW_YEAR_2014_US + 123_456


@pytest.mark.parametrize("value", [None, "", "  ", "null", '"null"', "None"])
def test_nothing_said_is_none(value):
    assert parse_instant(value) is None


@pytest.mark.parametrize(
    "value",
    ["soon", "2015-09-31", True, [], {"day": 1}, float("inf"), float("nan"), 10**18],
)
def test_what_is_no_instant_is_refused(value):
    with pytest.raises(ValueError, match="no instant"):
        parse_instant(value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_iso_text_of_any_instant_comes_back(instant):
    assert parse_instant(instant.isoformat()) == to_us(instant)
