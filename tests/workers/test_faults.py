"""Services that are killed and stopped at counted steps leave no trace in the numbers.

The long version, with servers that die too, is `make soak`.
"""

from __future__ import annotations

import random

import pytest

from tests.soak.crew import Crew, dump
from tests.soak.scenario import Figures, make_data, reference, run_part

SEED = 20261123


@pytest.mark.slow
async def test_killed_and_stopped_workers_leave_the_numbers_of_an_undisturbed_run(
    postgres_url: str, tmp_path
):
    rng, figures = random.Random(SEED), Figures(SEED)
    data = make_data(tmp_path / "data", courses=1, students=8, weeks=1, seed=3)
    (course_key,) = data.course_keys
    crew = Crew(tmp_path / "home", data.source, postgres_url)
    crew.home.mkdir()
    crew.order("ingest_logs", "", {"step": rng.randint(1, 40), "do": "stop worker"})
    crew.order("refresh_course", course_key, {"step": rng.randint(1, 60), "do": "kill worker"})
    crew.order("refresh_course", course_key, {"step": rng.randint(1, 60), "do": "kill"})
    async with crew.working(both=2):
        await run_part(crew, data, figures, until=10_000)
    found = await dump(postgres_url)
    expected = await reference(data, tmp_path / "lake", postgres_url)
    print(figures)
    assert figures.faults.total() >= 2, f"seed {SEED}: {figures}"
    assert found == expected, f"seed {SEED}"
    assert any("students" in name and rows for name, rows in found.items())
    assert crew.glances > 10
