"""Live code of plugins holds up its own thread, and is switched off when it keeps failing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from aggregates.store import Store
from aggregates.switched_off import note_off, read_off
from api.live.plugins import FAILURES, OFF_SECONDS, PluginCode
from courselens.domain import Window
from courselens.errors import IndicatorOff, MissingSource, PluginError
from indicators.live import Live
from indicators.parameters import Parameters
from tests.data.live_plugin import declare_sheet
from tests.data.toy_indicators import toy_registry

PARAMETERS = Parameters(window=Window(0, 1), as_of_us=1, course_start_us=0)


class Grades:
    """One dataset of one course, asked for in the loop that made this."""

    course_key = "course-v1:A+B+C"
    user_ids: Sequence[int] = (1, 2)

    def __init__(self) -> None:
        self.thread = threading.get_ident()

    async def students(self, dataset: str) -> pa.Table:
        if dataset != "course_grades":
            raise MissingSource(dataset)
        assert threading.get_ident() == self.thread
        return pa.table({"user_id": [1, 2]})

    course = students


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def plugin() -> Any:
    declared = declare_sheet()
    declared.provider = "acme"
    return declared


async def run(
    code: PluginCode, compute: Callable[..., Awaitable[object]], *, seconds: float = 20.0
) -> object:
    declared = plugin()
    with code.watching(declared):
        return await code.run(
            declared, Live(("course_grades",), compute), Grades(), PARAMETERS, seconds=seconds
        )


async def reads(sources: Any, p: Parameters) -> object:
    rows = await sources.students("course_grades")
    return rows.column("user_id").to_pylist(), threading.get_ident()


async def never_yields(sources: Any, p: Parameters) -> object:
    while True:
        pass


async def quits(sources: Any, p: Parameters) -> object:
    raise SystemExit(3)


async def fails(sources: Any, p: Parameters) -> object:
    raise ValueError("canary")


async def lacks(sources: Any, p: Parameters) -> object:
    return await sources.students("profiles")


@pytest.fixture
def code() -> PluginCode:
    return PluginCode()


async def test_code_of_a_plugin_runs_beside_the_requests_and_reads_through_them(code: PluginCode):
    ids, thread = await run(code, reads)  # type: ignore[misc]
    assert ids == [1, 2]
    assert thread != threading.get_ident()


async def test_code_that_never_yields_ends_its_own_thread_alone(code: PluginCode):
    before = threading.active_count()
    steps = 0

    async def others() -> None:
        nonlocal steps
        while True:
            await asyncio.sleep(0.001)
            steps += 1

    beside = asyncio.create_task(others())
    with pytest.raises(TimeoutError):
        await run(code, never_yields, seconds=0.3)
    beside.cancel()
    assert steps > 0
    async with asyncio.timeout(20):
        while threading.active_count() > before:
            await asyncio.sleep(0.01)
    assert await run(code, reads)


async def test_code_that_wants_to_leave_is_an_error_and_its_thread_goes_on(code: PluginCode):
    with pytest.raises(PluginError, match="raised SystemExit"):
        await run(code, quits)
    assert await run(code, reads)


async def test_what_keeps_failing_is_switched_off_and_tried_again_later():
    clock, told = Clock(), []

    async def on_off(*facts: object) -> None:
        told.append(facts)

    code = PluginCode(clock=clock, on_off=on_off)
    for _ in range(FAILURES):
        with pytest.raises(ValueError, match="canary"):
            await run(code, fails)
    await asyncio.sleep(0)
    reason = "its live code raises ValueError"
    assert code.problems == {"acme_sheet": reason}
    assert told == [("acme_sheet", reason, OFF_SECONDS)]
    assert code.is_off("acme_sheet")
    with pytest.raises(IndicatorOff, match="acme_sheet is switched off"):
        await run(code, reads)
    clock.now += OFF_SECONDS + 1
    assert not code.is_off("acme_sheet")
    assert await run(code, reads)
    assert code.problems == {}


async def test_what_a_source_lacks_switches_nothing_off(code: PluginCode):
    for _ in range(FAILURES + 1):
        with pytest.raises(MissingSource):
            await run(code, lacks)
    assert code.problems == {}


async def test_what_is_switched_off_is_noted_for_the_operator(postgres_url: str):
    store = await Store.connect(postgres_url, registry=toy_registry())
    await store.migrate()
    await note_off(store.database, "acme_sheet", "it fails", 60)
    await note_off(store.database, "acme_gone", "it failed", -1)
    assert [found[:2] for found in await read_off(store.database)] == [("acme_sheet", "it fails")]
    await store.close()
