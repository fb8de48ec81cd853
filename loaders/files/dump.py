"""MySQL dumps: the rows of `INSERT INTO` statements."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from loaders.files.open_bytes import open_bytes
from loaders.files.tsv import Lines

_CREATE = re.compile(r"\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?`?(\w+)`?\s*\(", re.I)
_COLUMN = re.compile(r"[(,]\s*`(\w+)`\s+[a-zA-Z]")
_INSERT = re.compile(
    r"\s*(?:INSERT|REPLACE)\s+(?:IGNORE\s+)?INTO\s+`?(\w+)`?\s*(?:\(([^)]*)\))?\s*VALUES\s*", re.I
)
_TOKEN = re.compile(
    r"\s*(?:(?P<mark>[(),;])|(?P<string>_?(?:binary|utf8(?:mb4)?)?\s*'(?:[^'\\]|\\.|'')*')"
    r"|(?P<word>[^\s(),;']+))",
    re.S,
)
_ESCAPE = re.compile(r"\\(.)|''", re.S)
_ESCAPED = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_BATCH_ROWS = 50_000
MAX_STATEMENT_CHARS = 256 * 2**20


class DumpTable:
    """The rows of one table of a dump."""

    def __init__(self, name: str, columns: Sequence[str] | None) -> None:
        self.name = name
        self.columns = tuple(columns or ())
        self.misfit_count = 0
        self._rows: list[tuple[int, dict[str, str | None]]] = []
        self._misfits: list[tuple[int, str]] = []

    def add(self, line: int, names: Sequence[str], values: Sequence[str | None]) -> None:
        """Keep a row, or count it as a misfit if it has too few or too many values."""
        if not names:
            self._reject(line, "the dump does not name the columns of this table")
        elif len(names) != len(values):
            self._reject(line, f"{len(values)} values where the table has {len(names)} columns")
        else:
            self._rows.append((line, dict(zip(names, values, strict=True))))

    def _reject(self, line: int, reason: str) -> None:
        self.misfit_count += 1
        self._misfits.append((line, reason))

    def batches(
        self,
        wanted: Sequence[str],
        keep_raw: Collection[str] = (),
        on_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[pa.Table]:
        """Give the rows as `TsvTable.batches` does; the text is final, raw or not."""
        del on_bytes
        for first in range(0, len(self._rows), _BATCH_ROWS):
            rows = self._rows[first : first + _BATCH_ROWS]
            columns: dict[str, pa.Array] = {
                "row": pa.array(range(first, first + len(rows)), pa.int64())
            }
            for name in wanted:
                columns[name] = pa.array([row.get(name) for _, row in rows], pa.string())
                if name in keep_raw:
                    columns[f"{name}_raw"] = columns[name]
            yield pa.table(columns)

    def find_lines(self, rows: Collection[int]) -> Lines:
        """Lines of the statements that hold these rows, and of those with misfits."""
        return Lines({row: self._rows[row][0] for row in rows}, tuple(self._misfits))


def read_dump(path: Path, wanted: Collection[str]) -> dict[str, DumpTable]:
    """Read the rows of some tables from a MySQL dump.

    Columns are those of the statement, else those of `CREATE TABLE` above it.

    Args:
        path: the dump, plain or gzip.
        wanted: names of the tables to keep.

    Returns:
        Tables by name, for those of `wanted` that the dump creates or fills.

    Raises:
        OSError: the file cannot be read.
    """
    tables: dict[str, DumpTable] = {}
    for line, statement in _statements(path):
        create = _CREATE.match(statement)
        if create is not None and create[1] in wanted:
            tables[create[1]] = DumpTable(create[1], _COLUMN.findall(statement[create.end() - 1 :]))
        insert = _INSERT.match(statement)
        if insert is None or insert[1] not in wanted:
            continue
        named = [name.strip(" `\n\t") for name in insert[2].split(",")] if insert[2] else []
        table = tables.setdefault(insert[1], DumpTable(insert[1], named))
        for values in _tuples(statement, insert.end()):
            table.add(line, named or table.columns, values)
    return tables


def _statements(path: Path) -> Iterator[tuple[int, str]]:
    buffer: list[str] = []
    start = size = 0
    with open_bytes(path) as file:
        for number, raw in enumerate(file, 1):
            text = raw.decode("utf-8", "replace")
            if not buffer and (not text.strip() or text.lstrip().startswith(("--", "/*", "#"))):
                continue
            if not buffer:
                start, size = number, 0
            buffer.append(text)
            size += len(text)
            if text.rstrip().endswith(";"):
                statement = "".join(buffer)
                # A `;` at a line's end may stand inside a text; then the statement goes on.
                if _is_complete(statement) or size > MAX_STATEMENT_CHARS:
                    yield start, statement
                    buffer = []
    if buffer:
        yield start, "".join(buffer)


def _is_complete(statement: str) -> bool:
    if not _INSERT.match(statement):
        return True
    bare = re.sub(r"\\.", "", statement, flags=re.S)
    return bare.count("'") % 2 == 0


def _tuples(statement: str, start: int) -> Iterator[list[str | None]]:
    values: list[str | None] | None = None
    for match in _TOKEN.finditer(statement, start):
        mark = match["mark"]
        if mark == "(":
            values = []
        elif mark == ")" and values is not None:
            yield values
            values = None
        elif mark is None and values is not None:
            values.append(_read_value(match["string"], match["word"]))


def _read_value(string: str | None, word: str | None) -> str | None:
    if string is not None:
        return _ESCAPE.sub(_replace_escape, string[string.index("'") + 1 : -1])
    return None if word is None or word.upper() == "NULL" else word


def _replace_escape(match: re.Match[str]) -> str:
    character = match[1]
    return "'" if character is None else _ESCAPED.get(character, character)
