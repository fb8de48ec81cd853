"""Rows as Parquet: row groups as they are full."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import parquet

from api.exports.columns import Cells, ExportColumn
from indicators.arrow import arrow_type

_META_KEY = b"courselens"
_GROUP_CELLS = 400_000
"""Cells of a row group: what is held back at most until it is written."""


class Parquet:
    """An encoder (`forms.Encoder`)."""

    def __init__(self, columns: Sequence[ExportColumn], meta: Mapping[str, Any]) -> None:
        self._types = [arrow_type(column) for column in columns]
        schema = pa.schema(
            [
                pa.field(column.name, arrow_type(column), metadata=_described(column))
                for column in columns
            ],
            metadata={_META_KEY: orjson.dumps(meta, option=orjson.OPT_UTC_Z)},
        )
        self._schema = schema
        self._sink = _Sink()
        self._writer = parquet.ParquetWriter(self._sink, schema, compression="zstd")
        self._held: list[pa.RecordBatch] = []
        self._cells = 0

    def begin(self) -> bytes:
        """The file's first bytes."""
        return self._sink.take()

    def rows(self, rows: Cells) -> bytes:
        """More rows; bytes once a row group is full."""
        arrays = [
            pa.array(values, kind)
            for values, kind in zip(zip(*rows, strict=True), self._types, strict=True)
        ]
        self._held.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._cells += len(rows) * len(arrays)
        if self._cells >= _GROUP_CELLS:
            self._write_group()
        return self._sink.take()

    def end(self) -> bytes:
        """The rest and the foot, without which nothing can be read."""
        self._write_group()
        self._writer.close()
        return self._sink.take()

    def _write_group(self) -> None:
        if self._held:
            held = pa.Table.from_batches(self._held, schema=self._schema)
            self._writer.write_table(held, row_group_size=held.num_rows)
            self._held, self._cells = [], 0


class _Sink(io.RawIOBase):
    """A file that only grows, and of which the beginning is taken away as it is written."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _described(column: ExportColumn) -> dict[bytes, bytes]:
    facts = {
        "unit": column.unit,
        "description": column.description,
        "indicator": column.indicator,
    }
    return {name.encode(): text.encode() for name, text in facts.items() if text}
