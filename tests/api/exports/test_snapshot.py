"""A file is of one run, whatever is refreshed while it is read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aggregates.store import Store
from api.access.policy import Access
from api.context import CourseSource
from api.documents.limits import Limits
from api.exports.export import Export
from api.exports.question import Form, read_export_question
from api.schema.assembled import assemble
from tests.data.served_courses import BIG, STUDENTS, big_course, served_registry
from tests.data.stored_course import (
    Person,
    build_course,
)

QUESTIONS = {
    "roster": [("indicators", "toy_time")],
    "toy_chapters": [("level", "student")],
    "toy_time": [("level", "student")],
}


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    store = await Store.connect(postgres_url, registry=served_registry())
    await store.migrate()
    await store.write(big_course(), input_digest="1", cursors={})
    yield store
    await store.close()


@asynccontextmanager
async def opened(store: Store, table: str) -> AsyncIterator[Export]:
    question = read_export_question(BIG, table, QUESTIONS[table], Limits(), user_id=None)
    async with store.snapshot(patience_seconds=60) as snapshot:
        record = await snapshot.reader.course(BIG)
        assert record is not None
        source = CourseSource(record, Access(is_team=True))
        yield await Export.open(assemble(store.registry), snapshot, source, question, k_min=10)


@pytest.mark.parametrize("table", QUESTIONS)
@pytest.mark.parametrize("rows_read", [0, 1])
async def test_refresh_changes_nothing_of_a_file_that_has_begun(
    store: Store, table: str, rows_read: int
) -> None:
    async with opened(store, table) as made:
        whole = b"".join([piece async for piece, _ in made.pieces(Form.JSON_LINES)])
    async with opened(store, table) as made:
        pieces = made.pieces(Form.JSON_LINES, batch_cells=1)
        begun = [await anext(pieces) for _ in range(1 + rows_read)]
        other = build_course([Person(1)], [], course_key=BIG)
        report = await store.write(other, input_digest="2", cursors={})
        rest = [piece async for piece in pieces]
        assert b"".join(piece for piece, _ in begun + rest) == whole
        assert [done for _, done in rest[:-1]] == list(range(1 + rows_read, made.rows + 1))
        assert made.meta()["run"] < report.run_id
    async with opened(store, table) as made:
        after = b"".join([piece async for piece, _ in made.pieces(Form.JSON_LINES)])
        assert made.meta()["run"] == report.run_id
    assert {json.loads(line)["user_id"] for line in after.splitlines()} <= {1}
    assert {json.loads(line)["user_id"] for line in whole.splitlines()} == set(STUDENTS)
