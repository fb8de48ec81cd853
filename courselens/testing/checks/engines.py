"""The same rows on every engine: DuckDB, and Spark where it is installed."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import ibis
from ibis.expr import types as ir

from courselens.errors import one_line
from courselens.testing.checks.subject import Finding, NotApplicable, Subject
from courselens.testing.running import opened_run
from indicators.context import Times
from indicators.contract import Compute
from indicators.engine import Engine
from indicators.parameters import Parameters
from indicators.shape import VALUES
from indicators.tables import Tables

_CLOSE = 1e-9
_FIX = "use the helpers of courselens.plugin: safe_div(), row_number(), mean(), day_of() ..."


def engines(subject: Subject) -> Iterator[Finding]:
    """Its expressions give the same rows on DuckDB and on Spark."""
    if importlib.util.find_spec("pyspark") is None:
        raise NotApplicable("pyspark is not installed")
    one = subject.indicator
    seen: dict[str, tuple[Tables, Parameters]] = {}

    def watch(by: str, compute: Compute) -> Compute:
        def watched(tables: Tables, parameters: Parameters) -> Any:
            seen[by] = (tables, parameters)
            return compute(tables, parameters)

        return watched

    codes = {"user_id": one.compute_student, "group_id": one.compute_group}
    given = {by: code for by, code in codes.items() if code is not None}
    times = Times(
        now_us=subject.result.envelope.computed_us, as_of_us=subject.result.envelope.as_of_us
    )
    try:
        one.compute_student = watch("user_id", given["user_id"]) if "user_id" in given else None
        one.compute_group = watch("group_id", given["group_id"]) if "group_id" in given else None
        run = opened_run([one.key], subject.course, registry=subject.registry, times=times)
        with run as (engine, _):
            for by, (tables, parameters) in seen.items():
                yield from _compare(subject, by, given[by], tables, parameters, engine)
    finally:
        one.compute_student, one.compute_group = codes["user_id"], codes["group_id"]


def _compare(
    subject: Subject,
    by: str,
    compute: Compute,
    tables: Tables,
    parameters: Parameters,
    engine: Engine,
) -> Iterator[Finding]:
    ours = _by_part(compute(tables, parameters))
    one = subject.indicator
    names = (*one.needs, *one.uses)
    shared = {name: getattr(tables, name) for name in names}
    rows = {  # DuckDB adds whole numbers up to wider ones than are declared
        name: engine.fetch(table).cast(table.schema().to_pyarrow())
        for name, table in shared.items()
    }
    absent = frozenset(name for name in names if not tables.has(name))
    try:
        theirs = _on_spark(one.key, compute, parameters, rows, absent=absent)
    except Exception as exc:  # an edge: Ibis and Spark refuse in many ways
        yield Finding(f"by {by} it fails on Spark: {one_line(exc)}", _FIX)
        return
    for part, expression in ours.items():
        found = engine.fetch(expression).to_pylist()
        keys = [by, *(field.name for field in _keys(subject, by, part))]
        difference = _difference(found, theirs[part], keys)
        if difference:
            yield Finding(f"{part} by {by} on DuckDB and on Spark: {difference}", _FIX)


def _on_spark(
    key: str,
    compute: Compute,
    parameters: Parameters,
    rows: Mapping[str, Any],
    *,
    absent: frozenset[str],
) -> dict[str, list[dict[str, Any]]]:
    session, connection = _spark()
    spark_tables = {}
    for name, table in rows.items():
        session.createDataFrame(table).createOrReplaceTempView(name)
        spark_tables[name] = connection.table(name)
    expressions = _by_part(compute(Tables(spark_tables, absent=absent, owner=key), parameters))
    return {
        part: connection.to_pyarrow(expression).to_pylist()
        for part, expression in expressions.items()
    }


@cache
def _spark() -> tuple[Any, Any]:
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    return session, ibis.pyspark.connect(session)


def _by_part(returned: ir.Table | Mapping[str, ir.Table]) -> Mapping[str, ir.Table]:
    return returned if isinstance(returned, Mapping) else {VALUES: returned}


def _keys(subject: Subject, by: str, name: str) -> tuple[Any, ...]:
    shape = subject.levels[by]
    part = shape.part(name) if len(shape.parts) > 1 else shape.parts[0]
    return part.keys if part else ()


def _difference(
    ours: list[dict[str, Any]], theirs: list[dict[str, Any]], keys: list[str]
) -> str | None:
    def place(row: dict[str, Any]) -> tuple[str, ...]:
        return tuple(str(row[key]) for key in keys)

    if len(ours) != len(theirs):
        return f"{len(ours)} rows, and {len(theirs)}"
    for one, other in zip(sorted(ours, key=place), sorted(theirs, key=place), strict=True):
        if not all(_same(value, other[name]) for name, value in one.items()):
            return f"{one}, and {other}"
    return None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return bool(one == other)
