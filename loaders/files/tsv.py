"""Tables of research data packages: tab-separated text with a header and its own escapes."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from courselens.errors import SourceMalformed
from loaders.files.open_bytes import open_bytes

BLOCK_BYTES = 16 * 2**20
_NULLS = ["NULL", "\\N"]
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Lines:
    """Where rows stand in their file: lines by row number, and lines that were no rows."""

    of_rows: dict[int, int]
    misfits: tuple[tuple[int, str], ...]


class TsvTable:
    """One table file; a header with commas and no tab makes it CSV, without escapes."""

    def __init__(self, name: str, path: Path) -> None:
        """Read the header.

        Args:
            name: the platform's name of the table.
            path: the file, plain or gzip.

        Raises:
            SourceMalformed: there is no header.
        """
        self.name = name
        self.path = path
        self.misfit_count = 0
        with open_bytes(path) as file:
            header, self._header_line = _read_header(file)
        if header is None:
            raise SourceMalformed(path, "there is no header row", fix="export the table again")
        self.separator = "," if "," in header and "\t" not in header else "\t"
        names = header.split("\t") if self.separator == "\t" else next(csv.reader([header]))
        self.columns = tuple(_make_unique([name.strip() for name in names]))

    def batches(
        self,
        wanted: Sequence[str],
        keep_raw: Collection[str] = (),
        on_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[pa.Table]:
        """Read the rows that have as many fields as the header, in bounded memory.

        Args:
            wanted: columns to read; one that the file lacks is all null.
            keep_raw: columns to give a second time as `NAME_raw`, before unescaping.
            on_bytes: told how many bytes of the (unpacked) file have been read so far.

        Yields:
            Text columns of these names, and `row`, the number of the row from 0.

        Raises:
            SourceMalformed: the file cannot be split into rows.
        """
        is_tsv = self.separator == "\t"
        seen = 0
        with open_bytes(self.path) as file:
            for _ in range(self._header_line):
                file.readline()
            counted = _Counted(file, on_bytes)
            if not counted.has_more():
                return
            try:
                reader = pacsv.open_csv(
                    pa.PythonFile(counted, mode="r"),
                    read_options=pacsv.ReadOptions(
                        column_names=list(self.columns), block_size=BLOCK_BYTES
                    ),
                    parse_options=pacsv.ParseOptions(
                        delimiter=self.separator,
                        quote_char=False if is_tsv else '"',
                        double_quote=not is_tsv,
                        escape_char=False,
                        invalid_row_handler=self._count_misfit,
                    ),
                    convert_options=pacsv.ConvertOptions(
                        include_columns=list(wanted),
                        include_missing_columns=True,
                        column_types=dict.fromkeys(wanted, pa.binary()),
                        null_values=_NULLS,
                        strings_can_be_null=True,
                    ),
                )
                for batch in reader:
                    yield self._decode(pa.Table.from_batches([batch]), keep_raw, seen)
                    seen += batch.num_rows
            except (pa.ArrowInvalid, OSError, EOFError, zlib.error) as error:
                raise SourceMalformed(self.path, f"cannot be split into rows ({error})") from error

    def _count_misfit(self, _: object) -> str:
        self.misfit_count += 1
        return "skip"

    def _decode(self, table: pa.Table, keep_raw: Collection[str], first_row: int) -> pa.Table:
        columns: dict[str, pa.Array | pa.ChunkedArray] = {
            "row": pa.array(np.arange(first_row, first_row + table.num_rows, dtype=np.int64))
        }
        for name in table.column_names:
            text = decode_text(table[name])
            columns[name] = unescape(text) if self.separator == "\t" else text
            if name in keep_raw:
                columns[f"{name}_raw"] = text
        return pa.table(columns)

    def find_lines(self, rows: Collection[int]) -> Lines:
        """Find the lines of some rows, and all lines that have another number of fields.

        Reads the file a second time: only for files that have something to report.

        Args:
            rows: numbers of rows, as `batches` gives them.

        Returns:
            Line numbers from 1.
        """
        width = len(self.columns)
        of_rows: dict[int, int] = {}
        misfits: list[tuple[int, str]] = []
        row = 0
        with (
            open_bytes(self.path) as file,
            io.TextIOWrapper(file, encoding="latin-1", newline=None) as text,
        ):
            for number, line in enumerate(text, 1):
                bare = line.rstrip("\n")
                if number <= self._header_line or not bare:
                    continue
                fields = self._count_fields(bare)
                if fields != width:
                    misfits.append((number, f"{fields} fields where the header has {width}"))
                    continue
                if row in rows:
                    of_rows[row] = number
                row += 1
        return Lines(of_rows, tuple(misfits))

    def _count_fields(self, line: str) -> int:
        if self.separator == "\t":
            return line.count("\t") + 1
        return len(next(csv.reader([line])))


def _read_header(file: BinaryIO) -> tuple[str | None, int]:
    for number, line in enumerate(file, 1):
        text = line.decode("utf-8", "replace").lstrip(_BOM).rstrip("\r\n")
        if text.strip():
            return text, number
    return None, 0


def _make_unique(names: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        yield f"{name}#{number}" if name in seen else name
        seen.add(name)


class _Counted(io.RawIOBase):
    """A file that tells how much of it has been read."""

    def __init__(self, file: BinaryIO, on_bytes: Callable[[int], None] | None) -> None:
        self._file = file
        self._on_bytes = on_bytes
        self._count = 0
        self._ahead = b""

    def has_more(self) -> bool:
        """Whether anything but line ends is left; arrow refuses input without a row."""
        while not self._ahead.strip(b"\r\n"):
            self._ahead = self._file.read(1 << 16)
            if not self._ahead:
                return False
        return True

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._ahead:
            end = len(self._ahead) if size < 0 else size
            data, self._ahead = self._ahead[:end], self._ahead[end:]
        else:
            data = self._file.read(size)
        self._count += len(data)
        if self._on_bytes is not None:
            self._on_bytes(self._count)
        return data


def decode_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bytes as UTF-8 text; bytes that are no UTF-8 become U+FFFD."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        values = [
            None if value is None else value.decode("utf-8", "replace")
            for value in column.to_pylist()
        ]
        return pa.chunked_array([pa.array(values, pa.string())])


def unescape(column: pa.ChunkedArray) -> pa.ChunkedArray:
    r"""Replace `\t`, `\n`, `\r` and `\\` by what they stand for; other backslashes stay."""
    if not pc.any(pc.match_substring(column, "\\")).as_py():
        return column
    # Between two backslash pairs every backslash that is left begins an escape of its own.
    chunks = []
    for chunk in column.chunks:
        parts = pc.split_pattern(chunk, "\\\\")
        values = parts.flatten()
        for escape, character in (("\\t", "\t"), ("\\n", "\n"), ("\\r", "\r")):
            values = pc.replace_substring(values, escape, character)
        lists = pa.ListArray.from_arrays(_offsets(parts), values)
        joined = pc.binary_join(lists, "\\")
        chunks.append(pc.if_else(chunk.is_null(), pa.scalar(None, pa.string()), joined))
    return pa.chunked_array(chunks, pa.string())


def _offsets(parts: pa.ListArray) -> pa.Array:
    # Null entries have no parts; `flatten` has dropped whatever lay beneath them.
    lengths = pc.fill_null(pc.list_value_length(parts), 0)
    ends = pc.cumulative_sum(lengths)
    return pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
