"""The tables of one source into its copy on disk."""

from __future__ import annotations

import asyncio

from workers.snapshot import write_snapshot
from workers.tasks.task import Task


async def sync_tables(task: Task) -> None:
    """Replace the copy of a source's tables by what it holds now.

    Raises:
        SourceError: the source cannot be read.
        LeaseLost: another worker has the work by now; the copy is as it was.
    """
    settings, name = task.settings, task.claim.subject
    sync = task.syncs[name]
    # Before loading: what changes meanwhile is found to be new at the next look.
    state = await asyncio.to_thread(lambda: sync.state(task.files.look()) or "")
    tables = await asyncio.to_thread(lambda: sync.load(progress=task.progress))
    task.progress("writing tables", 0, 1)
    await asyncio.to_thread(
        write_snapshot,
        settings.tables_path / name,
        tables,
        state=state,
        loaded_us=task.claim.now_us,
        before_commit=task.checker(),
    )
    task.progress("writing tables", 1, 1)
