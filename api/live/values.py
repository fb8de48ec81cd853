"""Runs the live code of indicators and brings what it gives to rows of the schema."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aggregates.records import CourseRecord, EnvelopeRecord
from api.live.batch import Batch
from api.live.sources import BoundSources
from api.schema.records import Row
from courselens.domain import Window, to_us
from courselens.errors import DeadlineExceeded, MissingSource, PluginError
from indicators.contract import Indicator
from indicators.live import Live
from indicators.parameters import Parameters, ParameterValue, check_values
from indicators.registry import Registry
from indicators.result import COURSE_GROUP, Status
from indicators.shape import VALUES, Field, Kind, Part, Shape

_PATIENCE = 3.0
"""Deadlines that live code may take: one for the others, one for its source, one for itself."""

PartRows = Mapping[str, list[Row]]
"""Rows of one subject by part; the scalar fields are the one row of the part `values`."""


@dataclass(frozen=True, slots=True)
class LiveQuestion:
    """A value that is wanted now.

    Attributes:
        indicator: whose.
        live: its code for these subjects.
        stored: how the stored value was made; None if there is none.
        user_ids: the students it is about, whom the viewer may see; None: the course as a whole.
    """

    indicator: Indicator
    live: Live
    stored: EnvelopeRecord | None
    user_ids: Sequence[int] | None


@dataclass(frozen=True, slots=True)
class LiveValues:
    """What live code gave: rows by subject (the course is `COURSE_GROUP`), and how it was made."""

    rows: Mapping[Any, PartRows]
    shape: Shape
    envelope: EnvelopeRecord

    def of(self, subject: int | str, part: str) -> list[Row]:
        """Rows of a part; null in every field where there is no value of the subject."""
        found = self.rows.get(subject) or _rows(self.shape, None)
        return found[part]


async def read_live(
    batch: Batch, registry: Registry, course: CourseRecord, questions: Sequence[LiveQuestion]
) -> dict[str, LiveValues | Exception]:
    """Values by indicator, all read at a time; an exception in place of those that failed."""
    for question in questions:
        batch.expect(question.live.reads, course.course_key, question.user_ids or ())
    with batch.waiting():
        given = await asyncio.gather(
            *(_read(batch, registry, course, question) for question in questions),
            return_exceptions=True,
        )
    found: dict[str, LiveValues | Exception] = {}
    for question, value in zip(questions, given, strict=True):
        if isinstance(value, BaseException) and not isinstance(value, Exception):
            raise value
        found[question.indicator.key] = value
    return found


async def _read(
    batch: Batch, registry: Registry, course: CourseRecord, question: LiveQuestion
) -> LiveValues:
    indicator, now = question.indicator, datetime.now(UTC)
    of_course = question.user_ids is None
    shape = (registry.group_shape if of_course else registry.student_shape)(indicator.key)
    assert shape is not None  # noqa: S101 - the registry admits no live code without
    values = check_values(registry.parameters(indicator.key), {}, owner=indicator.key)
    envelope = _envelope(question, now, values)
    sources = BoundSources(
        batch, indicator, question.live, course.course_key, question.user_ids or ()
    )
    patience = _PATIENCE * batch.deadline_seconds
    try:
        with batch.code.watching(indicator):
            given = await batch.code.run(
                indicator,
                question.live,
                sources,
                _parameters(course, now, values),
                seconds=patience,
            )
            rows = _by_subject(indicator, shape, question.user_ids, given)
    except MissingSource as error:
        absent = dataclasses.replace(envelope, missing_source=error.names)
        return LiveValues({}, shape, absent)
    except TimeoutError as error:
        raise DeadlineExceeded(patience) from error
    return LiveValues(rows, shape, envelope)


def _by_subject(
    indicator: Indicator, shape: Shape, user_ids: Sequence[int] | None, given: object
) -> dict[Any, PartRows]:
    """Rows of each subject, of what live code gave.

    Raises:
        PluginError: it is something else than the result type.
    """
    if user_ids is None:
        by_subject: Mapping[Any, object] = {COURSE_GROUP: given}
    elif isinstance(given, Mapping):
        # Of nobody else, whatever the code says.
        by_subject = {one: given[one] for one in user_ids if one in given}
    else:
        raise _misfit(indicator, given, "a mapping of values by user id")
    for value in by_subject.values():
        if not isinstance(value, shape.result_type):
            raise _misfit(indicator, value, shape.result_type.__name__)
    return {subject: _rows(shape, value) for subject, value in by_subject.items()}


def _misfit(indicator: Indicator, given: object, wanted: str) -> PluginError:
    return PluginError(
        indicator.provider,
        f"live code of {indicator.key} gave a {type(given).__name__}",
        f"return {wanted}",
    )


def _envelope(
    question: LiveQuestion, now: datetime, values: Mapping[str, ParameterValue]
) -> EnvelopeRecord:
    """That of the stored value, whose students these are, but made now and of the state alone."""
    indicator, stored = question.indicator, question.stored
    return EnvelopeRecord(
        indicator=indicator.key,
        version=indicator.version,
        provider=indicator.provider,
        provider_version=indicator.provider_version,
        unit=indicator.unit,
        parameters=values,
        start_at=stored.start_at if stored else None,
        end_at=now,
        as_of=now,
        computed_at=now,
        state_as_of=now,
        coverage=1.0,
        partial=False,
        population_basis=stored.population_basis if stored else "enrollment",
        staff_excluded=stored.staff_excluded if stored else True,
        missing_source=(),
        notes={},
        status=Status.READY.value,
        error=None,
    )


def _parameters(
    course: CourseRecord, now: datetime, values: Mapping[str, ParameterValue]
) -> Parameters:
    start = course.start_at if course.start_at and course.start_at <= now else now
    now_us, start_us = to_us(now), to_us(start)
    return Parameters(
        window=Window(start_us, now_us), as_of_us=now_us, course_start_us=start_us, values=values
    )


def _rows(shape: Shape, value: object) -> dict[str, list[Row]]:
    """A value's rows by part; of None one row of nulls, or none where there are many."""
    rows: dict[str, list[Row]] = {}
    for part in shape.parts:
        given = _part_of(value, part) if value is not None else None
        if given is None:
            rows[part.name] = [] if part.many else [dict.fromkeys(f.name for f in part.fields)]
        else:
            rows[part.name] = [
                {f.name: _plain(f, getattr(one, f.attribute)) for f in part.fields}
                for one in (given if part.many else [given])
            ]
    return rows


def _part_of(value: Any, part: Part) -> Any:
    if part.name == VALUES:
        return value
    names = [each.name for each in dataclasses.fields(value)]
    return getattr(value, next(name for name in names if name.rstrip("_") == part.name))


def _plain(field: Field, value: Any) -> Any:
    """An enum as its text, as it is stored."""
    if field.kind is not Kind.ENUM or value is None:
        return value
    if field.is_list:
        return [each.value if isinstance(each, enum.Enum) else each for each in value]
    return value.value if isinstance(value, enum.Enum) else value
