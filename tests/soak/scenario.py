"""A course's data arrives in parts while everything dies; at the end nothing of it must show."""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aggregates.store import Store
from courselens.computing import Limits, refresh_course
from courselens.simulator import simulate
from courselens.sources import load_installation
from loaders.events.lake import Lake
from tests.soak.crew import Crew, add_logs, dump, empty
from tests.soak.rig import registry

DEEDS = (
    *("kill", "kill", "kill worker", "stop", "stop worker"),
    *("full disk", "failing disk", "memory"),
)
_USUAL_STEPS = {"sync_tables": 110, "ingest_logs": 60, "refresh_course": 130}
HEAL_SECONDS = 60
BUSY_HEAL_SECONDS = 180  # in the suite, which may share its processors with anything
_NOW_US = 1_800_000_000_000_000


@dataclass(slots=True)
class Figures:
    """What a run of the scenario saw."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    servers: Counter[str] = field(default_factory=Counter)
    settle_seconds: list[float] = field(default_factory=list)
    heal_seconds: list[float] = field(default_factory=list)
    glances: int = 0
    process_deaths: int = 0

    def __str__(self) -> str:
        longest = max(self.settle_seconds, default=0)
        middle = statistics.median(self.settle_seconds or [0])
        return (
            f"seed {self.seed}: {self.faults.total()} faults in tasks ({_listed(self.faults)}), "
            f"{self.servers.total()} to servers ({_listed(self.servers)}); "
            f"{self.process_deaths} service processes died; data arrived "
            f"{len(self.settle_seconds)} times and was in the numbers after {middle:.0f} s, at "
            f"most {longest:.0f} s, at most {max(self.heal_seconds, default=0):.0f} s after the "
            f"last fault in a task; {self.glances} looks at the numbers, all whole"
        )

    def tally(self, crew: Crew) -> None:
        """Take over what the crew counted."""
        self.glances = crew.glances
        self.faults = Counter(fault.deed for fault in crew.committed())
        self.process_deaths = crew.deaths


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in sorted(counts.items())) or "none"


@dataclass(frozen=True, slots=True)
class Data:
    """A simulation: its tables in the source, its logs kept back."""

    source: Path
    logs: Path
    course_keys: tuple[str, ...]


def make_data(folder: Path, *, courses: int, students: int, weeks: int, seed: int) -> Data:
    """Simulate small courses."""
    source, logs = folder / "source", folder / "logs"
    report = simulate(source, students=students, weeks=weeks, courses=courses, seed=seed)
    logs.mkdir()
    for log in source.glob("*.log*"):
        shutil.move(log, logs / log.name)
    return Data(source, logs, tuple(course.course_key for course in report.courses))


async def reference(data: Data, folder: Path, url: str) -> dict[str, list[str]]:
    """Dump of the numbers as they are when all is read and computed once; empties the database."""
    installation, _ = await asyncio.to_thread(
        lambda: load_installation(
            [data.source], Lake(folder), now_us=_NOW_US, memory_limit="400MB", threads=1
        )
    )
    await empty(url)
    store = await Store.connect(url, registry=registry())
    try:
        await store.migrate()
        for key in installation.course_keys:
            await refresh_course(
                registry(), store, installation, key, now_us=_NOW_US, limits=Limits("400MB", 1)
            )
    finally:
        await store.close()
    return await dump(url)


def order_faults(
    crew: Crew, works: Sequence[tuple[str, str]], rng: random.Random, *, most: int = 2
) -> int:
    """Order up to `most` faults for each piece of work; three would have it set aside."""
    ordered = 0
    for kind, subject in works:
        steps = crew.steps(kind, subject) or _USUAL_STEPS[kind]
        for _ in range(rng.randint(1, most)):
            fault = {"step": rng.randint(1, steps), "do": rng.choice(DEEDS)}
            crew.order(kind, subject, fault)
            ordered += 1
    return ordered


async def run_part(crew: Crew, data: Data, figures: Figures, *, until: int) -> None:
    """Have more logs come in, and wait until the numbers rest on them; all views were whole."""
    before = {key: len(views) for key, views in crew.seen.items()}
    add_logs(data.logs, data.source, until=until)
    known = len(crew.committed())
    figures.settle_seconds.append(await crew.settle())
    faults = crew.committed()
    if len(faults) > known:
        healed = time.monotonic() - max(fault.at for fault in faults)
        figures.heal_seconds.append(healed)
        assert healed <= HEAL_SECONDS, f"healed only {healed:.0f} s after the last fault"
    await asyncio.sleep(0.3)  # for a last look
    for key, views in crew.seen.items():
        new = len(views) - before.get(key, 0)
        assert new <= 1, f"{key}: readers saw {new} states where one refresh was committed"
    crew.withdraw()
    figures.tally(crew)
