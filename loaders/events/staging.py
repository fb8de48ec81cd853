"""The run's scratch: the row of every new line, and the account of where each line went."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from string import Template

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from loaders.events.engine import sql_list, sql_text
from loaders.events.manifest import Cursor
from loaders.events.parse import MACROS, parse_sql
from loaders.events.repair import PARTS, Rejects, repair
from loaders.events.sayings import load_sayings
from loaders.events.source import Text, pad_blank_lines
from loaders.events.structure import Structure, load_structure
from loaders.events.types import ACTIVITIES, FAMILIES

_EXACT_FROM = 100_000
"""Broken lines in one file from which the exact pass reads all of it, to hold no list of them."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one text inside a staged file, between two of its blank lines.

    The row `row_start` is the line after `first_line`, unless rows carry their `place`.
    """

    staged: int
    text_index: int
    file: str
    ordinal: int
    first_line: int
    row_start: int
    row_end: int


@dataclass(slots=True)
class Staging:
    """Collects the rows of texts; `parse` may be called from several threads.

    Attributes:
        engine: for what concerns all rows.
        cursors: by log file, where the lake stands once this run is committed.
        lines: by log file, lines read.
        unfinished: log files whose last line is left for the next run.
    """

    engine: DuckDBPyConnection
    folder: Path
    cursors: dict[str, Cursor] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)
    _parts: list[_Part] = field(default_factory=list)
    _rejects: list[tuple[str, int, Rejects]] = field(default_factory=list)
    _mended: list[tuple[Path, Text]] = field(default_factory=list)
    _staged: list[int] = field(default_factory=list)
    _numbers: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def parse(self, reader: DuckDBPyConnection, texts: Sequence[Text]) -> None:
        """Stage the rows of some texts with one statement; broken lines one by one.

        Args:
            reader: of this thread alone, after `prepare_reader`.
            texts: new lines.
        """
        try:
            staged = self._stage(reader, [text.path for text in texts])
        except duckdb.Error:
            # One bad file must not cost its neighbours; alone, it is read line by line.
            for text in texts:
                if len(texts) > 1:
                    self.parse(reader, [text])
                else:
                    self._parse_exactly(text, None)
            return
        found = {
            index: (rows, row_start, row_end + 1, broken)
            for index, rows, row_start, row_end, broken in reader.execute(f"""
                SELECT text_index, count(*), min(file_row_number), max(file_row_number),
                       count(*) FILTER (is_broken)
                FROM {self._scan(staged)} GROUP BY text_index""").fetchall()
        }
        for index, text in enumerate(texts):
            rows, row_start, row_end, broken = found.get(index, (0, 0, 0, 0))
            # the reader skips blank lines without a row
            blanks = text.index.blanks if rows < text.lines else []
            in_order = row_end - row_start == rows
            if rows + len(blanks) != text.lines or not in_order or _has_changed(text):
                self._parse_padded(reader, text)
            elif broken > _EXACT_FROM:
                self._parse_exactly(text, None)
            else:
                parts = _parts(staged, index, text, row_start, rows, blanks)
                wanted = self._broken_lines(reader, text, parts) if broken else set()
                with self._lock:
                    self._parts.extend(parts)
                self._parse_exactly(text, wanted | set(blanks))

    def close(self) -> None:
        """Make the views `given` and `lines`, and what they look up; after the last `parse`.

        given: valid rows, with `event_id` and known users. lines: all rows but broken ones, with
        their log file and line, and what type names and addresses say.
        """
        if self._mended:
            staged = self._stage(self.engine, [path for path, _ in self._mended])
            for index, (_, text) in enumerate(self._mended):
                self._parts.extend(_parts(staged, index, text, 0, 1 << 40, []))
        self.engine.register(
            "parts_arrow",
            pa.Table.from_pylist([asdict(part) for part in self._parts], schema=_PARTS),
        )
        self.engine.execute("CREATE TABLE parts AS FROM parts_arrow")
        self.engine.unregister("parts_arrow")
        if not self._staged:
            nothing = self._scratch("nothing")
            nothing.touch()
            self._stage(self.engine, [nothing])
        load_sayings(self.engine, self._scan(*self._staged))
        self.engine.execute(_LINES.substitute(rows=self._scan(*self._staged), parts=PARTS))
        self.engine.execute(f"""
            CREATE VIEW given AS
            SELECT *, ordinal * {1 << 40} + line * {PARTS} + part AS event_id
            FROM lines WHERE reason IS NULL""")

    def write_rejects(self, path: Path) -> int:
        """Write file, line and reason of every line that gave no event; returns how many."""
        tables = [
            pa.table(
                {
                    "file": pa.array([file] * len(numbers), pa.string()),
                    "line": pa.array([first_line + number for number in numbers], pa.int64()),
                    "reason": pa.array([reason] * len(numbers), pa.string()),
                }
            )
            for file, first_line, rejects in self._rejects
            for reason, numbers in rejects.items()
        ]
        tables.append(_REJECTS.empty_table())
        self.engine.register("rejects_arrow", pa.concat_tables(tables))
        # A line of several records is a reject only when none of them is an event.
        self.engine.execute(f"""
            COPY (
                WITH row AS (
                    SELECT file, line, reason, part, place FROM lines
                    WHERE place IS NOT NULL OR reason IS NOT NULL
                )
                SELECT file, line, reason FROM row WHERE place IS NULL
                UNION ALL
                SELECT file, line, arg_min(reason, part) FROM row WHERE place IS NOT NULL
                GROUP BY file, line HAVING count(*) = count(reason)
                UNION ALL FROM rejects_arrow
                ORDER BY file, line
            ) TO {sql_text(str(path))} (FORMAT parquet, COMPRESSION zstd)""")
        self.engine.unregister("rejects_arrow")
        return _scalar(self.engine, f"SELECT count(*) FROM read_parquet({sql_text(str(path))})")

    def _parse_padded(self, engine: DuckDBPyConnection, text: Text) -> None:
        padded = pad_blank_lines(text, self._scratch("padded"))
        try:
            staged = self._stage(engine, [padded.path])
            rows = _scalar(engine, f"SELECT count(*) FROM {self._scan(staged)}")
        except duckdb.Error:
            rows = -1
        if rows != text.lines:
            self._parse_exactly(padded, None)
            return
        parts = _parts(staged, 0, padded, 0, rows, [])
        wanted = self._broken_lines(engine, padded, parts)
        with self._lock:
            self._parts.extend(parts)
        self._parse_exactly(padded, wanted)

    def _parse_exactly(self, text: Text, wanted: set[int] | None) -> None:
        """Mend the `wanted` lines (null: all) and close the account of the text."""
        rejects: Rejects = {}
        mended = self._scratch("mended")
        if wanted is None or wanted:
            rejects = repair(text.index.read(text.path, wanted), mended)
        broken = rejects.get("dropped_parse", array("q"))
        cursor = text.cursor
        if text.unfinished is not None and broken and broken[-1] == text.lines:
            broken.pop()
            cursor = text.unfinished
        file = str(text.source)
        with self._lock:
            self.cursors[file] = cursor
            self.lines[file] = text.lines
            if cursor.unfinished:
                self.unfinished.add(file)
            self._rejects.append((file, text.first_line, rejects))
            if mended.exists():
                self._mended.append((mended, text))
        if text.path != text.source:
            text.path.unlink(missing_ok=True)

    def _stage(self, engine: DuckDBPyConnection, texts: Sequence[Path]) -> int:
        """Write the rows of the texts, in the order of their lines, to a file of that number."""
        with self._lock:
            self._numbers += 1
            staged = self._numbers
        engine.execute(f"""
            COPY ({parse_sql(texts, staged=staged)})
            TO {sql_text(str(self._file(staged)))} (FORMAT parquet, COMPRESSION zstd)""")
        with self._lock:
            self._staged.append(staged)
        return staged

    def _file(self, staged: int) -> Path:
        return self.folder / f"staged-{staged}.parquet"

    def _scan(self, *staged: int) -> str:
        files = sql_list(self._file(number) for number in staged)
        return f"read_parquet({files}, file_row_number = true)"

    def _broken_lines(
        self, engine: DuckDBPyConnection, text: Text, parts: Sequence[_Part]
    ) -> set[int]:
        """Numbers, in their text, of the lines that the bulk reader could not read."""
        first = parts[0]
        rows = engine.execute(f"""
            SELECT file_row_number
            FROM {self._scan(first.staged)}
            WHERE text_index = {first.text_index} AND is_broken
            ORDER BY ALL""").fetchall()
        starts = [part.row_start for part in parts]
        lines = set()
        for (row,) in rows:
            part = parts[bisect_right(starts, row) - 1]
            lines.add(part.first_line - text.first_line + row - part.row_start + 1)
        return lines

    def _scratch(self, kind: str) -> Path:
        with self._lock:
            self._numbers += 1
            return self.folder / f"{kind}-{self._numbers}.ndjson"


def prepare_parser(
    engine: DuckDBPyConnection, structure: Structure, retired: Collection[int]
) -> None:
    """Load what the parser looks up, and whose events it leaves out."""
    prepare_reader(engine)
    load_structure(engine, structure)
    engine.register("retired_arrow", pa.table({"user_id": pa.array(retired, pa.int64())}))
    engine.execute("CREATE TABLE retired_users AS FROM retired_arrow")
    engine.unregister("retired_arrow")
    engine.execute(f"CREATE TYPE FAMILY AS ENUM {FAMILIES}")
    engine.execute(f"CREATE TYPE ACTIVITY AS ENUM {ACTIVITIES}")


def prepare_reader(reader: DuckDBPyConnection) -> None:
    """Load what the statements of the first pass need."""
    for macro in MACROS:
        reader.execute(macro)


# The course of an event is looked for in the order of catalogue 1.3.
_LINES = Template("""
CREATE VIEW lines AS
WITH said AS (
    SELECT
        r.* EXCLUDE (course_key, spot, user_id),
        coalesce(r.course_key, page.course_key, t.course_key, r.key_course, referer.course_key)
            AS course_key,
        r.course_key IS NULL AS course_from_url,
        coalesce(r.spot, CASE WHEN t.is_request THEN t.spot ELSE page.spot END) AS spot,
        coalesce(u.user_id, r.user_id) AS user_id,
        t.event_no, t.event_type, t.family,
        -- implicit requests count; the actor must be the learner
        NOT (r.source = 'task' OR r.is_foreign OR t.is_passive) AS is_activity,
        p.file, p.ordinal,
        p.first_line + coalesce(r.place // $parts, r.file_row_number - p.row_start + 1) AS line,
        coalesce(r.place % $parts, 0) AS part
    FROM $rows r
    JOIN parts p ON p.staged = r.staged AND p.text_index = r.text_index
     AND r.file_row_number >= p.row_start AND r.file_row_number < p.row_end
    LEFT JOIN types t ON t.type_name = r.type_name
    LEFT JOIN addresses page ON page.address = r.page
    LEFT JOIN addresses referer ON referer.address = r.referer
    LEFT JOIN user_names u ON u.username = r.learner_name
    WHERE NOT r.is_broken
)
SELECT s.*, CASE
    WHEN s.type_name IS NULL THEN 'dropped_no_type'
    WHEN s.course_key IS NULL THEN 'dropped_no_course'
    WHEN s.user_id IS NULL THEN 'dropped_no_user'
    WHEN s.user_id IN (SELECT user_id FROM retired_users) THEN 'dropped_retired'
    WHEN s.source = 'task' AND s.event_type <> 'problem_rescore' THEN 'dropped_task'
    WHEN s.ts_us IS NULL OR s.ts_us < c.created_us THEN 'dropped_time' END AS reason
FROM said s LEFT JOIN course_starts c ON c.course_key = s.course_key
""")

_PARTS = pa.schema(
    [
        ("staged", pa.int32()),
        ("text_index", pa.int32()),
        ("file", pa.string()),
        ("ordinal", pa.int64()),
        ("first_line", pa.int64()),
        ("row_start", pa.int64()),
        ("row_end", pa.int64()),
    ]
)
_REJECTS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string())])


def _parts(
    staged: int, index: int, text: Text, row_start: int, rows: int, blanks: Sequence[int]
) -> list[_Part]:
    """The rows of a text in runs without a blank line; `blanks` are lines of the text."""
    parts = []
    file, ordinal, row, line = str(text.source), text.cursor.ordinal, row_start, 0
    for blank in [*blanks, line + rows + len(blanks) + 1]:
        count = blank - line - 1
        if count:
            first_line = text.first_line + line
            parts.append(_Part(staged, index, file, ordinal, first_line, row, row + count))
        row, line = row + count, blank
    return parts


def _has_changed(text: Text) -> bool:
    return text.path == text.source and text.source.stat().st_size != text.cursor.size


def _scalar(engine: DuckDBPyConnection, query: str) -> int:
    row = engine.execute(query).fetchone()
    return int(row[0]) if row else 0
