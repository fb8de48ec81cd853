"""New lines of the log files into the lake."""

from __future__ import annotations

import asyncio

from loaders.events.ingest import ingest
from loaders.events.lake import Lake
from loaders.events.structure import Structure
from workers.tasks.task import Task

_COMMIT = "committing"


async def ingest_logs(task: Task) -> None:
    """Bring what is new in the configured logs into the lake.

    Raises:
        LakeError: another process writes to the lake.
        LeaseLost: another worker has the work by now; the lake is as it was.
    """
    settings = task.settings
    look = await asyncio.to_thread(task.files.look)
    facts = task.open_facts()
    check = task.checker()

    def progress(name: str, done: int, total: int) -> None:
        task.progress(name, done, total)
        # The last word before the commit. The lake's lock, held since before the manifest was
        # read, keeps out whoever takes the work over until this process has let go of it.
        if name == _COMMIT and done < total:
            check()

    await asyncio.to_thread(
        ingest,
        sorted(look.logs),
        Lake(settings.lake_path),
        structure=Structure(
            blocks=facts.whole("blocks"),
            courses=facts.whole("courses"),
            profiles=facts.whole("profiles"),
        ),
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        progress=progress,
    )
