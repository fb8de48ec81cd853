"""Refreshes of many small courses when nothing changed, against full ones."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aggregates.embedded import EmbeddedPostgres
from aggregates.store import Store
from bench.data import Prepared
from bench.measure import show, verdict
from courselens.computing import Limits, refresh_course
from courselens.simulator import simulate
from courselens.sources import Installation, load_installation
from indicators.registry import load_registry
from loaders.events.lake import Lake

COURSES, STUDENTS, WEEKS = 100, 5, 1
GOAL_RATIO = 20.0
_NOW_US = 1_800_000_000_000_000


def run(prepared: Prepared, *, rounds: int) -> bool:
    """Compare and print; whether the goal is reached. Courses are simulated, not `prepared`."""
    # Not below `.bench`: the server's user must be able to enter it.
    with tempfile.TemporaryDirectory(prefix="courselens-bench-") as name:
        folder = Path(name)
        simulate(folder / "source", students=STUDENTS, weeks=WEEKS, courses=COURSES, seed=7)
        installation, _ = load_installation(
            [folder / "source"], Lake(folder / "lake"), now_us=_NOW_US, memory_limit="2GB"
        )
        with EmbeddedPostgres(folder / "pg") as server:
            full, unchanged = asyncio.run(measure(server.url, installation))
    ratio = full / unchanged
    is_reached = ratio >= GOAL_RATIO
    show(
        f"refresh of {len(installation.course_keys)} courses of {STUDENTS} students: "
        f"full {full:.1f} s, without news {unchanged:.2f} s",
        [("full / without news", f"{ratio:.0f}", f">= {GOAL_RATIO:.0f}", verdict(is_reached))],
    )
    return is_reached


async def measure(url: str, installation: Installation) -> tuple[float, float]:
    """Seconds of a full refresh of every course, and of one that finds nothing new."""
    registry = load_registry()
    store = await Store.connect(url, registry=registry)

    async def refresh() -> int:
        changed = 0
        for key in installation.course_keys:
            done = await refresh_course(
                registry, store, installation, key, now_us=_NOW_US, limits=Limits("2GB", None)
            )
            changed += done.changed
        return changed

    try:
        await store.migrate()
        full, changed = await _timed(refresh)
        unchanged, none = await _timed(refresh)
    finally:
        await store.close()
    assert (changed, none) == (len(installation.course_keys), 0)
    return full, unchanged


async def _timed(work: Callable[[], Awaitable[int]]) -> tuple[float, int]:
    before = time.perf_counter()
    found = await work()
    return time.perf_counter() - before, found
