"""Names, kinds and units of the columns of every table: readers rely on them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aggregates.store import Store
from api.access.policy import Access
from api.context import CourseSource
from api.exports.columns import ExportColumn
from api.exports.export import Export
from api.exports.parts import offered_parts
from api.exports.question import ROSTER, ExportQuestion
from api.schema.assembled import assemble
from courselens.domain import Level
from indicators.registry import load_registry
from tests.data.stored_course import (
    COURSE_KEY,
    build_course,
)

CONTRACT = Path(__file__).with_name("columns.txt")
"""A line a table. A column that is renamed or gone, or has another kind or unit, breaks whoever
reads it; a new one only adds to its line."""


@pytest.fixture(scope="module")
async def store(postgres_url: str) -> AsyncIterator[Store]:
    store = await Store.connect(postgres_url, registry=load_registry())
    await store.migrate()
    await store.write(build_course([], []), input_digest="1", cursors={})
    yield store
    await store.close()


def written(column: ExportColumn) -> str:
    kind = f"{column.kind}[]" if column.is_list else column.kind.value
    return f"{column.name}:{kind}" + (f":{column.unit}" if column.unit else "")


@pytest.mark.slow
async def test_columns_are_as_they_were(store: Store) -> None:
    assembled = assemble(store.registry)
    questions = [ExportQuestion(COURSE_KEY, ROSTER, Level.STUDENT, indicators=("all",))]
    for key, values in assembled.catalog.values.items():
        if assembled.catalog.registry.indicator(key).provider != "courselens":
            continue
        for level in Level:
            value = values.student if level is Level.STUDENT else values.group
            if value is None or (
                level is not Level.STUDENT and level not in value.indicator.levels
            ):
                continue
            parts = offered_parts(value, level)
            questions += [ExportQuestion(COURSE_KEY, key, level, part) for part in parts]
    lines = []
    async with store.snapshot(patience_seconds=60) as snapshot:
        record = await snapshot.reader.course(COURSE_KEY)
        assert record is not None
        source = CourseSource(record, Access(is_team=True, uses_profiles=True))
        for question in questions:
            made = await Export.open(assembled, snapshot, source, question, k_min=10)
            names = [column.name for column in made.table.columns]
            assert len(set(names)) == len(names)
            assert names[0] == "course_key"
            assert [column["name"] for column in made.meta()["columns"]] == names
            head = [question.table, question.level.value, question.part or ""]
            lines.append(" ".join([*head, *map(written, made.table.columns)]))
    assert "\n".join(lines) + "\n" == CONTRACT.read_text(encoding="utf-8")
