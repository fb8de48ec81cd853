"""Refuses operations that give other answers on another engine, naming the helper to use."""

from __future__ import annotations

from ibis.expr import operations as ops
from ibis.expr import types as ir

from courselens.errors import NotPortable

_REFUSED: dict[type[ops.Node], tuple[str, str]] = {
    ops.First: ("first() treats nulls apart on each engine", "argmin(), or a row_number() filter"),
    ops.Last: ("last() treats nulls apart on each engine", "argmax(), or a row_number() filter"),
    ops.TimestampDelta: ("delta() counts borders or elapsed units", "subtract `*_us` columns"),
    ops.DateDelta: ("delta() counts borders or elapsed units", "subtract day numbers"),
    ops.JSONGetItem: ("JSON access differs and needs Python on Spark", "a typed column"),
    ops.RandomScalar: ("random() makes a run unrepeatable", "order by user_id"),
    ops.TimestampNow: ("now() makes a run unrepeatable", "parameters.as_of_us"),
    ops.DateNow: ("today() makes a run unrepeatable", "parameters.as_of_us"),
    ops.SQLQueryResult: ("raw SQL runs on one engine only", "Ibis expressions"),
    ops.SQLStringView: ("raw SQL runs on one engine only", "Ibis expressions"),
    ops.Arbitrary: ("arbitrary() takes any row", "max() or argmax()"),
    ops.Mode: ("mode() takes any of several", "counts and a row_number() filter"),
    ops.ApproxCountDistinct: ("approx_nunique() is another number each run", "nunique()"),
    ops.ApproxMedian: ("approx_median() is another number each run", "median()"),
    ops.Sample: ("sample() makes a run unrepeatable", "a filter on user_id"),
    ops.RandomUUID: ("uuid() makes a run unrepeatable", "a key of the data"),
    ops.InMemoryTable: ("rows made in Python are unknown to the engine", "numbers_between()"),
    ops.AggUDF: ("a Python function runs on one engine only", "Ibis expressions"),
    ops.ScalarUDF: ("a Python function runs on one engine only", "Ibis expressions"),
}


def check_portable(owner: str, expression: ir.Table) -> None:
    """Check every operation of an expression.

    Raises:
        NotPortable: names the owner, the operation and what to use instead.
    """
    for node in expression.op().find(ops.Node):
        for refused, (problem, instead) in _REFUSED.items():
            if isinstance(node, refused):
                raise NotPortable(owner, problem, f"use {instead}")
        divides = isinstance(node, ops.Divide | ops.FloorDivide | ops.Modulus)
        if divides and not _cannot_be_zero(node.right):
            raise NotPortable(
                owner,
                "x / 0, x // 0 and x % 0 are infinity, null or an error by the engine",
                "use safe_div(), or a divisor with nullif(0)",
            )
        if isinstance(node, ops.Median | ops.Quantile) and node.where is not None:
            raise NotPortable(
                owner,
                "median(where=) and quantile(where=) fail on Spark",
                "use ifelse(condition, value, null_value(...)).median()",
            )
        if isinstance(node, ops.ArrayCollect) and node.order_by:
            raise NotPortable(
                owner, "collect(order_by=) does not exist on Spark", "use collect().sort()"
            )


def _cannot_be_zero(node: ops.Node) -> bool:
    if isinstance(node, ops.NullIf):
        return True
    if isinstance(node, ops.Cast):
        return _cannot_be_zero(node.arg)
    return isinstance(node, ops.Literal) and node.value not in (0, None)
