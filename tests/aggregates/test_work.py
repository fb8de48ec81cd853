"""When a refresh ended that left a course's numbers as they are."""

from __future__ import annotations

import pytest

from aggregates.store import Store
from aggregates.work import Ask, Kind, Priority
from tests.aggregates.test_roles import OTHER_KEY, refresh
from tests.data.stored_course import COURSE_KEY
from workers.ledger import Ledger
from workers.work import Claim


@pytest.fixture
async def ledger(store: Store) -> Ledger:
    await store.database.fetch("TRUNCATE work, courses, runs")
    return Ledger(store.database, lease_seconds=60)


async def claimed(ledger: Ledger, kind: Kind = Kind.REFRESH_COURSE) -> Claim:
    await ledger.ask(Ask(kind, COURSE_KEY, Priority.PERSON), asked_by="test")
    claim = await ledger.claim("worker")
    assert claim is not None
    return claim


async def test_nothing_ended_yet(store: Store, ledger: Ledger) -> None:
    assert await store.work.unchanged_at(COURSE_KEY) == 0
    await refresh(store, "one")
    assert await store.work.unchanged_at(COURSE_KEY) == 0
    await claimed(ledger)
    assert await store.work.unchanged_at(COURSE_KEY) == 0


async def test_each_refresh_that_found_nothing_new_is_later(store: Store, ledger: Ledger) -> None:
    await refresh(store, "one")
    await refresh(store, "one", key=OTHER_KEY)
    found = [0]
    for _ in range(3):
        claim = await claimed(ledger)
        assert not await refresh(store, "one")
        await ledger.finish(claim)
        found.append(await store.work.unchanged_at(COURSE_KEY))
    assert found == sorted(set(found))
    assert found[1] > claim.now_us - 60_000_000
    assert await store.work.unchanged_at(OTHER_KEY) == 0


async def test_new_numbers_are_no_end_of_that_kind(store: Store, ledger: Ledger) -> None:
    await refresh(store, "one")
    await ledger.finish(await claimed(ledger))
    assert await store.work.unchanged_at(COURSE_KEY)
    claim = await claimed(ledger)
    await refresh(store, "two")
    await ledger.finish(claim)
    assert await store.work.unchanged_at(COURSE_KEY) == 0


async def test_failure_leaves_the_numbers_too(store: Store, ledger: Ledger) -> None:
    await refresh(store, "one")
    claim = await claimed(ledger)
    await ledger.fail(claim, code="STORE_UNAVAILABLE", error="x", retryable=True)
    assert await store.work.unchanged_at(COURSE_KEY) == 0
    await store.database.fetch("UPDATE work SET due_at = clock_timestamp()")
    claim = await claimed(ledger)
    await ledger.fail(claim, code="UNKNOWN_COURSE", error="x", retryable=False)
    assert await store.work.unchanged_at(COURSE_KEY)


async def test_other_work_under_the_same_name_does_not_count(store: Store, ledger: Ledger) -> None:
    await refresh(store, "one")
    await ledger.finish(await claimed(ledger, Kind.SYNC_TABLES))
    assert await store.work.unchanged_at(COURSE_KEY) == 0
