"""The ledger: once each, by urgency, proven by a fencing number, set aside when it kills."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aggregates.fields import FieldRef
from aggregates.store import Store
from aggregates.work import Ask, Kind, Priority
from courselens.errors import LeaseLost, UnknownWork
from tests.data.stored_course import (
    COURSE_KEY,
    Person,
    build_course,
    build_result,
)
from tests.data.toy_indicators import toy_registry
from workers.ledger import Ledger
from workers.work import MAX_ATTEMPTS, STUCK_ATTEMPTS, Claim, Step

SECONDS = FieldRef("toy_time", "seconds")
A, B = "course-v1:A+A+A", "course-v1:B+B+B"


def refresh(course_key: str, priority: Priority = Priority.NIGHT, digest: str = "d") -> Ask:
    return Ask(Kind.REFRESH_COURSE, course_key, priority, digest)


async def claimed(ledger: Ledger, worker: str = "w", *, alone: bool = True) -> Claim:
    claim = await ledger.claim(worker, alone=alone)
    assert claim is not None
    return claim


async def rows(store: Store) -> list[dict[str, Any]]:
    return [dict(row) for row in await store.database.fetch("SELECT * FROM work ORDER BY work_id")]


async def end_lease(store: Store) -> None:
    """As if the holder had been silent for an hour."""
    await store.database.fetch(
        "UPDATE work SET lease_until = clock_timestamp() - interval '1 hour'"
        " WHERE state = 'running'"
    )


@pytest.fixture(autouse=True)
async def server_is_old(store: Store) -> None:
    """Leases shorter than the server's age, so that their end counts."""
    age = "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS s"
    row = await store.database.fetch_row(age)
    assert row
    await asyncio.sleep(max(0.0, 0.2 - row["s"]))


async def test_what_is_asked_for_twice_is_done_once(store: Store, ledger: Ledger):
    first = await ledger.ask(refresh(A), asked_by="scheduler")
    again = await ledger.ask(refresh(A, Priority.PERSON), asked_by="command")
    assert first == again
    claim = await claimed(ledger)
    assert await ledger.claim("other") is None
    assert await ledger.finish(claim)
    assert await ledger.claim("w") is None
    assert [(row["state"], row["priority"]) for row in await rows(store)] == [("done", 10)]


async def test_what_is_asked_for_while_it_runs_is_done_once_more_after(ledger: Ledger):
    await ledger.ask(refresh(A), asked_by="scheduler")
    claim = await claimed(ledger)
    later = [await ledger.ask(refresh(A), asked_by="command") for _ in range(3)]
    assert len(set(later)) == 1
    assert await ledger.claim("other") is None
    await ledger.finish(claim)
    assert (await claimed(ledger)).work_id == later[0]


async def test_ten_workers_at_once_take_each_work_once(ledger: Ledger):
    keys = [f"course-v1:A+A+{number}" for number in range(6)]
    for key in keys:
        await ledger.ask(refresh(key), asked_by="scheduler")
    claims = await asyncio.gather(*(ledger.claim(f"w{number}") for number in range(10)))
    taken = [claim for claim in claims if claim is not None]
    assert sorted(claim.subject for claim in taken) == keys
    assert len({claim.fencing for claim in taken}) == 6


async def test_a_person_who_waits_goes_before_the_night_run(ledger: Ledger):
    await ledger.ask(refresh(A), asked_by="scheduler")
    await ledger.ask(Ask(Kind.INGEST_LOGS, "", Priority.SOURCE), asked_by="scheduler")
    await ledger.ask(refresh(B, Priority.PERSON), asked_by="command")
    order = [(await claimed(ledger)).subject for _ in range(3)]
    assert order == [B, "", A]


async def test_a_renewed_lease_is_kept_and_says_how_far_it_is(store: Store, ledger: Ledger):
    await ledger.ask(refresh(A), asked_by="scheduler")
    claim = await claimed(ledger)
    await end_lease(store)
    assert await ledger.renew({claim: Step("computing", 3, 7)}) == set()
    assert await ledger.expire() == 0
    assert await ledger.renew({claim: None}) == set()
    (row,) = await rows(store)
    assert (row["progress"], row["progress_done"], row["progress_total"]) == ("computing", 3, 7)


async def test_a_holder_that_wakes_too_late_is_fenced_off_everywhere(
    store: Store, postgres_url: str
):
    ledger = Ledger(store.database, lease_seconds=0.1)
    await ledger.ask(refresh(A), asked_by="scheduler")
    late = await claimed(ledger, "late")
    await end_lease(store)
    assert await ledger.expire() == 1
    new = await claimed(ledger, "new")
    assert new.work_id == late.work_id
    assert new.fencing > late.fencing
    assert await ledger.renew({late: None}) == {late}
    assert not await ledger.finish(late)
    assert not await ledger.fail(late, code="X", error="x", retryable=True)
    assert not await ledger.die(late, code="X", error="x")
    with pytest.raises(LeaseLost):
        await ledger.check(late)
    await ledger.check(new)


