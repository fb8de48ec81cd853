"""All that a student may see of oneself in a course, as one JSON document."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson

from aggregates.snapshots import Snapshot
from api.access.policy import Access, Grant, decide
from api.context import Catalog, CourseSource
from api.exports.columns import COURSE_KEY
from api.exports.export import BATCH_CELLS, Export
from api.exports.forms import make_encoder
from api.exports.parts import STANDING_PART, offered_parts
from api.exports.question import ROSTER, ExportQuestion, Form
from api.exports.tables import ExportTable
from api.schema.assembled import Assembled
from api.types.meta import meta_row
from courselens.domain import Level
from courselens.errors import IndicatorFailed

_OF_ALL = ("course_key", "run", "computed_at")
"""What `meta` of every table says alike."""


@dataclass(frozen=True, slots=True)
class OwnExport:
    """Tables of one student, with their rows: `Export` of each, one after the other."""

    source: CourseSource
    question: ExportQuestion
    tables: Sequence[Export]

    @classmethod
    async def open(
        cls,
        assembled: Assembled,
        snapshot: Snapshot,
        source: CourseSource,
        question: ExportQuestion,
        *,
        k_min: int,
    ) -> OwnExport:
        """Find the tables and count their rows.

        A table of an indicator that failed has no rows; its `meta` says so.

        Raises:
            AccessError: the viewer may not see own rows.
            StoreError: the database does not answer in time.
        """
        tables: list[Export] = []
        for one in own_questions(assembled.catalog, source.access, question):
            try:
                opened = await Export.open(assembled, snapshot, source, one, k_min=k_min)
            except IndicatorFailed:
                envelopes = await snapshot.reader.envelopes(source.record, [one.table])
                indicator = assembled.catalog.registry.indicator(one.table)
                failed = meta_row(indicator, envelopes.get(one.table))
                table = ExportTable((COURSE_KEY,), (failed,))
                opened = Export(snapshot, source, one, table, 0)
            tables.append(opened)
        return cls(source, question, tables)

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def points(self) -> int:
        """What the rows cost, beside `OPENING_POINTS` for each table."""
        return sum(table.points for table in self.tables)

    async def pieces(self, form: Form) -> AsyncGenerator[tuple[bytes, int]]:
        """The document piece by piece, and the rows so far.

        Raises:
            StoreError: the database does not answer in time.
        """
        assert form is Form.JSON  # noqa: S101 - see `check_form`
        about = self.tables[0].meta()
        head = {name: about[name] for name in _OF_ALL} | {"user_id": self.question.own}
        yield _open_ended(head, "tables"), 0
        done = 0
        for table in self.tables:
            comma = b"" if table is self.tables[0] else b","
            yield comma + b"\n" + _open_ended(_described(table), "rows"), done
            lines = make_encoder(Form.JSON_LINES, table.table.columns, {})
            comma = b""
            async with aclosing(table.batches(BATCH_CELLS)) as batches:
                async for batch in batches:
                    done += len(batch)
                    # No line's end is inside a line.
                    yield comma + lines.rows(batch).rstrip().replace(b"\n", b",\n"), done
                    comma = b",\n"
            yield b"]}", done
        yield b"]}\n", done


def own_questions(
    catalog: Catalog, access: Access, question: ExportQuestion
) -> list[ExportQuestion]:
    """The tables in which there may be rows of the student who asks, each as a question."""
    key, own = question.course_key, question.own
    found = [ExportQuestion(key, ROSTER, Level.STUDENT, own=own)]
    for name, values in catalog.values.items():
        value = values.student
        if value is None:
            continue
        privacy = value.indicator.privacy
        if decide(access, Level.STUDENT, privacy, own=True) is not Grant.EXACT:
            continue
        is_placed = decide(access, Level.COURSE, privacy) is not Grant.DENIED
        found += [
            ExportQuestion(key, name, Level.STUDENT, part, own=own)
            for part in offered_parts(value, Level.STUDENT)
            if part != STANDING_PART or is_placed
        ]
    return found


def _described(table: Export) -> dict[str, Any]:
    left = (*_OF_ALL, "rows")
    return {name: fact for name, fact in table.meta().items() if name not in left}


def _open_ended(facts: dict[str, Any], name: str) -> bytes:
    """An object whose last member is a list that is open."""
    return orjson.dumps(facts, option=orjson.OPT_UTC_Z)[:-1] + b',"%s":[' % name.encode()
