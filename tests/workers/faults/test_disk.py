"""A disk that is full is waited for; what is stored stays whole."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak.crew import empty
from tests.soak.scenario import BUSY_HEAL_SECONDS
from tests.workers.faults.trial import Quiet, Trial


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a disk of a given size can only be mounted by root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
async def test_a_full_disk_is_waited_for(quiet: Quiet, small_disk: Path, postgres_url: str):
    await empty(postgres_url)
    trial = Trial.begin(quiet, small_disk, postgres_url)
    async with trial.working(both=1):
        taking_in = asyncio.create_task(trial.take_in(1.0))
        while "IO_ERROR" not in {code for _, _, code, _ in await trial.crew.work()}:
            assert not taking_in.done(), "the disk was large enough"
            await asyncio.sleep(0.1)
        grow = ["mount", "-o", "remount,size=64m", str(small_disk)]
        await asyncio.to_thread(subprocess.run, grow, check=True)
        healed_from = time.monotonic()
        await taking_in
    assert time.monotonic() - healed_from < BUSY_HEAL_SECONDS
