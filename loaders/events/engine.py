"""The one place that opens DuckDB for the lake: memory-limited and locked to the given paths."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection


def open_engine(
    *, memory_limit: str, threads: int, scratch: Path, folders: Iterable[Path] = ()
) -> DuckDBPyConnection:
    """Open an in-memory DuckDB that may touch `folders` and spill to `scratch`, nothing else.

    Args:
        memory_limit: as DuckDB writes it, `2GB`.
        threads: of its scheduler; 1 makes a sorted partitioned write keep its order.
        scratch: folder for what does not fit in memory; may be read and written.
        folders: further files and folders that may be read and written.
    """
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": str(scratch / "spill"),
        }
    )
    allowed = [str(path) for path in folders if path.is_file()]
    directories = [str(path) for path in folders if not path.is_file()]
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    # A small buffer per open partition keeps memory flat however many courses and days there are.
    connection.execute("SET partitioned_write_flush_threshold = 20000")
    # It would write columns that happen to hold no null as required ones, file by file.
    connection.execute("SET disabled_optimizers = 'statistics_propagation'")
    connection.execute("SET allowed_paths = $paths", {"paths": allowed})
    connection.execute("SET allowed_directories = $paths", {"paths": [*directories, str(scratch)]})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def sql_list(paths: Iterable[Path]) -> str:
    """The paths as a DuckDB list of strings."""
    return "[" + ", ".join(sql_text(str(path)) for path in paths) + "]"


def sql_text(text: str) -> str:
    """The text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"
