"""A small installation that is disturbed, and the numbers it must come to nevertheless."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.crew import Crew, add_logs, dump
from tests.soak.scenario import Data, Figures, run_part

SEED = 20261123


@dataclass(frozen=True, slots=True)
class Quiet:
    """A simulated course, and every number of a run that nothing disturbed."""

    data: Data
    numbers: dict[str, list[str]]


@dataclass(slots=True)
class Trial:
    """One installation over the course's data."""

    crew: Crew
    data: Data
    numbers: dict[str, list[str]]
    figures: Figures = field(default_factory=lambda: Figures(SEED))

    @classmethod
    def begin(cls, quiet: Quiet, home: Path, url: str) -> Trial:
        """A new installation; of its logs nothing has come yet."""
        source = home.with_name(f"{home.name}-source")
        shutil.copytree(quiet.data.source, source)
        home.mkdir(exist_ok=True)
        data = Data(source, quiet.data.logs, quiet.data.course_keys)
        return cls(Crew(home, source, url), data, quiet.numbers)

    @property
    def course_key(self) -> str:
        """The one course."""
        return self.data.course_keys[0]

    @asynccontextmanager
    async def working(self, **processes: int) -> AsyncIterator[None]:
        """Services at work; in the end the numbers are those of the quiet run."""
        async with self.crew.working(**processes):
            yield
            await self.take_in(1.0)
        print(self.figures)
        found = await dump(self.crew.url)
        assert any("students" in name and rows for name, rows in found.items())
        assert found == self.numbers, f"seed {SEED}: the numbers are not those of a quiet run"
        assert self.crew.glances > 10

    def bring(self) -> None:
        """Have all logs come in at once: a task that begins now finds its full work."""
        add_logs(self.data.logs, self.data.source, until=len(list(self.data.logs.iterdir())))

    async def take_in(self, share: float) -> None:
        """Have this share of the logs come in, and wait until the numbers rest on it."""
        count = round(share * len(list(self.data.logs.iterdir())))
        await run_part(self.crew, self.data, self.figures, until=count)
