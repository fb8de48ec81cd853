"""Live code of plugins: each plugin's in a thread of its own, under a deadline and an error budget.

Code that never waits, or blocks, holds up its own thread and not the requests. Indicators that
fail several times in a row are switched off for a while; then one question may try.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog

from courselens.domain import BUILT_IN
from courselens.errors import (
    IndicatorOff,
    MissingSource,
    PluginError,
    SourceError,
    SourceUnavailable,
    one_line,
)
from indicators.contract import Indicator
from indicators.live import Live, Sources
from indicators.parameters import Parameters
from loaders.circuit import Circuit

if TYPE_CHECKING:
    import pyarrow as pa

FAILURES = 5
"""From so many failures in a row an indicator's live values are switched off."""
OFF_SECONDS = 300.0
"""For how long."""
_STUCK = 4
"""Threads of one plugin that never come back; with more its code is not called again."""
_ANSWER_SECONDS = 0.2

logger = structlog.get_logger(__name__)

OnOff = Callable[[str, str, float], Awaitable[None]]
"""Told the key, the reason and for how many seconds an indicator is switched off."""


class PluginCode:
    """Runs live code, that of plugins apart from the requests; one for a process.

    Args:
        failures: in a row, that switch an indicator off.
        off_seconds: for how long.
        on_off: told when one is switched off.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        off_seconds: float = OFF_SECONDS,
        on_off: OnOff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._off_seconds = off_seconds
        self._on_off = on_off
        self._clock = clock
        self._circuits: dict[str, Circuit] = {}
        self._reasons: dict[str, str] = {}
        self._off_until: dict[str, float] = {}
        self._threads: dict[str, _Thread] = {}
        self._stuck: dict[str, list[_Thread]] = {}
        self._telling: set[asyncio.Future[None]] = set()
        weakref.finalize(self, _end_all, self._threads)

    def is_off(self, key: str) -> bool:
        """Whether live values of an indicator are switched off; at the end one may try."""
        return self._clock() < self._off_until.get(key, float("-inf"))

    @property
    def problems(self) -> Mapping[str, str]:
        """Indicators whose live values are switched off now, and why."""
        return {
            key: self._reasons[key]
            for key, circuit in self._circuits.items()
            if circuit.is_open and key in self._reasons
        }

    @contextmanager
    def watching(self, indicator: Indicator) -> Iterator[None]:
        """Count how live code goes; what a source lacks or does is not its fault.

        Raises:
            IndicatorOff: it failed too often of late.
        """
        if indicator.provider == BUILT_IN:
            yield
            return
        key = indicator.key
        circuit = self._circuits.get(key)
        if circuit is None:
            circuit = self._circuits[key] = Circuit(
                key, failures=self._failures, cool_down_seconds=self._off_seconds, clock=self._clock
            )
        try:
            circuit.check()
        except SourceUnavailable:
            raise IndicatorOff(key, self._reasons.get(key, "")) from None
        try:
            yield
        except (MissingSource, SourceError, asyncio.CancelledError):
            circuit.give_up()
            raise
        except Exception as error:
            circuit.fail()
            self._reasons[key] = _reason(error)
            if circuit.is_open and not self.is_off(key):
                self._off_until[key] = self._clock() + self._off_seconds
                self._tell(indicator)
            raise
        circuit.succeed()
        self._off_until.pop(key, None)

    async def run(
        self,
        indicator: Indicator,
        live: Live,
        sources: Sources,
        parameters: Parameters,
        *,
        seconds: float,
    ) -> object:
        """What live code gives.

        Raises:
            TimeoutError: it took longer.
            PluginError: it wanted to end its thread, or too many of its threads never came back.
        """
        if indicator.provider == BUILT_IN:
            async with asyncio.timeout(seconds):
                return await live.compute(sources, parameters)
        thread = self._thread(indicator)
        bridged = _Bridged(sources, asyncio.get_running_loop())
        work = asyncio.run_coroutine_threadsafe(
            _contained(indicator, live.compute(bridged, parameters)), thread.loop
        )
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(work)
        except TimeoutError:
            work.cancel()
            if not await thread.answers():
                self._abandon(indicator.provider, thread)
            raise

    def _thread(self, indicator: Indicator) -> _Thread:
        provider = indicator.provider
        stuck = [one for one in self._stuck.get(provider, ()) if one.is_alive]
        if len(stuck) >= _STUCK:
            raise PluginError(provider, "its live code never comes back", "mend it, then restart")
        if provider not in self._threads:
            self._threads[provider] = _Thread(provider)
        return self._threads[provider]

    def _abandon(self, provider: str, thread: _Thread) -> None:
        if self._threads.get(provider) is thread:
            del self._threads[provider]
            self._stuck.setdefault(provider, []).append(thread)
            thread.interrupt()

    def _tell(self, indicator: Indicator) -> None:
        reason = self._reasons[indicator.key]
        logger.warning(
            "indicator switched off",
            indicator=indicator.key,
            plugin=indicator.provider,
            reason=reason,
            seconds=self._off_seconds,
        )
        if self._on_off is not None:
            telling = asyncio.ensure_future(self._on_off(indicator.key, reason, self._off_seconds))
            self._telling.add(telling)
            telling.add_done_callback(self._told)

    def _told(self, telling: asyncio.Future[None]) -> None:
        self._telling.discard(telling)
        if not telling.cancelled() and (error := telling.exception()):
            logger.warning("cannot note what is switched off", error=str(error))


class _Thread:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"live code of {name}", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it has not come to its end."""
        return self._thread.is_alive()

    def _run(self) -> None:
        with suppress(SystemExit):  # it was interrupted
            self.loop.run_forever()
        with suppress(SystemExit):
            self.loop.run_until_complete(_cancel_others())
        self.loop.close()

    async def answers(self) -> bool:
        """Whether it does anything when it is asked to, soon."""
        answered: Future[None] = Future()
        self.loop.call_soon_threadsafe(_set, answered)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await asyncio.wrap_future(answered)
        except TimeoutError:
            return False
        return True

    def end(self) -> None:
        """End it, if its loop turns; else it ends with the process."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_ANSWER_SECONDS)

    def interrupt(self) -> None:
        """End it as soon as it runs Python again; what waits in C for ever stays."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        number = ctypes.c_ulong(self._thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(SystemExit))


