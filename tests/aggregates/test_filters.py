"""Cursors and ranges."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.filters import Cursor, Range
from courselens.errors import BadParameter

INT64 = st.integers(-(2**63) + 1, 2**63 - 1)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    INT64,
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8")),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
)


@given(VALUES, INT64)
def test_a_cursor_survives_its_text(value: object, user_id: int):
    cursor = Cursor(value, user_id)
    read = Cursor.decode(cursor.encode())
    assert read == cursor
    assert type(read.value) is type(value)


@pytest.mark.parametrize(
    "text",
    ["", "x", "é", "bnVsbA==", "WzFd", "W251bGwsMSwyXQ===", Cursor([1], 2).encode(), "{}" * 99],
)
def test_what_is_no_cursor_is_refused(text: str):
    with pytest.raises(BadParameter, match="a cursor that this API gave"):
        Cursor.decode(text)


def test_a_day_stays_a_day_and_an_instant_an_instant():
    assert Cursor.decode(Cursor(date(2026, 3, 1), 1).encode()).value == date(2026, 3, 1)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert Cursor.decode(Cursor(noon, 1).encode()).value == noon


def test_a_range_has_no_nan():
    with pytest.raises(BadParameter, match="a number"):
        Range(gte=float("nan"))
