"""The live questions of one request: merged, each asked once, all within one deadline."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog

from api.live.plugins import PluginCode
from courselens.errors import MissingSource, SourceError, SourceUnavailable
from indicators.contract import Indicator
from indicators.live import Live
from loaders.dataset import Dataset
from loaders.datasets import DATASETS

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")

logger = structlog.get_logger(__name__)

_GRACE_SECONDS = 0.1
HAND_OVER_TURNS = 6
"""Turns of the event loop in which a resolver hands over to those below it, at most.

Between two resolvers each object and each list may take a turn, and nothing else does.
"""


class LiveSource(Protocol):
    """The platform's databases, by dataset; `loaders.live.LiveSource` is one.

    Both methods raise `MissingSource` where the installation does not have the dataset, and other
    errors of a source where it does not answer in time.
    """

    @property
    def datasets(self) -> frozenset[str]:
        """Names of the datasets that it can be asked for."""

    async def fetch_for_users(
        self, dataset: str, course_key: str, user_ids: Sequence[int], *, deadline_seconds: float
    ) -> pa.Table:
        """Rows about some students of a course."""
        ...

    async def fetch_course(
        self, dataset: str, course_key: str, *, deadline_seconds: float
    ) -> pa.Table:
        """All rows of a course."""
        ...


@dataclass(slots=True, eq=False)
class _Load:
    """One question to the source, and the students that it is about; none: the whole course."""

    dataset: str
    course_key: str
    user_ids: set[int] = field(default_factory=set)
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[pa.Table] | None = None


class _Running:
    """`Batch.running`; in every field of a plan, so it is no generator."""

    __slots__ = ("_batch",)

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def __enter__(self) -> None:
        self._batch._go_on()

    def __exit__(self, *_: object) -> None:
        self._batch._halt()


class Batch:
    """What one request asks; nobody else sees it.

    Questions wait until no resolver of the request can start live code any more. Then they are
    sent, each about the students of all live code that declares its dataset: when that code asks,
    and in which thread it runs, makes no difference. The deadline begins with the first that is
    sent.
    """

    def __init__(
        self, source: LiveSource | None, *, deadline_seconds: float, code: PluginCode | None = None
    ) -> None:
        self._source = source
        self.code = code or PluginCode()
        self.deadline_seconds = deadline_seconds
        self._until: float | None = None
        self._running = 0
        self._started = 0
        self._expected: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._of_students: dict[tuple[str, str], list[_Load]] = defaultdict(list)
        self._of_courses: dict[tuple[str, str], _Load] = {}
        self._unsent: list[_Load] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._is_about_to_send = False
        self._is_without = False

    async def __aenter__(self) -> Batch:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def offers(self, indicator: Indicator, live: Live | None) -> bool:
        """Whether a live value can be had: code that is not switched off, and what it reads."""
        if live is None or self._source is None:
            return False
        if self.code.is_off(indicator.key):
            self._is_without = True
            return False
        return self._source.datasets.issuperset(live.reads)

    @property
    def was_asked(self) -> bool:
        """Whether the answer is one of this moment: what is live was asked, or is switched off."""
        return bool(self._of_students or self._of_courses or self._is_without)

    def running(self) -> _Running:
        """While this block runs it may expect more."""
        return _Running(self)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside of `running`: while this runs it expects nothing more."""
        self._halt()
        try:
            yield
        finally:
            self._go_on()

    def expect(self, datasets: Collection[str], course_key: str, user_ids: Collection[int]) -> None:
        """Live code that is about to run may ask for these, about these students.

        Nothing is asked for this alone; but who asks first asks for all.
        """
        for dataset in datasets:
            self._expected[dataset, course_key].update(user_ids)

    async def students(self, dataset: str, course_key: str, user_ids: Collection[int]) -> pa.Table:
        """Rows about exactly these students.

        Raises:
            MissingSource: the installation does not have the dataset.
            SourceUnavailable: the source did not give it in time, whatever the reason.
        """
        wanted = set(user_ids)
        loads = self._of_students[dataset, course_key]
        missing = wanted.difference(*(load.user_ids for load in loads))
        if missing:
            unsent = next((load for load in loads if not load.sent.is_set()), None)
            if unsent is None:
                unsent = self._add(_Load(dataset, course_key))
                loads.append(unsent)
            unsent.user_ids |= missing
        asked = [load for load in loads if not wanted.isdisjoint(load.user_ids)]
        return _rows_of(wanted, [await self._wait(load) for load in asked], DATASETS[dataset])

    async def course(self, dataset: str, course_key: str) -> pa.Table:
        """All rows of a course; raises as `students` does."""
        load = self._of_courses.get((dataset, course_key))
        if load is None:
            load = self._of_courses[dataset, course_key] = self._add(_Load(dataset, course_key))
        return await self._wait(load)

    async def close(self) -> None:
        """Stop waiting for what is still under way."""
        if not self._tasks:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _add(self, load: _Load) -> _Load:
        self._unsent.append(load)
        self._send_if_all_wait()
        return load

    async def _wait(self, load: _Load) -> pa.Table:
        try:
            async with asyncio.timeout(self.deadline_seconds):
                await load.sent.wait()
        except TimeoutError:
            self._send()  # somebody takes too long, and has lost the right to be waited for
        assert load.task is not None and self._until is not None  # noqa: PT018, S101 - it is sent
        # The source keeps the deadline itself and knows what was slow; this is for all the rest.
        left = self._until - time.monotonic() + _GRACE_SECONDS
        await asyncio.wait([load.task], timeout=max(left, 0))
        if not load.task.done():
            raise SourceUnavailable(load.dataset, self.deadline_seconds)
        return load.task.result()

    def _go_on(self) -> None:
        self._running += 1
        self._started += 1

    def _halt(self) -> None:
        self._running -= 1
        self._send_if_all_wait()

    def _send_if_all_wait(self) -> None:
        if not self._running and self._unsent and not self._is_about_to_send:
            self._is_about_to_send = True
            self._start(self._send_soon())

    async def _send_soon(self) -> None:
        turns, started = 0, self._started
        while turns < HAND_OVER_TURNS and not self._running:
            await asyncio.sleep(0)
            # One that has started, even if it is over, may hand over in its turn.
            turns = turns + 1 if started == self._started else 0
            started = self._started
        self._is_about_to_send = False
        if not self._running:  # else, when that one waits or ends, everybody waits
            self._send()

    def _send(self) -> None:
        if self._until is None:
            self._until = time.monotonic() + self.deadline_seconds
        for load in self._unsent:
            if load.user_ids:
                load.user_ids |= self._expected_by(load)
            load.task = self._start(self._fetch(load, self._until - time.monotonic()))
            load.sent.set()
        self._unsent.clear()

    def _expected_by(self, load: _Load) -> set[int]:
        """Students of whom others will want the same rows, and nobody has asked for yet."""
        place = load.dataset, load.course_key
        others = (other.user_ids for other in self._of_students[place] if other is not load)
        return self._expected[place].difference(*others)

    async def _fetch(self, load: _Load, left: float) -> pa.Table:
        assert self._source is not None  # noqa: S101 - it offered the dataset
        try:
            if left <= 0:
                raise SourceUnavailable(load.dataset, self.deadline_seconds)
            if load.user_ids:
                return await self._source.fetch_for_users(
                    load.dataset, load.course_key, sorted(load.user_ids), deadline_seconds=left
                )
            return await self._source.fetch_course(
                load.dataset, load.course_key, deadline_seconds=left
            )
        except MissingSource:
            raise
        except SourceError as error:
            # Said once for all the fields that it fails; what it says is not for clients.
            logger.warning(
                "live source failed",
                dataset=load.dataset,
                course=load.course_key,
                code=error.code,
                problem=str(error),
            )
            reason = "its source does not answer"
            raise SourceUnavailable(load.dataset, self.deadline_seconds, reason=reason) from error

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.append(task)
        return task


def open_batch(
    source: LiveSource | None, *, deadline_seconds: float, code: PluginCode | None = None
) -> Batch:
    """The questions of one request; `async with` ends them with it.

    Args:
        source: the platform's databases.
        deadline_seconds: for all questions together.
        code: runs the live code, and remembers how it goes.
    """
    return Batch(source, deadline_seconds=deadline_seconds, code=code)


def _rows_of(user_ids: Collection[int], tables: Sequence[pa.Table], dataset: Dataset) -> pa.Table:
    import pyarrow as pa  # 50 MB, and most processes are never asked for anything live
    import pyarrow.compute as pc

    ids = pa.array(sorted(user_ids), pa.int64())
    found = [table.filter(pc.is_in(table.column("user_id"), ids)) for table in tables]
    return pa.concat_tables([dataset.empty(), *found])
