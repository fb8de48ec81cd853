from __future__ import annotations

import asyncio
import time

import pytest

from courselens.deadline import Deadline


async def test_block_that_takes_too_long_is_cancelled() -> None:
    seen: list[BaseException] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            seen.append(error)
            raise

    with pytest.raises(TimeoutError), Deadline(0.01).started():
        await wait()
    assert len(seen) == 1
    await asyncio.sleep(0)  # nothing is left over that would cancel what comes next
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_block_that_is_done_in_time_is_left_alone() -> None:
    deadline = Deadline(0.02)
    for _ in range(5):
        with deadline.started():
            await asyncio.sleep(0.01)
    with pytest.raises(KeyError), deadline.started():
        raise KeyError
    await asyncio.sleep(0.03)


async def test_each_of_many_has_its_own_time() -> None:
    deadline = Deadline(0.05)
    ended: list[tuple[str, float]] = []

    async def wait(name: str, *, before: float) -> None:
        await asyncio.sleep(before)
        began = time.monotonic()
        try:
            with deadline.started():
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append((name, time.monotonic() - began))

    await asyncio.gather(wait("first", before=0), wait("second", before=0.03))
    assert [name for name, _ in ended] == ["first", "second"]
    assert all(seconds >= 0.04 for _, seconds in ended), ended


async def test_cancelling_from_outside_is_no_timeout() -> None:
    async def wait() -> None:
        with Deadline(60).started():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_inner_deadline_ends_the_inner_block_alone() -> None:
    inner, outer = Deadline(0.01), Deadline(60)
    with outer.started():
        with pytest.raises(TimeoutError), inner.started():
            await asyncio.Event().wait()
        await asyncio.sleep(0)


def test_deadline_serves_one_event_loop_after_the_other() -> None:
    deadline = Deadline(0.01)

    async def wait() -> None:
        with deadline.started():
            await asyncio.Event().wait()

    async def leave() -> None:
        with deadline.started():
            pass

    asyncio.run(leave())  # its timer never fires
    with pytest.raises(TimeoutError):
        asyncio.run(wait())
