"""A file of 100,000 students takes the memory of a few thousand."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from aggregates.store import Store
from api.access.policy import Access
from api.context import CourseSource
from api.documents.limits import Limits
from api.exports.export import Export
from api.exports.question import Form, read_export_question
from api.schema.assembled import assemble
from tests.data.large_course import STUDENTS, large_store
from tests.data.stored_course import COURSE_KEY

MOST_BYTES = 60_000_000
"""A batch as records, columns and text, a row group of Parquet, and what allocators keep."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux' /proc"),
]


@pytest.fixture(scope="module")
async def store(postgres_url: str) -> AsyncIterator[Store]:
    async with large_store(postgres_url) as store:
        yield store


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Export]:
    """The whole roster, by what has no index."""
    parameters = [
        ("indicators", "all"),
        ("orderBy", '{"indicator": "TOY_TIME", "direction": "DESC"}'),
    ]
    question = read_export_question(COURSE_KEY, "roster", parameters, Limits(), user_id=None)
    async with store.snapshot(patience_seconds=60) as snapshot:
        record = await snapshot.reader.course(COURSE_KEY)
        assert record is not None
        source = CourseSource(record, Access(is_team=True))
        yield await Export.open(assemble(store.registry), snapshot, source, question, k_min=10)


def peak() -> int:
    """Most bytes that this process ever had in memory since `forget_peak`."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024


def forget_peak() -> int:
    """Begin to measure anew; gives what the process has now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()


@pytest.mark.parametrize("form", [Form.CSV, Form.JSON_LINES, Form.PARQUET])
async def test_large_course_is_never_in_memory_as_a_whole(store: Store, form: Form) -> None:
    async with opened(store) as made:
        assert made.rows == STUDENTS
        before, size = forget_peak(), 0
        async with aclosing(made.pieces(form)) as pieces:
            async for piece, _ in pieces:
                size += len(piece)
        assert form is Form.PARQUET or size > 100 * STUDENTS
        assert peak() - before < MOST_BYTES


async def test_measure_tells_when_it_is(store: Store) -> None:
    async with opened(store) as made:
        before = forget_peak()
        statement = made.table.statement
        assert statement is not None
        rows = await made.snapshot.fetch(statement.sql, *statement.args)
        held = [tuple(row) for row in rows]
        assert len(held) == STUDENTS
        assert peak() - before > 1.3 * MOST_BYTES
