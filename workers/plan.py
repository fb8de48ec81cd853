"""What ought to be done now: pure decisions from what is there and what was done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from aggregates.work import Ask, Kind, Priority
from workers.source_files import Stamp

Key = tuple[str, str]
"""Kind and subject."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the sources hold, against what was taken from them.

    Attributes:
        logs: log files and their stamps.
        taken_logs: the stamps up to which the lake has them.
        lake_run: number of the lake's last commit.
        tables: by source, the state it has and the state of its copy; None: no copy yet.
        awaited: sources without a copy whose first one logs wait for as long as it takes.
    """

    logs: Mapping[Path, Stamp]
    taken_logs: Mapping[Path, Stamp]
    lake_run: int
    tables: Mapping[str, tuple[str | None, str | None]]
    awaited: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """A course as its facts and the store know it.

    Attributes:
        course_key: the course.
        facts_digest: of what its numbers would be made from now.
        stored_digest: of what they were made from; None: there are none, or they no longer count.
        age_seconds: of the stored numbers; None: there are none.
    """

    course_key: str
    facts_digest: str
    stored_digest: str | None
    age_seconds: float | None


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows.

    Attributes:
        busy: what is due or running.
        parked: what is set aside.
        ended: what ended for which input, so short a while ago that it must rest.
        stuck: of what is due, what failed so often that nobody should wait for it.
    """

    busy: Collection[Key]
    parked: Collection[Key]
    ended: Collection[tuple[str, str, str | None]]
    stuck: Collection[Key] = ()

    def has_ended(self, ask: Ask) -> bool:
        """Whether it was tried for the same input a short while ago, or must not be tried."""
        return ask.key in self.parked or (*ask.key, ask.input_digest) in self.ended

    def wanted(self, asks: Iterable[Ask]) -> list[Ask]:
        """Those that are neither under way nor ended."""
        return [ask for ask in asks if ask.key not in self.busy and not self.has_ended(ask)]

    @property
    def is_reading(self) -> bool:
        """Whether sources are being read, or are about to be."""
        reading = (Kind.INGEST_LOGS.value, Kind.SYNC_TABLES.value)
        return any(key[0] in reading and key not in self.stuck for key in self.busy)


def plan_sources(sources: Sources, history: History) -> list[Ask]:
    """Tables that changed, and logs that are new or grew.

    Logs wait for the first copy of each source's tables, which say where in a course an event took
    place; but not for one that cannot be made, unless it is awaited.
    """
    syncs = [
        Ask(Kind.SYNC_TABLES, name, Priority.SOURCE, now)
        for name, (now, copied) in sorted(sources.tables.items())
        if now is not None and now != copied
    ]
    first = [ask for ask in syncs if sources.tables[ask.subject][1] is None]
    asks = list(syncs)
    if _has_news(sources) and not sources.awaited and all(history.has_ended(ask) for ask in first):
        asks.append(Ask(Kind.INGEST_LOGS, "", Priority.SOURCE, _logs_state(sources)))
    return history.wanted(asks)


def plan_courses(
    courses: Iterable[Course], history: History, *, refresh_every_seconds: float
) -> list[Ask]:
    """Courses whose facts changed and whose numbers are old enough; none while sources are read."""
    if history.is_reading:
        return []
    return history.wanted(
        Ask(Kind.REFRESH_COURSE, course.course_key, Priority.NIGHT, course.facts_digest)
        for course in courses
        if course.stored_digest is None
        or (
            course.stored_digest != course.facts_digest
            and (course.age_seconds or 0.0) >= refresh_every_seconds
        )
    )


def _has_news(sources: Sources) -> bool:
    return any(sources.taken_logs.get(path) != stamp for path, stamp in sources.logs.items())


def _logs_state(sources: Sources) -> str:
    """Of logs and lake: what was read in vain is not read again before one of them changes."""
    logs = sorted((str(path), stamp) for path, stamp in sources.logs.items())
    return blake2b(repr((logs, sources.lake_run)).encode(), digest_size=16).hexdigest()
