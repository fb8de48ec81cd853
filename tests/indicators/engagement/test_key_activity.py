"""Percentiles of key activity, infinity included."""

from __future__ import annotations

import pyarrow as pa
import pytest

from indicators.engagement.key_activity import is_high, metric_ranges
from indicators.engine import open_engine

INF = None  # attempts without any correct problem


@pytest.fixture(scope="module")
def engine():
    with open_engine() as engine:
        yield engine


def judge(engine, *values):
    """The two percentiles, None if infinite, and the values that are high."""
    table = engine.add(
        "measured",
        pa.table(
            {
                "user_id": list(range(len(values))),
                "metric": ["m"] * len(values),
                "value": pa.array(values, pa.float64()),
                "is_infinite": [value is INF for value in values],
            }
        ),
    )
    ranges = metric_ranges(table)
    (row,) = engine.fetch(ranges).to_pylist()
    joined = table.inner_join(ranges, "metric")
    high = engine.fetch(joined.filter(is_high(joined)).order_by("user_id"))
    assert row["low_is_infinite"] == (row["low"] is None)
    assert row["high_is_infinite"] == (row["high"] is None)
    return row["low"], row["high"], high.column("value").to_pylist()


def test_percentiles_interpolate_between_neighbours(engine):
    # places 0.15 * 4 = 0.6 and 0.85 * 4 = 3.4 of 1, 2, 3, 4, 10
    low, high, chosen = judge(engine, 4, 1, 10, 3, 2)
    assert (low, high) == (pytest.approx(1.6), pytest.approx(6.4))
    assert chosen == [10]


def test_equal_percentiles_place_nobody(engine):
    assert judge(engine, 3, 3, 3) == (3, 3, [])
    assert judge(engine, 3) == (3, 3, [])
    assert judge(engine, INF, INF) == (None, None, [])


def test_towards_infinity_a_percentile_is_infinite_and_infinity_reaches_it(engine):
    # place 0.85 * 3 = 2.55, between 3 and infinity
    assert judge(engine, 1, 2, 3, INF) == (pytest.approx(1.45), None, [INF])


def test_below_infinity_a_percentile_stays_finite(engine):
    # 14 numbers and 2 infinities: place 0.85 * 15 = 12.75, between the 12th and 13th from 0
    low, high, chosen = judge(engine, *range(14), INF, INF)
    assert (low, high) == (2.25, 12.75)
    assert chosen == [13, INF, INF]


def test_at_fraction_zero_the_lower_value_stays_finite(engine):
    # 21 values: place 0.85 * 20 = 17 is the greatest number, the 3 above it are infinite
    low, high, chosen = judge(engine, *range(18), INF, INF, INF)
    assert (low, high) == (3.0, 17.0)
    assert chosen == [17, INF, INF, INF]


def test_one_finite_value_does_not_keep_the_low_percentile_from_infinity(engine):
    # place 0.15 * 2 = 0.3, between 1 and infinity
    assert judge(engine, 1, INF, INF) == (None, None, [])
