"""An export under way: counted, priced, and then given piece by piece from one snapshot."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from aggregates.snapshots import Snapshot
from api.context import CourseSource
from api.documents.cost import COUNT, SORT, STATEMENT
from api.exports.columns import as_json
from api.exports.forms import make_encoder
from api.exports.question import ExportQuestion, Form
from api.exports.tables import ExportTable, open_table
from api.schema.assembled import Assembled
from api.types.scalars import write_instant

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
OPENING_POINTS = 3 * STATEMENT + COUNT
"""What it costs to look up a table and count its rows."""
CELLS_PER_POINT = 8
"""A cell takes 0.5 µs, a value of an answer 4."""
COST_FACTOR = 20
"""How much more than a question a file may cost: each is of one kind, and given piece by piece."""
BATCH_CELLS = 20_000
"""Some milliseconds, and a megabyte or two."""


@dataclass(frozen=True, slots=True)
class Export:
    """A table with as many rows as there are at the snapshot's moment."""

    snapshot: Snapshot
    source: CourseSource
    question: ExportQuestion
    table: ExportTable
    rows: int

    @classmethod
    async def open(
        cls,
        assembled: Assembled,
        snapshot: Snapshot,
        source: CourseSource,
        question: ExportQuestion,
        *,
        k_min: int,
    ) -> Export:
        """Find the table and count its rows.

        Raises:
            AccessError, QueryError, IndicatorFailed: as `open_table`.
            StoreError: the database does not answer in time.
        """
        table = await open_table(assembled, snapshot, source, question, k_min=k_min)
        rows = len(table.rows)
        if table.statement is not None:
            rows = await snapshot.count(table.statement)
        return cls(snapshot, source, question, table, rows)

    @property
    def points(self) -> int:
        """What the rows cost, in the points of questions, beside `OPENING_POINTS`."""
        searched = SORT if self.table.is_searched else 0
        return searched + self.rows * len(self.table.columns) // CELLS_PER_POINT

    def meta(self) -> dict[str, Any]:
        """What the file is: which run, which columns, and how each indicator was made."""
        course, question = self.source.record, self.question
        return {
            "course_key": course.course_key,
            "table": question.table,
            "parameters": question.as_json(),
            "run": course.run_id,
            "computed_at": write_instant(course.computed_at),
            "rows": self.rows,
            "columns": [as_json(column) for column in self.table.columns],
            "indicators": [dict(meta) for meta in self.table.metas],
        }

    async def pieces(
        self, form: Form, *, batch_cells: int = BATCH_CELLS
    ) -> AsyncGenerator[tuple[bytes, int]]:
        """The file piece by piece, and the rows so far.

        Args:
            form: of the file.
            batch_cells: cells that are read and encoded at a time; no more are in memory, but for
                Parquet, whose row groups are written when they are full.

        Raises:
            StoreError: the database does not answer in time.
        """
        encoder = make_encoder(form, self.table.columns, self.meta())
        yield encoder.begin(), 0
        done = 0
        async with aclosing(self.batches(batch_cells)) as batches:
            async for batch in batches:
                # In a thread: others' questions are answered meanwhile.
                piece = await asyncio.to_thread(encoder.rows, batch)
                done += len(batch)
                yield piece, done
        yield await asyncio.to_thread(encoder.end), done

    async def batches(self, cells: int) -> AsyncGenerator[Sequence[Any]]:
        """The rows, at most so many cells at a time."""
        size = max(1, cells // len(self.table.columns))
        if self.table.statement is None:
            for start in range(0, len(self.table.rows), size):
                yield self.table.rows[start : start + size]
            return
        async with aclosing(self.snapshot.batches(self.table.statement, size)) as batches:
            async for batch in batches:
                yield batch


def file_name(question: ExportQuestion, form: Form) -> str:
    """A name for the file that every file system takes."""
    asked = question.as_json()
    own = "own" if asked.get("own") else None
    parts = [question.course_key, question.table, asked.get("level"), asked.get("part"), own]
    return f"{_UNSAFE.sub('_', '-'.join(filter(None, parts)))[:150]}.{form}"
