"""What a dataset is: a named table of raw facts with fixed columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named table of raw facts.

    `columns` maps a column's name to its kind: string, int, float, bool or strings (a list).
    `key` names the columns that tell two rows apart; a later row of the same key wins.
    """

    name: str
    description: str
    columns: dict[str, str]
    key: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the table; every column may be null."""
        return _schema(tuple(self.columns.items()))

    def empty(self) -> pa.Table:
        """A table of this dataset without rows."""
        return self.schema.empty_table()


@cache
def _schema(columns: tuple[tuple[str, str], ...]) -> pa.Schema:
    import pyarrow as pa  # 50 MB, and a process that answers questions needs the names alone

    types = {
        "string": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "strings": pa.list_(pa.string()),
    }
    return pa.schema([pa.field(name, types[kind]) for name, kind in columns])
