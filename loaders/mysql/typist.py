"""Rows as the server wrote them to typed tables and datasets, in threads beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import duckdb
import pyarrow as pa

from loaders.mysql.connection import Row
from loaders.mysql.reads import Read, Statement
from loaders.tables.queries import TableQuery, build_dataset
from loaders.tables.specs import TABLE_SPECS, TableSpec
from loaders.tables.typed import connect, type_text

Typed = dict[str, pa.Table]
_Result = TypeVar("_Result")
_AT_A_TIME = 4


class Typist:
    """Converts off the event loop; keeps the DuckDB connections that it needs at a time."""

    def __init__(self) -> None:
        self._idle: list[duckdb.DuckDBPyConnection] = []
        # Each connection is a database of its own: many at a time cost memory and no less time.
        self._free = asyncio.Semaphore(_AT_A_TIME)

    async def type_rows(self, rows: Sequence[Row], statement: Statement, read: Read) -> Typed:
        """Typed tables of a page, by the names of the specifications."""
        specs = {joined.spec.name: joined.spec for joined in read.tables}
        return await self._work(lambda duck: _type_rows(duck, rows, statement, specs))

    async def build(
        self, query: TableQuery, typed: Mapping[str, pa.Table], specs: Mapping[str, TableSpec]
    ) -> pa.Table:
        """The dataset that typed tables hold."""
        known = {**TABLE_SPECS, **specs}
        return await self._work(lambda duck: build_dataset(duck, query, typed, known))

    async def _work(self, work: Callable[[duckdb.DuckDBPyConnection], _Result]) -> _Result:
        async with self._free:
            duck = self._idle.pop() if self._idle else None

            def run() -> tuple[duckdb.DuckDBPyConnection, _Result]:
                used = duck if duck is not None else connect()
                return used, work(used)

            used, result = await asyncio.to_thread(run)
            self._idle.append(used)
            return result


def _type_rows(
    duck: duckdb.DuckDBPyConnection,
    rows: Sequence[Row],
    statement: Statement,
    specs: Mapping[str, TableSpec],
) -> Typed:
    texts: dict[str, dict[str, pa.Array]] = {name: {} for name in specs}
    # Values of the keyset follow those of the columns and are not wanted.
    for (table, column), values in zip(statement.columns, zip(*rows, strict=True), strict=False):
        texts[table][column] = _as_text(values)
    return {
        name: type_text(duck, pa.table(columns), specs[name])
        for name, columns in texts.items()
        if columns
    }


def _as_text(values: Sequence[bytes | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except pa.ArrowInvalid:  # bytes that are no UTF-8, in a column of the type BLOB
        decoded = [None if value is None else value.decode("utf-8", "replace") for value in values]
        return pa.array(decoded, pa.string())
