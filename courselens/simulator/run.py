"""Runs a simulation: truth chunk by chunk, then the logs day by day."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np

from courselens.simulator.columns import Columns
from courselens.simulator.course import Course, build_course
from courselens.simulator.forum import Posts
from courselens.simulator.lines import LineMaker
from courselens.simulator.logs import DayLog, write_day
from courselens.simulator.olx import write_course
from courselens.simulator.options import Options, check_out
from courselens.simulator.outline import Outline, outline_course
from courselens.simulator.package import PackageWriter
from courselens.simulator.people import People, make_people
from courselens.simulator.records import Tables, chunk_tables, course_tables
from courselens.simulator.roster import CHUNK, Roster, members
from courselens.simulator.spool import SpooledChunk, spool
from courselens.simulator.truth import imagine

Progress = Callable[[str, int, int], None]
_SPOOL = ".spool"
_BEAT_SECONDS = 0.5
_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody to sign in as."""

    user_id: int
    username: str


@dataclass(frozen=True, slots=True)
class SimulatedCourse:
    """A course that was written, with an account of its team and the busiest enrolled learner."""

    course_key: str
    team_member: Account
    student: Account


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """What a simulation wrote.

    `events` counts what happened, `lines` the lines of all logs, `dirt` the dirty ones by kind:
    see `courselens.simulator.dirt.Dirt` for what each kind does to the lines.
    """

    courses: tuple[SimulatedCourse, ...]
    files: int
    events: int
    lines: int
    dirt: dict[str, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What remains of a chunk's truth when its events are spooled."""

    spooled: SpooledChunk
    tables: Tables
    posts: Posts
    roster: Roster
    busiest: tuple[int, int]  # events, index into People


@dataclass
class _Tally:
    """Counts shown while work goes on; only ever added to."""

    done: int = 0
    counts: deque[int] = field(default_factory=deque)

    def add(self, number: int) -> None:
        """Count; safe to call from several threads."""
        self.counts.append(number)

    def sum(self) -> int:
        """All counted so far."""
        while self.counts:
            self.done += self.counts.popleft()
        return self.done


def simulate(
    out: Path,
    *,
    students: int = 500,
    weeks: int = 8,
    courses: int = 1,
    seed: int = 1,
    start: date = date(2025, 2, 3),
    progress: Progress | None = None,
) -> SimulationReport:
    """Write simulated courses as the holder of data packages and tracking logs would have them.

    The same arguments give the same bytes. Memory does not grow with the number of events.

    Args:
        out: A new or an empty folder; made if missing.
        students: Enrolments per course, beside the course team.
        weeks: Length of the courses.
        courses: How many courses; they share accounts and log files.
        seed: Of all random numbers.
        start: First day of the courses, UTC.
        progress: Called as `(step, done, total)` at least once a second.

    Raises:
        BadParameter: An argument is out of its range, or `out` holds something already.
    """
    began = time.monotonic()
    options = Options(students=students, weeks=weeks, courses=courses, seed=seed, start=start)
    check_out(out)
    tell = progress or (lambda _step, _done, _total: None)
    out.mkdir(parents=True, exist_ok=True)
    spooled = out / _SPOOL
    spooled.mkdir()
    try:
        with ThreadPoolExecutor(max_workers=_workers()) as pool:
            tell("accounts", 0, 1)
            run = _beating(
                pool.submit(_Run, options, out, pool, tell), lambda: tell("accounts", 0, 1)
            )
            tell("accounts", 1, 1)
            chunks, written = run.write_packages()
            days = run.write_logs(chunks)
    finally:
        shutil.rmtree(spooled)
    return SimulationReport(
        courses=tuple(written),
        files=sum(path.is_file() for path in out.iterdir()),
        events=sum(day.events for day in days),
        lines=sum(day.lines for day in days),
        dirt=dict(sorted(sum((Counter(day.dirt) for day in days), Counter[str]()).items())),
        seconds=time.monotonic() - began,
    )


class _Run:
    """The parts of a simulation that go on side by side."""

    def __init__(
        self, options: Options, out: Path, pool: ThreadPoolExecutor, tell: Progress
    ) -> None:
        self.options = options
        self.out = out
        self.pool = pool
        self.tell = tell
        self.people: People = make_people(options)
        self.courses: list[Course] = [build_course(options, nth) for nth in range(options.courses)]
        self.columns = Columns(self.people, self.courses)
        sizes = [len(course.blocks) for course in self.courses]
        self.first_block: list[int] = (np.cumsum(sizes) - sizes).tolist()

    def write_packages(self) -> tuple[list[SpooledChunk], list[SimulatedCourse]]:
        """Simulate every course; write its package; keep its events in the spool."""
        chunks, written = [], []
        numbered: Counter[str] = Counter()
        for course in self.courses:
            write_course(self.out, course)
            writer = PackageWriter(self.out, course, numbered)
            writer.add_course(course_tables(course, self.people))
            outline = outline_course(course)
            everybody = members(self.options, self.people, course.number)
            count = -(-len(everybody) // CHUNK)
            busiest = (0, int(everybody[-1]))
            jobs = [(outline, nth) for nth in range(count)]
            for chunk in self.map("students", jobs, self.imagine, [1] * count):
                self.append(writer, chunk, nth=chunk.roster.chunk, count=count)
                chunks.append(chunk.spooled)
                busiest = max(busiest, chunk.busiest)
            staff = self.people.team_member(course.number, "staff")
            written.append(
                SimulatedCourse(course.key, self.account(staff), self.account(busiest[1]))
            )
        return chunks, written

    def append(self, writer: PackageWriter, chunk: _Chunk, *, nth: int, count: int) -> None:
        """Add a chunk to the files of its course."""

        def write() -> None:
            writer.add(chunk.tables)
            writer.add_posts(chunk.posts, chunk.roster, self.people)

        _beating(self.pool.submit(write), lambda: self.tell("students", nth, count))

    def imagine(self, job: tuple[Outline, int], tally: _Tally) -> _Chunk:
        """Simulate a chunk, spool its events and make its tables."""
        outline, nth = job
        number = outline.course.number
        first_block = self.first_block[number]
        truth = imagine(self.options, self.people, outline, nth, first_block)
        enrolled = truth.roster.who[truth.roster.is_active & ~truth.roster.is_team]
        learners = enrolled[self.people.is_active[enrolled]]
        counts = np.bincount(truth.events["who"], minlength=len(self.people.user_id))
        best = int(learners[counts[learners].argmax()]) if len(learners) else 0
        chunk = _Chunk(
            spool(self.out / _SPOOL / f"{number}-{nth}", truth.events),
            chunk_tables(truth, self.people, self.columns, first_block),
            truth.posts,
            truth.roster,
            (int(counts[best]) if len(learners) else 0, best),
        )
        tally.add(1)
        return chunk

    def write_logs(self, chunks: Sequence[SpooledChunk]) -> list[DayLog]:
        """Write the days' logs."""
        maker = LineMaker(self.columns)
        filled = [chunk for chunk in chunks if chunk.size]
        days = range(
            min(chunk.days.start for chunk in filled), max(chunk.days.stop for chunk in filled)
        )
        sizes = [sum(chunk.count(day) for chunk in filled) for day in days]

        def write(day: int, tally: _Tally) -> DayLog | None:
            return write_day(
                self.out,
                day,
                filled,
                maker,
                self.courses,
                seed=self.options.seed,
                written=tally.add,
            )

        logs = self.map("events", list(days), write, sizes)
        return [log for log in logs if log is not None]

    def map(
        self,
        step: str,
        jobs: list[_Job],
        work: Callable[[_Job, _Tally], _Result],
        sizes: list[int],
    ) -> Iterator[_Result]:
        """Do jobs side by side; give results in order; tell how far it is, all the time.

        Only a few jobs are ahead of the one whose result is wanted, so results do not pile up.
        """
        tally, total = _Tally(), sum(sizes)
        ahead = _workers() + 1
        waiting: deque[Future[_Result]] = deque()
        todo = iter(jobs)
        self.tell(step, 0, total)
        while True:
            while len(waiting) < ahead and (job := next(todo, None)) is not None:
                waiting.append(self.pool.submit(work, job, tally))
            if not waiting:
                break
            result = _beating(waiting.popleft(), lambda: self.tell(step, tally.sum(), total))
            self.tell(step, tally.sum(), total)
            yield result
        self.tell(step, tally.sum(), total)

    def account(self, who: int) -> Account:
        """Somebody's account."""
        return Account(int(self.people.user_id[who]), self.people.username[who])


def _beating(future: Future[_Result], beat: Callable[[], None]) -> _Result:
    """Wait for a result and call `beat` meanwhile, often enough for a progress bar to live."""
    while not future.done():
        wait([future], timeout=_BEAT_SECONDS)
        beat()
    return future.result()


def _workers() -> int:
    return min(os.cpu_count() or 1, 8)