async def test_a_late_refresh_changes_no_row(store: Store):
    ledger = Ledger(store.database, lease_seconds=0.1)
    await ledger.ask(refresh(COURSE_KEY), asked_by="scheduler")
    late = await claimed(ledger, "late")
    await end_lease(store)
    await ledger.expire()
    new = await claimed(ledger, "new")

    def results(seconds: float) -> Any:
        one = toy_registry().indicator("toy_time")
        student = {"values": [{"user_id": 1, "seconds": seconds}]}
        return build_course([Person(1)], [build_result(one, student=student)])

    good = {"input_digest": "new", "cursors": {"lake": "new"}}
    await store.write(results(2.0), guard=ledger.guard(new), input_digest="new", cursors={})
    for seconds in (1.0, 2.0):
        with pytest.raises(LeaseLost):
            await store.write(results(seconds), guard=ledger.guard(late), **good)
    course = await store.reader.course(COURSE_KEY)
    assert course is not None
    found = await store.reader.student_values(course, [1], [SECONDS], standing=False)
    assert found[1][SECONDS.column] == 2.0
    assert await store.cursors(COURSE_KEY) == {}


async def test_work_cannot_be_taken_over_while_its_holder_commits(store: Store):
    ledger = Ledger(store.database, lease_seconds=0.1)
    await ledger.ask(refresh(A), asked_by="scheduler")
    claim = await claimed(ledger)
    await end_lease(store)
    async with store.database.transaction() as connection:
        await ledger.guard(claim)(connection)
        assert await ledger.expire() == 0
    assert await ledger.expire() == 1


async def test_the_third_death_sets_work_aside_with_its_reason_and_no_neighbour(store: Store):
    ledger = Ledger(store.database, lease_seconds=0.1)
    await ledger.ask(refresh(A), asked_by="scheduler")
    for _ in range(3):
        await store.database.fetch("UPDATE work SET due_at = clock_timestamp()")
        claim = await claimed(ledger)
        await ledger.renew({claim: Step("computing", 1, 2)})
        await end_lease(store)
        assert await ledger.expire() == 1
    await ledger.ask(refresh(B), asked_by="scheduler")
    parked, due = await rows(store)
    assert (parked["state"], parked["deaths"], parked["error_code"]) == ("parked", 3, "WORKER_DIED")
    assert "set aside after 3 deaths" in parked["error"]
    assert "computing" in parked["error"]
    assert (due["state"], due["deaths"]) == ("due", 0)
    assert await ledger.ask(refresh(A), asked_by="scheduler") is None
    assert (await claimed(ledger)).subject == B


async def test_what_was_asked_for_meanwhile_is_set_aside_too(store: Store, ledger: Ledger):
    await ledger.ask(refresh(A), asked_by="scheduler")
    for _ in range(3):
        await store.database.fetch("UPDATE work SET due_at = clock_timestamp()")
        claim = await claimed(ledger)
        await ledger.ask(refresh(A), asked_by="command")
        assert await ledger.die(claim, code="TASK_DIED", error="gone")
    assert [row["state"] for row in await rows(store)] == ["parked"]


async def test_a_suspect_is_only_given_to_a_worker_that_does_nothing_else(
    store: Store, ledger: Ledger
):
    await ledger.ask(refresh(A), asked_by="scheduler")
    assert not (await claimed(ledger)).is_suspect
    claim = Claim(**{**_as_dict(await _running(store)), "is_suspect": False})
    await ledger.die(claim, code="TASK_DIED", error="gone")
    assert await ledger.claim("w", alone=False) is None
    assert (await claimed(ledger, alone=True)).is_suspect


async def _running(store: Store) -> dict[str, Any]:
    (row,) = [row for row in await rows(store) if row["state"] == "running"]
    return row


def _as_dict(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "work_id": row["work_id"],
        "kind": Kind(row["kind"]),
        "subject": row["subject"],
        "fencing": row["fencing"],
        "attempt": row["attempts"],
        "now_us": 0,
    }


