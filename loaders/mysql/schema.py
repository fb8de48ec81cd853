"""What tables, columns and indexes an installation has, from its information_schema."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loaders.mysql.connection import Deadline, MySQL

_COLUMNS = """SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name IN %(tables)s"""
_INDEXES = """SELECT table_name, index_name, column_name FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name IN %(tables)s
    ORDER BY table_name, index_name, seq_in_index"""


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns by table, and columns of indexes by table and name; only what may be read."""

    version: str
    columns: Mapping[str, frozenset[str]]
    indexes: Mapping[str, Mapping[str, tuple[str, ...]]]

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is such a table, or such a column in it."""
        if column is None:
            return table in self.columns
        return column in self.columns.get(table, frozenset())

    def find_index(self, table: str, leading: Sequence[str]) -> str | None:
        """Name of the shortest index that begins with these columns; None if there is none."""
        found = [
            (len(columns), name)
            for name, columns in self.indexes.get(table, {}).items()
            if columns[: len(leading)] == tuple(leading)
        ]
        return min(found)[1] if found else None


async def read_schema(
    connection: MySQL, tables: Iterable[str], *, deadline: Deadline | None = None
) -> Schema:
    """Look up which of the tables an installation has.

    Raises:
        SourceUnavailable: the server does not answer.
        SourceRefused: the account may not connect.
    """
    names = {"tables": sorted(tables)}
    ((version,),) = await connection.fetch("SELECT VERSION()", deadline=deadline)
    columns: dict[str, set[str]] = defaultdict(set)
    for table, column in await connection.fetch(_COLUMNS, names, deadline=deadline):
        columns[_text(table)].add(_text(column))
    indexes: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for table, index, column in await connection.fetch(_INDEXES, names, deadline=deadline):
        before = indexes[_text(table)].get(_text(index), ())
        indexes[_text(table)][_text(index)] = (*before, _text(column))
    return Schema(
        _text(version),
        {table: frozenset(found) for table, found in columns.items()},
        dict(indexes),
    )


def _text(value: bytes | None) -> str:
    return (value or b"").decode()
