"""New lines of the log files into the lake."""

from __future__ import annotations

import asyncio

from workers.keeping_up import take_in_logs
from workers.tasks.task import Task


async def ingest_logs(task: Task) -> None:
    """Bring what is new in the configured logs into the lake.

    Raises:
        LakeError: another process writes to the lake.
        LeaseLost: another worker has the work by now; the lake is as it was.
    """
    look = await asyncio.to_thread(task.files.look)
    await asyncio.to_thread(
        take_in_logs,
        task.settings,
        look,
        task.open_facts(),
        progress=task.progress,
        # The lake's lock, held since before the manifest was read, keeps out whoever takes the
        # work over until this process has let go of it.
        before_commit=task.checker(),
    )
