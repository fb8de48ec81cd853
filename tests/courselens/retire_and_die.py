"""Retire a user and die at a step: `python -m tests.courselens.retire_and_die HOME URL ID STEP`.

A step is a file or folder that is made, renamed or removed, or a report of progress.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from aggregates.store import Store
from courselens.retiring import Asked, retire
from courselens.settings import Settings
from tests.soak.rig import registry

_STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}


async def main(home: Path, url: str, user_id: int, step: int) -> None:
    """Die at the step; one beyond the last never comes."""
    store = await Store.connect(url, registry=registry(), pool_size=2)
    steps = 0

    def count(*_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, _: tuple[Any, ...]) -> None:
        if event in _STEPS:
            count()

    sys.addaudithook(watch)
    settings = Settings(home=home, task_time_limit_seconds=30)
    done = await retire(settings, store, Asked([user_id]), progress=count)
    await store.close()
    print(steps, done.left)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
