"""A task in its own process: what it says, and what is said of it when it cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aggregates.work import Kind
from courselens.settings import Settings
from workers.running import Died, Done, Failed, Outcome, run_claim
from workers.work import Claim, Step

TINY = (sys.executable, str(Path(__file__).parent / "tiny_task.py"))


async def run(subject: str, tmp_path: Path, **changed: object) -> tuple[Outcome, list[Step]]:
    steps: list[Step] = []
    claim = Claim(1, Kind.REFRESH_COURSE, subject, 1, 1, False, 0)
    outcome = await run_claim(
        claim,
        settings=Settings(home=tmp_path, **changed),
        database_url="",
        scratch=tmp_path / "scratch",
        on_step=steps.append,
        command=TINY,
    )
    assert not (tmp_path / "scratch").exists()
    return outcome, steps


async def test_a_task_says_how_far_it_is_and_that_it_is_done(tmp_path):
    outcome, steps = await run("nothing", tmp_path)
    assert outcome == Done()
    assert steps == [Step("doing nothing", 1, 2)]


async def test_a_task_is_told_the_sources_passwords_where_nobody_else_can_read_them(tmp_path):
    url = "mysql://reader:canary@127.0.0.1/openedx"
    outcome, _ = await run("show canary", tmp_path, mysql_url=url)
    assert outcome == Failed("SHOWN", f"{url} False []", False)


async def test_a_task_says_why_it_failed(tmp_path):
    assert (await run("fail", tmp_path))[0] == Failed("BROKEN", "it is broken", False)
    assert (await run("fail retryable", tmp_path))[0] == Failed("BROKEN", "it is broken", True)


@pytest.mark.parametrize(
    ("subject", "changed", "code", "words"),
    [
        ("die", {}, "TASK_DIED", "was ended by SIGKILL; it was at: doing die"),
        ("exit", {}, "TASK_DIED", "ended with code 3"),
        ("litter", {}, "TASK_DIED", "SIGKILL"),
        ("wait for ever", {"task_time_limit_seconds": 0.5}, "TASK_TIME_LIMIT", "more than 0.5 s"),
        ("stop", {"lease_seconds": 1}, "TASK_SILENT", "no sign of life for 1 s"),
        ("grow", {"task_memory_mb": 200}, "TASK_MEMORY", "more than 200 MB"),
    ],
)
async def test_a_task_that_says_nothing_has_died_and_leaves_nothing(
    tmp_path, subject, changed, code, words
):
    outcome, _ = await run(subject, tmp_path, **changed)
    assert isinstance(outcome, Died)
    assert outcome.code == code
    assert words in outcome.error
