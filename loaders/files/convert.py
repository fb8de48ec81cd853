"""Text columns of a source table to typed ones; what does not fit is counted with its line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import duckdb
import pyarrow as pa

from loaders.files.tsv import Lines
from loaders.problem import Problem
from loaders.tables.specs import TableSpec
from loaders.tables.typed import TypingSql, make_schema

MAX_NAMED_LINES = 100
"""Rejected rows of a file that are named one by one; the others are only counted."""


class RawTable(Protocol):
    """Rows of a source table as text, from a package file or a dump."""

    name: str
    columns: tuple[str, ...]
    misfit_count: int

    def batches(
        self,
        wanted: Sequence[str],
        keep_raw: Collection[str] = (),
        on_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[pa.Table]:
        """Text columns and `row`, the number of the row from 0."""

    def find_lines(self, rows: Collection[int]) -> Lines:
        """Lines of rows, and the lines that were no rows."""


@dataclass(frozen=True, slots=True)
class TypedTable:
    """A source table with typed columns, as one file has it: `lines` = rows + `rejects`.

    Not `is_usable`: the file lacks a key column, so nothing of it was read.
    """

    name: str
    path: str
    table: pa.Table
    lines: int
    rejects: int
    problems: tuple[Problem, ...]
    is_usable: bool = True


def convert_table(
    connection: duckdb.DuckDBPyConnection,
    raw: RawTable,
    spec: TableSpec,
    path: str,
    *,
    on_bytes: Callable[[int], None] | None = None,
) -> TypedTable:
    """Convert a table to the types of its specification.

    A row without its key is rejected. Any other value that cannot be read is null, and each
    column with such values is reported once.

    Args:
        connection: from `connect`.
        raw: the rows as text.
        spec: the columns to make; further columns of the file are ignored.
        path: the file, for problems.
        on_bytes: told how much of the file has been read.

    Returns:
        Rows in file order, with every column of the specification. Without rows, all of the file
        rejected, when a key column is missing.

    Raises:
        SourceMalformed: the file cannot be split into rows.
    """
    names = _match_columns(raw.columns, spec)
    missing_key = [name for name in spec.key if name not in names]
    schema = make_schema(spec)
    if missing_key:
        reason = (
            f"{spec.name}: column {', '.join(missing_key)} is missing, so the file was left out; "
            f"it has {', '.join(raw.columns)}"
        )
        lines = sum(batch.num_rows for batch in raw.batches(raw.columns[:1])) + raw.misfit_count
        return TypedTable(
            name=spec.name,
            path=path,
            table=schema.empty_table(),
            lines=lines,
            rejects=lines,
            problems=(Problem(path, None, reason),),
            is_usable=False,
        )
    problems = [
        Problem(path, None, f"{spec.name}: column {name} is missing, taken as null")
        for name in (*spec.columns, *spec.raw)
        if name not in names
    ]
    statements = TypingSql(spec)
    kept: list[pa.Table] = []
    rejected: dict[int, str] = {}
    unreadable: dict[str, tuple[int, int]] = {}
    count = 0
    wanted = [names.get(name, name) for name in (*spec.columns, *spec.raw)]
    for batch in raw.batches(wanted, [names.get(name, name) for name in spec.raw], on_bytes):
        count += batch.num_rows
        connection.register("batch", _rename(batch, names))
        try:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE typed AS {statements.convert}")
        finally:
            connection.unregister("batch")
        rejected.update(connection.execute(statements.rejected).fetchall())
        _count_unreadable(connection, statements, unreadable)
        kept.append(connection.sql(statements.kept).to_arrow_table().cast(schema))
    connection.execute("DROP TABLE IF EXISTS typed")
    rejects = len(rejected) + raw.misfit_count
    problems += _report_rows(raw, spec, path, rejected, unreadable)
    table = pa.concat_tables(kept) if kept else schema.empty_table()
    return TypedTable(spec.name, path, table, count + raw.misfit_count, rejects, tuple(problems))


def _match_columns(columns: Sequence[str], spec: TableSpec) -> dict[str, str]:
    """Names in the file by names in the specification."""
    found = {name: name for name in columns if name in spec.columns or name in spec.raw}
    for alias, name in spec.aliases.items():
        if name not in found and alias in columns:
            found[name] = alias
    return found


def _rename(batch: pa.Table, names: dict[str, str]) -> pa.Table:
    back = {column: name for name, column in names.items()}
    return batch.rename_columns([back.get(column, column) for column in batch.column_names])


def _count_unreadable(
    connection: duckdb.DuckDBPyConnection,
    statements: TypingSql,
    unreadable: dict[str, tuple[int, int]],
) -> None:
    if not statements.bad:
        return
    (counts,) = connection.execute(statements.unreadable).fetchall()
    for name, count, first in zip(statements.bad, counts[::2], counts[1::2], strict=True):
        if count:
            before, row = unreadable.get(name, (0, first))
            unreadable[name] = (before + count, row)


def _report_rows(
    raw: RawTable,
    spec: TableSpec,
    path: str,
    rejected: dict[int, str],
    unreadable: dict[str, tuple[int, int]],
) -> list[Problem]:
    if not (rejected or unreadable or raw.misfit_count):
        return []
    named = sorted(rejected)[:MAX_NAMED_LINES]
    lines = raw.find_lines({*named, *(row for _, row in unreadable.values())})
    reasons = sorted([*((lines.of_rows[row], rejected[row]) for row in named), *lines.misfits])
    problems = [Problem(path, line, reason) for line, reason in reasons[:MAX_NAMED_LINES]]
    unnamed = len(rejected) + raw.misfit_count - len(problems)
    if unnamed:
        problems.append(Problem(path, None, f"{unnamed} more rows were left out"))
    problems += [
        Problem(
            path,
            lines.of_rows[row],
            f"{spec.name}: {count} values of {name} cannot be read and were taken as missing; "
            "the first is here",
        )
        for name, (count, row) in unreadable.items()
    ]
    return problems
