"""What answers about students are made of: columns of a statement, and what is told beside."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aggregates.fields import FieldRef
from aggregates.records import EnvelopeRecord
from api.access.policy import Access, Grant, decide
from api.context import Catalog, Context, CourseSource
from api.cursors import write_id
from api.plans.builder import Answered, Build, Builder, Deopt, ObjectSource, Place
from api.plans.chosen import Chosen
from api.reading.released import Released
from api.reading.students import STUDENT_ID
from api.schema.records import Column, Nested, Record
from api.schema.shapes import Value
from api.types.course_facts import COURSE_FACTS, CourseNode
from api.types.meta import RESULT_META, meta_row
from courselens.domain import Level
from indicators.result import Status

USER_ID = 1
"""Its place in a record; columns of the roster and values follow."""
_STORED_AS = {"is_enrolled": "in_l"}
_ARGUMENTS = "row, metas, standings, course"
_BESIDE_KEPT = 64
"""Courses, for each selection."""

Beside = tuple[list[Any], list[Callable[[float | None], Any]]]
"""What `meta` fields say, and what makes the place in the class of an own number."""


@dataclass(slots=True)
class StudentAnswer:
    """What the selections on one field's students need, and may see.

    Attributes:
        columns: of the roster, and scalar fields, in the order of the record.
        values: indicators that are asked for, by key.
        metas: indicators whose `meta` is asked for, and what makes its part of the answer.
        standings: numbers whose `standing` is asked for, and the same.
    """

    catalog: Catalog
    builder: Builder
    columns: list[str | FieldRef] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    metas: list[tuple[Value, Build]] = field(default_factory=list)
    standings: list[tuple[FieldRef, Build]] = field(default_factory=list)
    _granted: dict[tuple[Access, bool], bool] = field(default_factory=dict)
    _beside: OrderedDict[int, tuple[Mapping[str, EnvelopeRecord], Beside | None]] = field(
        default_factory=OrderedDict
    )
    """By course: the envelopes of its run, and what was made beside the rows."""

    def compile(self, student: Record, one: Chosen) -> Build:
        """The function from a record to one place in the answer; several share the columns.

        Raises:
            Deopt: it asks for more than columns.
        """
        return self.builder.function(student, one.below, _Student(self), _ARGUMENTS)

    def place(self, column: str | FieldRef) -> int:
        """Place of a column in the record."""
        if column == "user_id":
            return USER_ID
        if column not in self.columns:
            self.columns.append(column)
        return USER_ID + 1 + self.columns.index(column)

    def is_live(self, context: Context) -> bool:
        """Whether something that is asked for is made now."""
        for one in self.values.values():
            if context.live.offers(one.indicator, one.indicator.live_student):
                return True
        return False

    async def beside(self, context: Context, course: CourseSource, *, own: bool) -> Beside | None:
        """What the answer holds beside its rows; None where the resolvers must decide."""
        key = course.access, own
        if key not in self._granted:
            self._granted[key] = self._is_granted(context, course.access, own=own)
        if not self._granted[key]:
            return None
        if self.is_live(context):
            return None
        reader, record = context.reader, course.record
        told = [ref.indicator for ref, _ in self.standings]
        envelopes = reader.remembered_envelopes(record)
        is_remembered = envelopes is not None and reader.remembers_released(record, told)
        kept = self._beside.get(record.course_id)
        if is_remembered and kept is not None and kept[0] is envelopes:
            return kept[1]
        if envelopes is None:
            envelopes = await reader.envelopes(record, list(self.values))
        released = await Released.read(context, course, list(dict.fromkeys(told)))
        made = self._make_beside(context, envelopes, released)
        if is_remembered:
            self._beside[record.course_id] = envelopes, made
            if len(self._beside) > _BESIDE_KEPT:
                self._beside.popitem(last=False)
        return made

    def _is_granted(self, context: Context, access: Access, *, own: bool) -> bool:
        exact = (
            decide(access, Level.STUDENT, value.indicator.privacy, own=own) is Grant.EXACT
            for value in self.values.values()
        )
        # The places that the team sees are stored ones, and left to the resolvers.
        indicator = context.catalog.registry.indicator
        protected = (
            decide(access, Level.COURSE, indicator(ref.indicator).privacy) is Grant.PROTECTED
            for ref, _ in self.standings
        )
        return all(exact) and all(protected)

    def _make_beside(
        self, context: Context, envelopes: Mapping[str, EnvelopeRecord], released: Released
    ) -> Beside | None:
        found = (envelopes.get(key) for key in self.values)
        if any(one is not None and one.status == Status.FAILED.value for one in found):
            return None
        metas = [
            build(meta_row(value.indicator, envelopes.get(value.indicator.key)))
            for value, build in self.metas
        ]
        groups = context.catalog.values
        standings = [
            _standing(released, groups[ref.indicator].group, ref, build)
            for ref, build in self.standings
        ]
        return metas, standings


def _standing(
    released: Released, group: Value | None, ref: FieldRef, build: Build
) -> Callable[[float | None], Any]:
    return lambda own: build(released.standing(group, ref, own))


@dataclass(frozen=True, slots=True)
class _Student:
    """Columns of the roster."""

    answer: StudentAnswer

    def column(self, column: Column) -> str:
        if column.name == "id":
            write = self.answer.builder.constant(write_id)
            return f"{write}({STUDENT_ID!r}, course.record.course_key, row[{USER_ID}])"
        return f"row[{self.answer.place(_STORED_AS.get(column.name, column.name))}]"

    def nested(self, nested: Nested) -> Place:
        if nested.name == "indicators":
            return _Indicators(self.answer)
        if nested.record is COURSE_FACTS:
            return f"{self.answer.builder.constant(CourseNode)}(course)", ObjectSource()
        raise Deopt("shape")


@dataclass(frozen=True, slots=True)
class _Indicators:
    """Indicators by key."""

    answer: StudentAnswer

    def column(self, column: Column) -> str:
        raise Deopt("shape")

    def nested(self, nested: Nested) -> Place:
        value = self.answer.catalog.values[nested.name].student
        if value is None:
            raise Deopt("shape")
        self.answer.values[nested.name] = value
        return _Value(self.answer, value)


@dataclass(frozen=True, slots=True)
class _Value:
    """Scalar fields of one indicator, and its envelope."""

    answer: StudentAnswer
    value: Value

    def column(self, column: Column) -> str:
        return f"row[{self.answer.place(FieldRef(self.value.indicator.key, column.name))}]"

    def nested(self, nested: Nested) -> Place:
        if nested.record is RESULT_META:
            return Answered(self._meta)
        for ref in self.value.numeric:
            if nested.name == ("standing" if self.value.inline else f"{ref.field}_standing"):
                return Answered(partial(self._standing, ref))
        raise Deopt("shape")

    def _standing(self, ref: FieldRef, build: Build) -> str:
        self.answer.standings.append((ref, build))
        place = self.answer.place(ref)
        return f"standings[{len(self.answer.standings) - 1}](row[{place}])"

    def _meta(self, build: Build) -> str:
        self.answer.metas.append((self.value, build))
        return f"metas[{len(self.answer.metas) - 1}]"