async def test_a_failure_that_may_pass_is_due_again_later_and_another_is_not(
    store: Store, ledger: Ledger
):
    await ledger.ask(refresh(A), asked_by="scheduler")
    await ledger.fail(await claimed(ledger), code="BUSY", error="busy", retryable=True)
    assert await ledger.claim("w") is None
    (row,) = await rows(store)
    assert (row["state"], row["attempts"], row["error_code"]) == ("due", 1, "BUSY")
    # A person does not wait out the back-off.
    await ledger.ask(refresh(A, Priority.PERSON), asked_by="command")
    await ledger.fail(await claimed(ledger), code="BROKEN", error="broken", retryable=False)
    assert [row["state"] for row in await rows(store)] == ["failed"]


async def test_work_given_back_is_as_if_never_begun(store: Store, ledger: Ledger):
    await ledger.ask(refresh(A), asked_by="scheduler")
    await ledger.hand_back([await claimed(ledger)])
    (row,) = await rows(store)
    assert (row["state"], row["attempts"], row["deaths"]) == ("due", 0, 0)
    assert await ledger.claim("w") is not None


async def test_parked_work_that_is_retried_starts_with_a_clean_slate(store: Store, ledger: Ledger):
    work_id = await ledger.ask(refresh(A), asked_by="scheduler")
    await store.database.fetch("UPDATE work SET deaths = 2")
    await ledger.die(await claimed(ledger), code="TASK_DIED", error="gone")
    assert work_id is not None
    assert await ledger.retry(work_id) == work_id
    claim = await claimed(ledger, alone=False)
    assert (claim.work_id, claim.attempt, claim.is_suspect) == (work_id, 1, False)
    with pytest.raises(UnknownWork):
        await ledger.retry(work_id)


async def test_a_clock_that_was_set_back_keeps_nothing_alive_and_nothing_waiting(
    store: Store, ledger: Ledger
):
    await ledger.ask(refresh(A), asked_by="scheduler")
    await ledger.ask(refresh(B), asked_by="scheduler")
    await claimed(ledger)
    # What was written an hour ahead of the present clock.
    await store.database.fetch(
        "UPDATE work SET due_at = due_at + interval '1 hour',"
        " lease_until = lease_until + interval '1 hour'"
    )
    await ledger.expire()
    held, due = await rows(store)
    now = await ledger.now_us()
    assert held["lease_until"].timestamp() * 1e6 <= now + 5e6
    assert (await claimed(ledger)).work_id == due["work_id"]


async def test_time_in_which_the_server_was_down_ends_no_lease(store: Store):
    # A lease longer than the server's age: it had no chance to be renewed.
    ledger = Ledger(store.database, lease_seconds=10**7)
    await ledger.ask(refresh(A), asked_by="scheduler")
    await claimed(ledger)
    await end_lease(store)
    assert await ledger.expire() == 0


async def test_history_tells_what_is_busy_set_aside_and_ended(store: Store, ledger: Ledger):
    for key in (A, B, "c", "d"):
        await ledger.ask(refresh(key, digest=f"of {key}"), asked_by="scheduler")
    await ledger.finish(await claimed(ledger))
    await ledger.fail(await claimed(ledger), code="X", error="x", retryable=False)
    await store.database.fetch("UPDATE work SET deaths = 2 WHERE subject = 'c'")
    await ledger.die(await claimed(ledger), code="X", error="x")
    history = await ledger.history()
    kind = "refresh_course"
    assert set(history.busy) == {(kind, "d")}
    assert set(history.parked) == {(kind, "c")}
    assert set(history.ended) == {(kind, A, f"of {A}"), (kind, B, f"of {B}")}


async def test_nobody_waits_for_what_keeps_failing_and_it_is_tried_again_soon(
    store: Store, ledger: Ledger
):
    await ledger.ask(refresh(A, digest="of A"), asked_by="scheduler")
    key = ("refresh_course", A)
    stuck_after = None
    for attempt in range(1, MAX_ATTEMPTS + 1):
        await store.database.fetch("UPDATE work SET due_at = clock_timestamp()")
        await ledger.fail(await claimed(ledger), code="X", error="x", retryable=True)
        if key in (await ledger.history()).stuck:
            stuck_after = stuck_after or attempt
    assert stuck_after == STUCK_ATTEMPTS
    assert (*key, "of A") in (await ledger.history()).ended
    await store.database.fetch("UPDATE work SET finished_at = finished_at - interval '31 s'")
    assert (*key, "of A") not in (await ledger.history()).ended
    await store.database.fetch("UPDATE work SET attempts = 1")  # as if nothing could help
    assert (*key, "of A") in (await ledger.history()).ended


async def test_unreadable_messages_are_counted(store: Store, ledger: Ledger):
    for _ in range(3):
        await ledger.reject("digest", size=7, reason="no JSON")
    found = await store.database.fetch("SELECT digest, bytes, reason, times FROM rejected_messages")
    assert [tuple(row) for row in found] == [("digest", 7, "no JSON", 3)]
