"""Operations that are refused because another engine would answer otherwise."""

from __future__ import annotations

import ibis
import pyarrow as pa
import pytest

from courselens.errors import NotPortable
from indicators.lint import check_portable
from indicators.portable import percent, safe_div, to_seconds

T = ibis.table({"user_id": "int64", "x": "int64", "y": "float64", "at": "timestamp"}, name="t")

ONE = pa.table({"user_id": [1]})


@ibis.udf.scalar.python
def twice(x: int) -> int:
    return 2 * x


@pytest.mark.parametrize(
    ("expression", "instead"),
    [
        (lambda: T.agg(x=T.x.first()), "argmin"),
        (lambda: T.agg(x=T.x.last()), "argmax"),
        (lambda: T.agg(x=T.x.arbitrary()), "max"),
        (lambda: T.agg(x=T.x.mode()), "row_number"),
        (lambda: T.agg(x=T.x.approx_median()), "median"),
        (lambda: T.agg(x=T.x.approx_nunique()), "nunique"),
        (lambda: T.mutate(x=ibis.random()), "user_id"),
        (lambda: T.mutate(x=ibis.now()), "as_of_us"),
        (lambda: T.mutate(x=twice(T.x)), "Ibis"),
        (lambda: T.mutate(x=T.x / T.y), "safe_div"),
        (lambda: T.mutate(x=T.x / 0), "safe_div"),
        (lambda: T.mutate(x=T.x // T.x), "safe_div"),
        (lambda: T.mutate(x=T.x % T.x), "nullif"),
        (lambda: T.agg(x=T.x.collect(order_by=T.y)), "sort"),
        (lambda: T.agg(x=T.x.median(where=T.y > 0)), "ifelse"),
        (lambda: T.agg(x=T.x.quantile(0.25, where=T.y > 0)), "ifelse"),
        (lambda: T.sample(0.5), "user_id"),
        (lambda: T.semi_join(ibis.memtable(ONE), "user_id"), "numbers_between"),
    ],
)
def test_an_operation_is_refused_with_what_to_use(expression, instead):
    with pytest.raises(NotPortable, match=instead) as caught:
        check_portable("acme_reach", expression())
    assert caught.value.plugin == "acme_reach"


@pytest.mark.parametrize(
    "expression",
    [
        T.mutate(x=safe_div(T.x, T.y), z=percent(T.x, T.y), s=to_seconds(T.x)),
        T.mutate(x=T.x // 7, y=T.x % 7, z=T.x / T.y.nullif(0)),
        T.agg(x=T.y.collect().sort().means(), y=T.x.median(), z=T.y.argmax(T.x)),
    ],
)
def test_what_is_the_same_everywhere_passes(expression):
    check_portable("acme_reach", expression)
