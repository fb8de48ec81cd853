"""Text columns of a platform table to typed ones, in DuckDB."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from loaders.tables.specs import TableSpec

_ARROW_TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "instant": pa.int64(),
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
}
_SQL = {
    "int": "CASE WHEN regexp_full_match(trim({c}), '[-+]?[0-9]{{1,18}}([.]0*)?')"
    " THEN CAST(split_part(trim({c}), '.', 1) AS BIGINT) END",
    "float": "CASE WHEN isfinite(try_cast({c} AS DOUBLE)) THEN try_cast({c} AS DOUBLE) END",
    "bool": "CASE WHEN lower(trim({c})) IN ('1', 'true', 't', 'b''1''', chr(1)) THEN true"
    " WHEN lower(trim({c})) IN ('0', 'false', 'f', 'b''0''', chr(0)) THEN false END",
    "instant": "epoch_us(try_cast({c} AS TIMESTAMPTZ))",
    "text": "{c}",
}
# What a server writes is of its column's type, so nothing has to be looked at twice.
_PLAIN_SQL = {
    "int": "try_cast({c} AS BIGINT)",
    "float": _SQL["float"],
    "bool": "try_cast({c} AS BIGINT) <> 0",
    "instant": "epoch_us(try_cast({c} AS TIMESTAMP))",
    "text": "{c}",
}
_ZERO_DATE = "0000-00-00%"
_WORDS = {"int": "whole number", "float": "number", "bool": "truth value", "instant": "instant"}


def connect() -> duckdb.DuckDBPyConnection:
    """A private in-memory database whose instants are UTC."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def empty_typed(spec: TableSpec) -> pa.Table:
    """A typed table without rows, for a table that the source lacks."""
    return make_schema(spec).empty_table()


def make_schema(spec: TableSpec) -> pa.Schema:
    """Arrow schema of a typed table."""
    fields = [(name, _ARROW_TYPES[kind]) for name, kind in spec.columns.items()]
    return pa.schema(
        fields + [(name, _ARROW_TYPES[kind]) for name, kind in spec.derived_kinds.items()]
    )


def type_text(connection: duckdb.DuckDBPyConnection, batch: pa.Table, spec: TableSpec) -> pa.Table:
    """Type rows that a server gave as text.

    What cannot be read is null, as in a file; a row without its key is left out.

    Args:
        connection: from `connect`, in no other use.
        batch: text columns; those of the specification that are missing are null.
        spec: the columns to make.

    Returns:
        Rows in the order of the batch, with every column of the specification.
    """
    nothing = pa.nulls(batch.num_rows, pa.string())
    texts = dict.fromkeys((*spec.columns, *spec.raw), nothing)
    texts |= {name: batch.column(name) for name in batch.column_names}
    texts |= {f"{name}_raw": texts[name] for name in spec.raw}
    columns = {name: _PLAIN_SQL[kind].format(c=f'"{name}"') for name, kind in spec.columns.items()}
    made = ", ".join(
        f'{sql} AS "{name}"' for name, sql in {**columns, **spec.steps, **spec.derived}.items()
    )
    key = " AND ".join(
        f'"{name}" IS NOT NULL' + (f" AND \"{name}\" <> ''" if spec.columns[name] == "text" else "")
        for name in spec.key
    )
    outputs = ", ".join(_quote([*spec.columns, *spec.derived]))
    connection.register("batch", pa.table(texts))
    try:
        rows = connection.sql(f"SELECT {outputs} FROM (SELECT {made} FROM batch) WHERE {key}")
        return rows.to_arrow_table().cast(make_schema(spec))
    finally:
        connection.unregister("batch")


class TypingSql:
    """The SQL that converts one batch: all of it, what is kept, what is not and why."""

    def __init__(self, spec: TableSpec) -> None:
        typed = {name: _SQL[kind].format(c=f'"{name}"') for name, kind in spec.columns.items()}
        bad = {
            name: f"\"{name}\" <> '' AND \"{name}\" NOT LIKE '{_ZERO_DATE}'"
            f" AND ({typed[name]}) IS NULL"
            for name, kind in spec.columns.items()
            if kind != "text" and name not in spec.key
        } | dict(spec.unreadable)
        reasons = " ".join(
            f"WHEN ({typed[name]}) IS NULL OR \"{name}\" = '' THEN '{name} is missing'"
            if spec.columns[name] == "text"
            else f"WHEN ({typed[name]}) IS NULL THEN '{name} is missing or no {_WORDS[kind]}'"
            for name in spec.key
            for kind in [spec.columns[name]]
        )
        outputs = [*spec.columns, *spec.derived]
        self.bad = tuple(bad)
        self.convert = "SELECT row, " + ", ".join(
            [f'{sql} AS "{name}"' for name, sql in (typed | dict(spec.steps)).items()]
            + [f'{sql} AS "{name}"' for name, sql in spec.derived.items()]
            + [f'coalesce({sql}, false) AS "bad {name}"' for name, sql in bad.items()]
            + [f"CASE {reasons} END AS reason FROM batch"]
        )
        self.rejected = "SELECT row, reason FROM typed WHERE reason IS NOT NULL ORDER BY row"
        self.kept = (
            f"SELECT {', '.join(_quote(outputs))} FROM typed WHERE reason IS NULL ORDER BY row"
        )
        counts = [f'count_if("bad {name}"), min(row) FILTER ("bad {name}")' for name in bad]
        self.unreadable = f"SELECT {', '.join(counts)} FROM typed WHERE reason IS NULL"


def _quote(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]
