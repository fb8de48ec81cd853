"""Tasks that are killed, stopped or starved at counted steps leave no trace in the numbers.

The long version, with servers that die too, is `make soak`.
"""

from __future__ import annotations

import random

import pytest

from tests.workers.faults.trial import SEED, Trial


@pytest.mark.slow
async def test_tasks_that_are_killed_stopped_or_starved_leave_no_trace(trial: Trial):
    rng, course = random.Random(SEED), trial.course_key
    for kind, subject, deed, steps in (
        ("sync_tables", "files", "full disk", 10),
        ("sync_tables", "files", "failing disk", 40),
        ("ingest_logs", "", "stop worker", 40),
        ("refresh_course", course, "kill worker", 40),
        ("refresh_course", course, "full disk", 6),
        ("refresh_course", course, "memory", 40),
    ):
        trial.crew.order(kind, subject, {"step": rng.randint(1, steps), "do": deed})
    trial.bring()
    async with trial.working(both=2):
        await trial.take_in(1.0)
    assert trial.figures.faults.total() == 6, f"seed {SEED}: {trial.figures}"
