"""Values of work: its kinds, states and priorities, a claim on it, and what was asked for."""

from __future__ import annotations

import enum
from dataclasses import dataclass

MAX_DEATHS = 3
"""After so many deaths a task is set aside."""
MAX_ATTEMPTS = 12
"""After so many attempts a task that keeps failing has failed; with back-off about four minutes."""


class Kind(enum.StrEnum):
    """What there is to do; the subject says about what."""

    INGEST_LOGS = "ingest_logs"
    SYNC_TABLES = "sync_tables"
    REFRESH_COURSE = "refresh_course"


class State(enum.StrEnum):
    """Where a piece of work stands."""

    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PARKED = "parked"


class Priority(enum.IntEnum):
    """Smaller goes first: whoever waits, then what others rest on, then the night run."""

    PERSON = 10
    SOURCE = 20
    NIGHT = 30


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that ought to be done; `input_digest` says for which state of the sources."""

    kind: Kind
    subject: str
    priority: Priority
    input_digest: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What makes two asks the same work."""
        return self.kind.value, self.subject


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
