"""What tasks do, and that one whose claim was lost changes nothing, wherever it commits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from aggregates.store import Store
from aggregates.work import Ask, Kind, Priority
from courselens.errors import (
    BadParameter,
    LakeError,
    LeaseLost,
    SourceNotFound,
    SourceUnavailable,
    StoreError,
    UnknownCourse,
)
from courselens.settings import Settings
from loaders.events.lake import Lake
from tests.soak.rig import registry
from workers.child import Report
from workers.ledger import Ledger
from workers.snapshot import Snapshot
from workers.tasks.ingest_logs import ingest_logs
from workers.tasks.refresh_course import refresh
from workers.tasks.run import describe
from workers.tasks.sync_tables import sync_tables
from workers.tasks.task import Task

TaskFor = Callable[..., Awaitable[Task]]


@pytest.fixture
async def rig_store(postgres_url: str) -> AsyncIterator[Store]:
    store = await Store.connect(postgres_url, registry=registry(), pool_size=4)
    try:
        await store.migrate()
        await store.database.fetch("TRUNCATE work")
        yield store
    finally:
        await store.close()


@pytest.fixture
def task_for(rig_store: Store, source, tmp_path: Path) -> TaskFor:
    folder, _ = source
    ledger = Ledger(rig_store.database, lease_seconds=5)
    settings = Settings(
        home=tmp_path, source_paths=(folder,), memory_limit="500MB", threads=1, broker_url=None
    )

    async def make(kind: Kind, subject: str = "", *, is_lost: bool = False) -> Task:
        await ledger.ask(Ask(kind, subject, Priority.NIGHT), asked_by="test")
        claim = await ledger.claim("test")
        assert claim is not None
        if is_lost:
            claim = replace(claim, fencing=claim.fencing - 1)
        return Task(claim, settings, registry(), rig_store, ledger, lambda name, done, total: None)

    return make


async def stored_run(store: Store, course_key: str) -> int | None:
    row = await store.database.fetch_row(
        "SELECT run_id FROM courses WHERE course_key = $1", course_key
    )
    return row["run_id"] if row else None


async def test_tables_then_logs_then_numbers_and_none_of_it_without_the_claim(
    task_for: TaskFor, rig_store: Store, source
):
    course_key = source[1].course_key
    lost = await task_for(Kind.SYNC_TABLES, "files", is_lost=True)
    copy, lake = lost.settings.tables_path / "files", Lake(lost.settings.lake_path)

    with pytest.raises(LeaseLost):
        await sync_tables(lost)
    assert Snapshot(copy).manifest.run == 0
    task = replace(lost, claim=replace(lost.claim, fencing=lost.claim.fencing + 1))
    await sync_tables(task)
    assert course_key in Snapshot(copy).course_keys

    lost = await task_for(Kind.INGEST_LOGS, is_lost=True)
    with pytest.raises(LeaseLost):
        await ingest_logs(lost)
    assert lake.course_keys() == []
    await ingest_logs(replace(lost, claim=replace(lost.claim, fencing=lost.claim.fencing + 1)))
    assert lake.course_keys() == [course_key]

    lost = await task_for(Kind.REFRESH_COURSE, course_key, is_lost=True)
    with pytest.raises(LeaseLost):
        await refresh(lost)
    assert await stored_run(rig_store, course_key) is None
    task = replace(lost, claim=replace(lost.claim, fencing=lost.claim.fencing + 1))
    await refresh(task)
    first = await stored_run(rig_store, course_key)
    assert first is not None
    await refresh(task)
    assert await stored_run(rig_store, course_key) == first


async def test_a_course_that_nobody_knows_is_a_failure_that_does_not_pass(task_for: TaskFor):
    task = await task_for(Kind.REFRESH_COURSE, "course-v1:No+No+No")
    with pytest.raises(UnknownCourse) as failed:
        await refresh(task)
    assert not describe(failed.value).retryable


async def test_a_source_that_is_not_configured_is_named_with_those_that_are(task_for: TaskFor):
    task = await task_for(Kind.SYNC_TABLES, "platform")
    with pytest.raises(BadParameter, match="allowed is files"):
        await sync_tables(task)


@pytest.mark.parametrize(
    ("error", "report"),
    [
        (
            StoreError("PostgreSQL refused: X\nDETAIL: Key (email)=(ada@example.org) exists"),
            Report(code="STORE_UNAVAILABLE", error="PostgreSQL refused: X", retryable=True),
        ),
        (
            SourceUnavailable("mysql", 2.0),
            Report(
                code="SOURCE_UNAVAILABLE",
                error="mysql did not answer within 2 s; try again later",
                retryable=True,
            ),
        ),
        (
            SourceNotFound(Path("x"), "there is no such file or folder"),
            Report(code="SOURCE_NOT_FOUND", error="x: there is no such file or folder"),
        ),
        (
            LakeError("held"),
            Report(code="LAKE_UNUSABLE", error="held", retryable=True),
        ),
        (
            OSError(28, "No space left on device", "/home/ada"),
            Report(code="IO_ERROR", error="OSError: No space left on device", retryable=True),
        ),
        (
            duckdb.IOException('Could not write file "/home/ada": No space left on device'),
            Report(code="IO_ERROR", error="IOException: No space left on device", retryable=True),
        ),
    ],
)
def test_errors_become_one_line_without_values_of_rows(error, report):
    assert describe(error) == report


def test_an_error_of_a_stranger_tells_where_but_not_what():
    try:
        int("ada@example.org")
    except ValueError as error:
        report = describe(error)
    assert report.code == "INTERNAL"
    assert "ada" not in report.error
    assert report.error.startswith("ValueError in test_an_error_of_a_stranger")
    assert "test_tasks.py" in report.error
