"""Run one job: open what it needs, do it, and put how it ended in one line."""

from __future__ import annotations

import errno
import os
import traceback

from aggregates.store import Store
from aggregates.work import Kind
from courselens.errors import CourselensError, LakeError
from courselens.installed import load_installed
from courselens.settings import Settings
from indicators.engine import is_machine_fault
from indicators.registry import Registry
from workers.child import Job, Report, Reporter
from workers.ledger import Ledger
from workers.tasks.ingest_logs import ingest_logs
from workers.tasks.refresh_course import refresh
from workers.tasks.sync_tables import sync_tables
from workers.tasks.task import Task

_RUN = {
    Kind.INGEST_LOGS: ingest_logs,
    Kind.SYNC_TABLES: sync_tables,
    Kind.REFRESH_COURSE: refresh,
}


async def run_job(job: Job, reporter: Reporter, registry: Registry | None = None) -> Report:
    """Run the task, with the indicators that are installed unless others are given."""
    settings = Settings(**job.settings)
    try:
        registry = registry or load_installed(settings)
        store = await Store.connect(
            job.database_url,
            registry=registry,
            pool_size=2,
            deadline_seconds=settings.database_timeout_seconds,
        )
        try:
            ledger = Ledger(store.database, lease_seconds=settings.lease_seconds)
            task = Task(job.claim, settings, registry, store, ledger, reporter.step)
            await _RUN[job.claim.kind](task)
        finally:
            await store.close()
    except Exception as exc:  # an edge: whatever a task does must end as one line
        return describe(exc)
    return Report(done=True)


def describe(exc: Exception) -> Report:
    """An error as a report: no values of rows, which messages of strangers may quote."""
    if isinstance(exc, CourselensError):
        lines = str(exc).splitlines() or [exc.code]  # PostgreSQL's details come on later lines
        # Whoever holds the lake lets go of it.
        retryable = exc.retryable or isinstance(exc, LakeError)
        return Report(code=exc.code, error=lines[0][:500], retryable=retryable)
    if isinstance(exc, OSError) or is_machine_fault(exc):
        return Report(code="IO_ERROR", error=f"{type(exc).__name__}: {_why(exc)}", retryable=True)
    frame = traceback.extract_tb(exc.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return Report(code="INTERNAL", error=f"{type(exc).__name__} in {frame.name} ({where})")


def _why(exc: Exception) -> str:
    """What the system said, without the names of files in which the engine wraps it."""
    if isinstance(exc, OSError):
        return exc.strerror or "no reason given"
    said = (os.strerror(number) for number in errno.errorcode)
    return next((reason for reason in said if reason in str(exc)), "no reason given")