class _Bridged:
    """`Sources` of one run, asked from the plugin's thread and answered in the request's."""

    def __init__(self, sources: Sources, home: asyncio.AbstractEventLoop) -> None:
        self._sources = sources
        self._home = home
        self.course_key = sources.course_key
        self.user_ids: Sequence[int] = sources.user_ids

    async def students(self, dataset: str) -> pa.Table:
        """Rows about these students."""
        return await self._ask(self._sources.students(dataset))

    async def course(self, dataset: str) -> pa.Table:
        """All rows of the course."""
        return await self._ask(self._sources.course(dataset))

    async def _ask(self, question: Coroutine[Any, Any, pa.Table]) -> pa.Table:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(question, self._home))


async def _cancel_others() -> None:
    """What is still under way in this loop comes to its end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _end_all(threads: dict[str, _Thread]) -> None:
    for thread in threads.values():
        thread.end()


def _set(future: Future[None]) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(None)


async def _contained(indicator: Indicator, work: Awaitable[object]) -> object:
    """What would end the thread, as an error that does not."""
    try:
        return await work
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as exc:  # an edge: third-party code runs here
        raise PluginError(
            indicator.provider,
            f"live code of {indicator.key} raised {type(exc).__name__}",
            "mend its code: it may not end its process",
        ) from exc


def _reason(error: Exception) -> str:
    """In one line, without what a stranger's message may quote."""
    if isinstance(error, PluginError):
        return one_line(error)
    if isinstance(error, TimeoutError):
        return "its live code does not answer in time"
    return f"its live code raises {type(error).__name__}"
