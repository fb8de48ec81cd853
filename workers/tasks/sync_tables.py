"""The tables of one source into its copy on disk."""

from __future__ import annotations

import asyncio

from courselens.errors import BadParameter
from loaders.retired import RetiredList
from workers.table_sync import copy_tables
from workers.tasks.task import Task


async def sync_tables(task: Task) -> None:
    """Bring the copy of a source's tables to what it holds now.

    Raises:
        BadParameter: there is no such source, or no more.
        SourceError: the source cannot be read.
        LeaseLost: another worker has the work by now; the copy is as it was.
    """
    name = task.claim.subject
    sync = task.syncs.get(name)
    if sync is None:
        raise BadParameter("source", name, ", ".join(task.syncs) or "none: no source is set")
    look = await asyncio.to_thread(task.files.look)
    await asyncio.to_thread(
        copy_tables,
        sync,
        task.settings.tables_path / name,
        look,
        now_us=task.claim.now_us,
        progress=task.progress,
        before_commit=task.checker(),
        retired=RetiredList(task.settings.retired_path).ids,
    )
