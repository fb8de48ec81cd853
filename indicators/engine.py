"""The engine: one locked, memory-limited DuckDB connection behind Ibis, in one factory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
from ibis.expr import types as ir

DEFAULT_MEMORY_LIMIT = "2GB"


@dataclass(frozen=True, slots=True)
class Engine:
    """A connection that reads the given folders, spills to its own and reaches nothing else."""

    connection: duckdb.DuckDBPyConnection
    backend: ibis.BaseBackend

    def add(self, name: str, table: pa.Table) -> ir.Table:
        """Make an Arrow table known under a name."""
        self.connection.register(name, table)
        return self.backend.table(name)

    def add_parquet(self, name: str, files: Sequence[Path]) -> ir.Table:
        """Make Parquet files known as one table under a name."""
        paths = ", ".join(f"'{str(path).replace(chr(39), chr(39) * 2)}'" for path in files)
        self.connection.execute(
            f'CREATE OR REPLACE VIEW "{name}" AS '
            f"SELECT * FROM read_parquet([{paths}], hive_partitioning = false)"
        )
        return self.backend.table(name)

    def materialise(self, name: str, expression: ir.Table) -> ir.Table:
        """Compute an expression once and keep its rows under a name."""
        query = self.backend.compile(expression)
        self.connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {query}')
        return self.backend.table(name, database=("temp", "main"))

    def fetch(self, expression: ir.Table) -> pa.Table:
        """Compute an expression and return its rows."""
        return self.connection.execute(self.backend.compile(expression)).to_arrow_table()

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
    """Open a DuckDB that holds nothing, reads only `readable` folders and spills when full.

    The configuration is locked before anything else runs, so that no expression can reach files,
    extensions or the network (DuckDB is open by default).
    """
    with tempfile.TemporaryDirectory(prefix="courselens-spill-") as spill:
        connection = duckdb.connect(":memory:")
        try:
            settings = {
                "memory_limit": memory_limit,
                "temp_directory": spill,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allowed_directories": [str(path.resolve()) for path in readable] + [spill],
            }
            if threads is not None:
                settings["threads"] = threads
            for name, value in settings.items():
                connection.execute(f"SET {name} = $1", [value])
            backend = ibis.duckdb.from_connection(connection)
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield Engine(connection, backend)
        finally:
            connection.close()
