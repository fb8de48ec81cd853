"""The stored numbers of one course, made anew where its facts changed."""

from __future__ import annotations

from courselens.computing import Limits, refresh_course
from courselens.installed import open_apart
from loaders.retired import RetiredList
from workers.tasks.task import Task


async def refresh(task: Task) -> None:
    """Bring what is stored of the course up to date; nothing where its facts are the same.

    Raises:
        UnknownCourse: nothing is known of the course.
        StoreError: the database does not answer in time.
        LeaseLost: another worker has the work by now; the numbers are as they were.
    """
    settings = task.settings
    with open_apart(settings) as apart:
        await refresh_course(
            task.registry,
            task.store,
            task.open_facts(),
            task.claim.subject,
            now_us=task.claim.now_us,
            limits=Limits(settings.memory_limit, settings.threads),
            progress=task.progress,
            guard=task.ledger.guard(task.claim),
            apart=apart,
            retired=RetiredList(settings.retired_path).ids,
        )
