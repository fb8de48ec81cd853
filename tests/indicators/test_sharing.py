"""What expressions have in common is computed once, and gives the same rows."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from ibis.expr import types as ir

from indicators.engine import Engine, open_engine, to_sql
from indicators.sharing import share_common

ROWS = pa.table({"user_id": [1, 1, 2, 3], "place": ["a", "b", "a", "a"], "us": [1, 2, 4, 8]})
MEMBERS = pa.table({"user_id": [1, 2], "group_id": ["x", "x"]})


@pytest.fixture
def engine() -> Iterator[Engine]:
    with open_engine(threads=1) as engine:
        yield engine


def of_students_and_groups(engine: Engine) -> dict[str, ir.Table]:
    rows, members = engine.add("rows", ROWS), engine.add("members", MEMBERS)

    def sums() -> ir.Table:  # made twice, as by the two functions of an indicator
        return rows.group_by("user_id").agg(us=rows.us.sum())

    joined = sums().inner_join(members, "user_id")
    return {
        "student": sums().semi_join(members, "user_id"),
        "group": joined.group_by("group_id").agg(us=joined.us.sum()),
    }


def rows_of(engine: Engine, expression: ir.Table) -> list[dict]:
    return sorted(engine.fetch(expression).to_pylist(), key=str)


def test_rows_are_the_same_and_the_common_part_is_made_once(engine):
    plain = of_students_and_groups(engine)
    tables, shared = share_common("reach", plain)
    assert list(tables) == ["reach.0"]
    for name, table in tables.items():
        engine.materialise(name, table)
    for name, expression in shared.items():
        assert "reach.0" in to_sql(expression)
        assert '"rows"' not in to_sql(expression)
        assert rows_of(engine, expression) == rows_of(engine, plain[name])


def test_a_part_inside_another_and_read_by_itself_is_kept_too(engine):
    rows = engine.add("rows", ROWS)
    inner = rows.group_by("user_id", "place").agg(us=rows.us.sum())
    outer = inner.group_by("place").agg(us=inner.us.max())
    joined = inner.inner_join(outer.rename(most="us"), "place")
    tables, _ = share_common("reach", {"a": joined.select("user_id", "most"), "b": joined})
    assert [tuple(table.columns) for table in tables.values()] == [
        ("user_id", "place", "us"),
        ("place", "most"),
    ]
    assert "reach.0" in to_sql(tables["reach.1"])


def test_filters_and_joins_alone_are_not_kept(engine):
    rows, members = engine.add("rows", ROWS), engine.add("members", MEMBERS)
    chosen = rows.filter(rows.us > 1).semi_join(members, "user_id")
    tables, shared = share_common("reach", {"a": chosen.select("us"), "b": chosen.select("place")})
    assert tables == {}
    assert rows_of(engine, shared["a"]) == [{"us": 2}, {"us": 4}]


def test_one_expression_shares_nothing(engine):
    expression = of_students_and_groups(engine)["group"]
    assert share_common("reach", {"group": expression})[0] == {}
