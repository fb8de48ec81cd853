"""Which indicators a selection asks for, and what the policy and the last refresh say to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from aggregates.fields import FieldRef
from aggregates.records import EnvelopeRecord
from api.access.policy import Grant, decide, refusal
from api.context import Context, CourseSource
from api.schema.records import camel
from api.schema.selection import Selection
from api.schema.shapes import Value, Values
from courselens.domain import Level
from courselens.errors import IndicatorFailed
from indicators.live import Live
from indicators.result import Status
from indicators.shape import Field, Part


@dataclass(frozen=True)
class Wanted:
    """An indicator that is asked for and granted, and what of it."""

    value: Value
    below: Selection
    grant: Grant
    envelope: EnvelopeRecord | None
    live: Live | None = None

    @property
    def key(self) -> str:
        """The indicator."""
        return self.value.indicator.key

    @property
    def is_protected(self) -> bool:
        """Whether small numbers must be left out."""
        return self.grant is Grant.PROTECTED

    def of(self, name: str) -> Selection | None:
        """What is asked for of a field, by snake_case name; None: nothing."""
        return self.below.get(camel(name))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Parts that are asked for."""
        return tuple(part for part in self.value.parts if self.of(part.name) is not None)

    @cached_property
    def scalars(self) -> tuple[Field, ...]:
        """Scalar fields that are asked for; a group's own counts always, as all depends on them."""
        counts = ("n", "n_null") if self.value.has_own_statistics else ()
        return tuple(
            field
            for field in self.value.scalars
            if self.of(field.name) is not None or field.name in counts
        )


def indicators_in(
    context: Context, selection: Selection, pick: Callable[[Values], Value | None]
) -> list[tuple[Value, Selection]]:
    """Indicators that a selection on an `indicators` object names."""
    found: list[tuple[Value, Selection]] = []
    for name, below in selection.items():
        values = context.catalog.by_field.get(name)
        value = pick(values) if values else None
        if value is not None:  # else `__typename`
            found.append((value, below))
    return found


async def grant_indicators(
    context: Context,
    course: CourseSource,
    asked: Sequence[tuple[Value, Selection]],
    *,
    level: Level,
    own: bool = False,
) -> tuple[list[Wanted], dict[str, Exception]]:
    """Split what is asked for into what is granted and what is an error at its field."""
    refused: dict[str, Exception] = {}
    granted: list[tuple[Value, Selection, Grant]] = []
    for value, below in asked:
        grant = decide(course.access, level, value.indicator.privacy, own=own)
        if grant is Grant.DENIED:
            what = f"{value.indicator.key} of this {level.value}"
            refused[value.indicator.key] = refusal(course.access, what)
        else:
            granted.append((value, below, grant))
    envelopes: Mapping[str, EnvelopeRecord] = {}
    if granted:
        keys = [value.indicator.key for value, _, _ in granted]
        envelopes = await context.reader.envelopes(course.record, keys)
    wanted: list[Wanted] = []
    for value, below, grant in granted:
        envelope = envelopes.get(value.indicator.key)
        # What the class is told must not change with every question (rule R3).
        live = None if grant is Grant.PROTECTED else _live(context, value, below, level)
        one = Wanted(value, below, grant, envelope, live)
        if one.live is None and envelope and envelope.status == Status.FAILED.value:
            refused[value.indicator.key] = IndicatorFailed(value.indicator.key)
        else:
            wanted.append(one)
    return wanted, refused


def _live(context: Context, value: Value, below: Selection, level: Level) -> Live | None:
    """The code that gives what is asked for now; None: what is stored counts."""
    indicator = value.indicator
    live = {Level.STUDENT: indicator.live_student, Level.COURSE: indicator.live_course}.get(level)
    names = {"meta", *(f.name for f in value.scalars), *(part.name for part in value.parts)}
    is_asked = not below.keys().isdisjoint(map(camel, names))
    return live if is_asked and context.live.offers(indicator, live) else None


def field_refs(wanted: Wanted, fields: Sequence[Field]) -> list[FieldRef]:
    """Scalar fields as the store names them."""
    return [FieldRef(wanted.key, field.name) for field in fields]
