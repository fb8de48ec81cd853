"""From an indicator's expressions to rows: checks, types, order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import pyarrow as pa
import pytest
from ibis.expr import types as ir

from courselens.errors import NotPortable, PluginError
from courselens.testing import CourseBuilder
from indicators.engine import Engine, open_engine
from indicators.finish import compile_queries, null_parts, run_queries
from indicators.shape import BlockKey, Key, read_shape


@dataclass(frozen=True, slots=True)
class Move:
    block_key: Annotated[BlockKey, Key("Where to.")]
    from_: Annotated[BlockKey, Key("Where from.")]
    moves: int | None


@dataclass(frozen=True, slots=True)
class Moves:
    rows: list[Move]


@dataclass(frozen=True, slots=True)
class Times:
    first_day: date | None
    last_at: datetime | None
    share: float | None


@pytest.fixture
def engine() -> Iterator[Engine]:
    with open_engine(threads=1) as engine:
        yield engine


def finish(engine: Engine, result: type, table: pa.Table, **kept) -> list[dict]:
    blocks = CourseBuilder().block("z", "course").block("a", "chapter").tables()["blocks"]
    given = kept.get("given", engine.add("rows", table))
    levels = {"user_id": (read_shape(result), given)}
    queries = compile_queries("acme_moves", levels, blocks=engine.add("blocks", blocks))
    parts = run_queries(queries, engine)["user_id"]
    return parts["rows" if result is Moves else "values"].to_pylist()


def moves(*rows: tuple) -> pa.Table:
    names = ("user_id", "block_key", "from", "moves")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def test_rows_are_in_the_order_of_students_and_of_the_course(engine):
    rows = finish(engine, Moves, moves(
        (2, "a", "z", 1), (1, "_forum_", "a", 2), (1, "a", "a", 3), (1, "z", "_wiki_", 4),
        (1, "z", "a", 5),
    ))  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        (1, "z", "a", 5), (1, "z", "_wiki_", 4), (1, "a", "a", 3), (1, "_forum_", "a", 2),
        (2, "a", "z", 1),
    ]  # fmt: skip


def test_sort_position_orders_rows_before_their_keys(engine):
    table = moves((1, "a", "z", 1), (1, "z", "z", 2)).append_column("sort_position", [[0, 1]])
    assert [row["block_key"] for row in finish(engine, Moves, table)] == ["a", "z"]


def test_day_numbers_and_microseconds_become_dates_and_instants(engine):
    table = pa.table({"user_id": [1], "first_day": [1], "last_at": [1_500_000], "share": [1]})
    assert finish(engine, Times, table) == [
        {
            "user_id": 1,
            "first_day": date(1970, 1, 2),
            "last_at": datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC),
            "share": 1.0,
        }
    ]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (moves((1, "a", "z", 1)).drop_columns(["moves"]), r"missing \['moves'\]"),
        (moves((1, "a", "z", 1)).append_column("x", [[1]]), r"unexpected \['x'\]"),
        (moves((1, "a", "z", 1), (1, "a", "z", 2)), "same user_id, block_key, from"),
        (
            moves((1, "a", "z", 1), (1, "z", "z", 2), (1, "a", "z", 3)).append_column(
                "sort_position", [[0, 1, 2]]
            ),
            "same user_id, block_key, from",
        ),
        (moves((1, None, "z", 1)).cast(moves((1, "", "", 1)).schema), "block_key is null"),
        (moves((1, "a", "z", "many")), "moves is no int"),
        (moves((1, "a", "z", 0.5)), "moves is no int"),
    ],
)
def test_rows_that_do_not_fit_the_result_type_are_refused(engine, table, problem):
    with pytest.raises(PluginError, match=problem) as caught:
        finish(engine, Moves, table)
    assert caught.value.plugin == "acme_moves"


def test_rows_that_share_all_keys_but_one_are_no_twins(engine):
    table = moves((1, "a", "z", 1), (1, "a", "a", 1), (2, "a", "z", 1), (1, "z", "z", 1))
    assert len(finish(engine, Moves, table)) == 4


def test_parts_must_be_those_of_the_result_type(engine):
    table = engine.add("rows", moves((1, "a", "z", 1)))
    with pytest.raises(PluginError, match="one expression per part"):
        finish(engine, Moves, moves((1, "a", "z", 1)), given={"other": table})


def test_operations_that_differ_between_engines_are_refused(engine):
    def first(rows: ir.Table) -> ir.Table:
        return rows.group_by("user_id", "block_key", "from").agg(moves=rows.moves.first())

    table = moves((1, "a", "z", 1))
    with pytest.raises(NotPortable):
        finish(engine, Moves, table, given=first(engine.add("rows", table)))


def test_what_cannot_be_measured_is_null_for_every_subject_and_lists_are_empty():
    users = pa.array([1, 2], pa.int64())
    empty = {"user_id": 1, "first_day": None, "last_at": None, "share": None}
    values = null_parts(read_shape(Times), subject="user_id", subjects=users)["values"]
    assert values.to_pylist() == [empty, empty | {"user_id": 2}]
    assert null_parts(read_shape(Moves), subject="user_id", subjects=users)["rows"].num_rows == 0
