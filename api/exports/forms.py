"""Rows as bytes: CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson
import pyarrow as pa

from api.exports.columns import ExportColumn
from api.exports.question import Form
from api.types.scalars import write_instant
from courselens.spreadsheets import cell
from indicators.shape import Kind

Cells = Sequence[Sequence[Any]]
_META_KEY = b"courselens"
_GROUP_CELLS = 400_000
"""Cells of a row group of Parquet: what is held back at most until it is written."""

MEDIA_TYPES: Mapping[Form, str] = {
    Form.CSV: "text/csv; charset=utf-8; header=present",
    Form.JSON_LINES: "application/jsonl",
    Form.PARQUET: "application/vnd.apache.parquet",
    Form.META: "application/json",
    Form.JSON: "application/json",
}


class Encoder(Protocol):
    """Makes a file, piece by piece; the pieces one after the other are the file."""

    def begin(self) -> bytes:
        """What comes before all rows."""
        ...

    def rows(self, rows: Cells) -> bytes:
        """More rows; maybe nothing yet."""
        ...

    def end(self) -> bytes:
        """What comes after all rows."""
        ...


def make_encoder(form: Form, columns: Sequence[ExportColumn], meta: Mapping[str, Any]) -> Encoder:
    """The encoder of a form of file with rows; Parquet carries `meta` in itself."""
    if form is Form.CSV:
        return _Csv(columns)
    return _JsonLines(columns) if form is Form.JSON_LINES else _Parquet(columns, meta)


class _Csv:
    """RFC 4180: a head, CRLF, quotes where needed; nothing between the commas is null."""

    def __init__(self, columns: Sequence[ExportColumn]) -> None:
        self._names = [column.name for column in columns]
        self._writers = [_cell_writer(column) for column in columns]

    def begin(self) -> bytes:
        return self._written([self._names])

    def rows(self, rows: Cells) -> bytes:
        columns = zip(*rows, strict=True)
        written = (
            [None if value is None else write(value) for value in values] if write else values
            for write, values in zip(self._writers, columns, strict=True)
        )
        return self._written(zip(*written, strict=True))

    def end(self) -> bytes:
        return b""

    def _written(self, rows: Any) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return text.getvalue().encode()


class _JsonLines:
    """One object a line; null where there is no value."""

    def __init__(self, columns: Sequence[ExportColumn]) -> None:
        self._names = [column.name for column in columns]

    def begin(self) -> bytes:
        return b""

    def rows(self, rows: Cells) -> bytes:
        options = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
        return b"".join(
            orjson.dumps(dict(zip(self._names, row, strict=True)), option=options) for row in rows
        )

    def end(self) -> bytes:
        return b""


class _Parquet:
    """Row groups as they are full; the foot, without which nothing can be read, comes last."""

    def __init__(self, columns: Sequence[ExportColumn], meta: Mapping[str, Any]) -> None:
        self._types = [column.arrow_type for column in columns]
        schema = pa.schema(
            [
                pa.field(column.name, column.arrow_type, metadata=_described(column))
                for column in columns
            ],
            metadata={_META_KEY: orjson.dumps(meta, option=orjson.OPT_UTC_Z)},
        )
        self._schema = schema
        self._sink = _Sink()
        from pyarrow import parquet  # takes 5 MB, and most processes never write one

        self._writer = parquet.ParquetWriter(self._sink, schema, compression="zstd")
        self._held: list[pa.RecordBatch] = []
        self._cells = 0

    def begin(self) -> bytes:
        return self._sink.take()

    def rows(self, rows: Cells) -> bytes:
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


def _cell_writer(column: ExportColumn) -> Callable[[Any], Any] | None:
    """What makes a cell of a value; None: the value is written as it is."""
    if column.is_list or column.is_text or column.kind is Kind.BOOL:
        return cell
    if column.kind is Kind.INSTANT:
        return write_instant
    return _finite if column.kind is Kind.FLOAT else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
