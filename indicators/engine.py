"""The engine: one locked, memory-limited DuckDB connection behind Ibis, in one factory."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr import types as ir
from ibis.expr.operations import Node

DEFAULT_MEMORY_LIMIT = "2GB"
_DISK_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
_MACHINE_FAULTS = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.TransactionException,  # a table that could not be written down
    MemoryError,
)
_NO_SPILL = "max_temp_directory_size"  # by default what is free on the disk


@dataclass(frozen=True, slots=True)
class Engine:
    """A connection that reads the given folders, spills to its own and reaches nothing else.

    Tables are unbound Ibis tables of a name and a schema: making one asks the engine nothing.
    """

    connection: duckdb.DuckDBPyConnection
    added: dict[str, pa.Table] = field(default_factory=dict)

    def add(self, name: str, table: pa.Table) -> ir.Table:
        """Make an Arrow table known under a name."""
        self.added[name] = table
        self.connection.register(name, table)
        return ibis.table(ibis.Schema.from_pyarrow(table.schema), name=name)

    def add_parquet(
        self,
        name: str,
        files: Sequence[Path],
        *,
        coded: Sequence[str] = (),
        schema: ibis.Schema | None = None,
    ) -> ir.Table:
        """Make Parquet files of one schema known as one table under a name.

        `schema` is what expressions see of it; what the files say if not given.

        `coded` columns hold long texts that repeat: the engine sorts, joins and groups them by
        their number (an ENUM in the order of text), which to an expression is the text itself.
        """
        paths = ", ".join(f"'{str(path).replace(chr(39), chr(39) * 2)}'" for path in files)
        rows = f"read_parquet([{paths}], hive_partitioning = false)"
        casts = []
        for column in coded:
            kind = f'"{name}_{column}"'
            self.run(f"DROP TYPE IF EXISTS {kind}")
            self.run(
                f'CREATE TYPE {kind} AS ENUM (SELECT DISTINCT "{column}" FROM {rows} '
                f'WHERE "{column}" IS NOT NULL ORDER BY 1)'
            )
            casts.append(f'"{column}"::{kind} AS "{column}"')
        replaced = f" REPLACE ({', '.join(casts)})" if casts else ""
        self.run(f'CREATE OR REPLACE VIEW "{name}" AS SELECT *{replaced} FROM {rows}')
        if schema is None:
            schema = ibis.Schema.from_pyarrow(pq.read_schema(files[0]))
        return ibis.table(schema, name=name)

    def write_parquet(self, expression: ir.Table, path: Path) -> None:
        """Compute an expression into a file of a folder that the engine may reach."""
        place = str(path).replace("'", "''")
        self.run(f"COPY ({to_sql(expression)}) TO '{place}' (FORMAT parquet)")

    def materialise(self, name: str, expression: ir.Table) -> ir.Table:
        """Compute an expression once and keep its rows under a name."""
        self.keep(name, to_sql(expression))
        return ibis.table(expression.schema(), name=name)

    def fetch(self, expression: ir.Table) -> pa.Table:
        """Compute an expression and return its rows."""
        return self.read(to_sql(expression))

    def keep(self, name: str, sql: str) -> None:
        """Keep the rows of a query under a name."""
        self.run(f'CREATE OR REPLACE TABLE "{name}" AS {sql}')

    def read(self, sql: str) -> pa.Table:
        """Return the rows of a query."""
        return self.connection.sql(sql).to_arrow_table()

    @contextmanager
    def beside(self) -> Iterator[Engine]:
        """The same engine for another thread: a connection runs one query at a time."""
        connection = self.connection.cursor()
        try:
            for name, table in self.added.items():  # known to the connection alone
                connection.register(name, table)
            yield Engine(connection, self.added)
        finally:
            connection.close()

    @property
    def threads(self) -> int:
        """How many threads queries may use."""
        ((threads,),) = self.run("SELECT current_setting('threads')")
        return int(threads)

    def run(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a statement and return all its rows: an unread one would block the connection."""
        return list(self.connection.execute(sql, list(values)).fetchall())

    def interrupt(self) -> None:
        """Stop the running query; callable from another thread."""
        self.connection.interrupt()


@contextmanager
def open_engine(
    *,
    readable: Sequence[Path] = (),
    memory_limit: str = DEFAULT_MEMORY_LIMIT,
    threads: int | None = None,
) -> Iterator[Engine]:
    """Open a DuckDB that reads only `readable` folders and spills when full.

    Tables that are kept for the run lie compressed in a scratch file (block keys repeat: with 7.8 M
    events a refresh took 18 s, with tables in memory 28 s). Nothing outlives the run.

    The configuration is locked before anything else runs, so that no expression can reach files,
    extensions or the network (DuckDB is open by default).
    """
    with tempfile.TemporaryDirectory(prefix="courselens-spill-") as spill:
        connection = duckdb.connect(str(Path(spill) / "scratch.duckdb"))
        try:
            settings = {
                "memory_limit": memory_limit,
                "temp_directory": spill,
                "preserve_insertion_order": False,
                "parquet_metadata_cache": True,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allowed_directories": [str(path.resolve()) for path in readable] + [spill],
            }
            if threads is not None:
                settings["threads"] = threads
            for name, value in settings.items():
                connection.execute(f"SET {name} = $1", [value])
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield Engine(connection)
        finally:
            connection.close()


def is_machine_fault(exc: Exception) -> bool:
    """Whether the disk or the memory of this machine failed, and not what was computed."""
    if isinstance(exc, OSError):
        return exc.errno in _DISK_FAULTS
    if isinstance(exc, duckdb.OutOfMemoryException):
        return _NO_SPILL in str(exc)  # a full disk; else the computation takes too much
    return isinstance(exc, _MACHINE_FAULTS)


def to_sql(expression: ir.Table) -> str:
    """An expression as DuckDB SQL."""
    return _compiled(expression.op())


@lru_cache(maxsize=1024)
def _compiled(operation: Node) -> str:
    # To compile takes far longer than to run on a small course; equal operations are equal SQL.
    return str(ibis.duckdb.compile(operation.to_expr()))
