"""Text of instants and days, in and out; what the reference says of the schema's scalars."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.types.scalars import read_day, read_instant, write_instant


def test_an_instant_is_written_in_utc() -> None:
    there = datetime(2026, 11, 23, 10, 30, tzinfo=timezone(timedelta(hours=2)))
    assert write_instant(there) == "2026-11-23T08:30:00Z"
    assert write_instant(datetime(2026, 11, 23, 8, 30, 0, 5, UTC)) == "2026-11-23T08:30:00.000005Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_the_writer_of_json_has_the_same_text(instant: datetime) -> None:
    """Plans leave instants of the store to it."""
    assert msgspec.json.encode(instant).decode() == f'"{write_instant(instant)}"'


@pytest.mark.parametrize("text", ["2026-11-23T08:30:00Z", "2026-11-23T10:30:00+02:00"])
def test_an_instant_is_read_with_its_time_zone(text: str) -> None:
    assert read_instant(text) == datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("value", ["2026-11-23T08:30:00", "2026-11-23", "yesterday", "", 1, None])
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"time zone|Invalid"):
        read_instant(value)


def test_a_day_is_read() -> None:
    assert read_day("2026-11-23") == date(2026, 11, 23)


@pytest.mark.parametrize("value", ["20261123", "2026-W47-1", "2026-11-23T00:00:00Z", "", 1, None])
def test_what_is_no_day_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="a day is text"):
        read_day(value)
