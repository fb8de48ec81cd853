"""Rows as bytes: CSV, JSON lines and Parquet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from api.exports.columns import Cells, ExportColumn
from api.exports.question import Form
from api.types.scalars import write_instant
from courselens.spreadsheets import cell
from indicators.shape import Kind

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
    if form is Form.JSON_LINES:
        return _JsonLines(columns)
    from api.exports.parquet import Parquet  # takes Arrow, 55 MB, and most processes write none

    return Parquet(columns, meta)


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


def _cell_writer(column: ExportColumn) -> Callable[[Any], Any] | None:
    """What makes a cell of a value; None: the value is written as it is."""
    if column.is_list or column.is_text or column.kind is Kind.BOOL:
        return cell
    if column.kind is Kind.INSTANT:
        return write_instant
    return _finite if column.kind is Kind.FLOAT else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
