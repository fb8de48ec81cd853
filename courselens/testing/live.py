"""Run the live code of an indicator on a built course, to compare it with what is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from courselens.domain import Window, to_us
from courselens.errors import MissingSource, PluginError
from courselens.testing.built import Course
from courselens.testing.finding import find_indicator
from indicators.contract import Indicator
from indicators.live import Live
from indicators.parameters import Parameters, check_values
from indicators.registry import Registry, load_registry


async def run_live_students(
    key: str,
    course: Course,
    user_ids: Sequence[int],
    *,
    registry: Registry | None = None,
    now: datetime | None = None,
) -> Mapping[int, Any]:
    """What live code says of these students, by id.

    Raises:
        MissingSource: the built course has nothing of a dataset.
        PluginError: the indicator has no such code, or it reads what it did not declare.
    """
    registry = registry or load_registry()
    indicator = find_indicator(registry, key)
    found: Any = await _run(registry, indicator, indicator.live_student, course, user_ids, now)
    return dict(found)


async def run_live_course(
    key: str,
    course: Course,
    *,
    registry: Registry | None = None,
    now: datetime | None = None,
) -> Any:
    """What live code says of the course as a whole; raises as `run_live_students` does."""
    registry = registry or load_registry()
    indicator = find_indicator(registry, key)
    return await _run(registry, indicator, indicator.live_course, course, (), now)


async def _run(
    registry: Registry,
    indicator: Indicator,
    live: Live | None,
    course: Course,
    user_ids: Sequence[int],
    now: datetime | None,
) -> object:
    if live is None:
        raise PluginError(
            indicator.provider,
            f"{indicator.key} has no live code for this",
            "decorate it with live_for_students or live_for_course",
        )
    now_us = to_us(now or datetime.now(UTC))
    parameters = Parameters(
        window=Window(now_us, now_us),
        as_of_us=now_us,
        course_start_us=now_us,
        values=check_values(registry.parameters(indicator.key), {}, owner=indicator.key),
    )
    return await live.compute(_BuiltSources(indicator, live, course, user_ids), parameters)


class _BuiltSources:
    """The datasets of a built course, as `Sources`."""

    def __init__(
        self, indicator: Indicator, live: Live, course: Course, user_ids: Sequence[int]
    ) -> None:
        self._indicator = indicator
        self._reads = live.reads
        self._tables = course.tables()
        self.course_key = course.course_key
        self.user_ids = user_ids

    async def students(self, dataset: str) -> pa.Table:
        """Rows about these students."""
        table = await self.course(dataset)
        ids = pa.array(list(self.user_ids), pa.int64())
        return table.filter(pc.is_in(table.column("user_id"), ids))

    async def course(self, dataset: str) -> pa.Table:
        """All rows of the course."""
        if dataset not in self._reads:
            raise PluginError(
                self._indicator.provider,
                f"live code of {self._indicator.key} reads {dataset!r} without having declared it",
                f"add {dataset!r} to its `reads`",
            )
        if dataset not in self._tables:
            raise MissingSource(dataset)
        return self._tables[dataset]
