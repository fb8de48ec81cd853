"""Values of work that is done: a claim on it, how far it is, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass

from aggregates.work import Kind

MAX_DEATHS = 3
"""After so many deaths a task is set aside."""
MAX_ATTEMPTS = 12
"""After so many attempts a task that keeps failing has failed; with back-off about four minutes."""
STUCK_ATTEMPTS = 5
"""After so many attempts, with back-off a quarter of a minute, nothing else waits for a task."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A piece of work that this worker holds, until its lease ends or is renewed.

    Attributes:
        work_id: the work.
        kind: what is to be done.
        subject: about what.
        fencing: greater than that of every claim before; proof of holding it.
        attempt: 1 for the first.
        is_suspect: an attempt before ended in a death.
        now_us: the database's clock when it was claimed, the present of the task.
    """

    work_id: int
    kind: Kind
    subject: str
    fencing: int
    attempt: int
    is_suspect: bool
    now_us: int


@dataclass(frozen=True, slots=True)
class Step:
    """How far a task is: `done` of `total` of what `name` says."""

    name: str
    done: int
    total: int
