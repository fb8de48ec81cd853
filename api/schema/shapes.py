"""Records of an indicator's values, out of the shape of its result.

A student's value has the scalar fields, the parts, `standing` and `meta`. A group's value has the
summary of the numeric student fields (at top level if there is one, else one under each field's
name), what the group result adds, and `meta`. An ad-hoc group has the summary alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from aggregates.fields import FieldRef
from api.schema.records import Column, Nested, Record, camel, pascal
from api.types.block import BLOCK
from api.types.meta import RESULT_META
from api.types.summary import ITS_OWN, STANDING, SUMMARY, in_unit, statistic_fields
from courselens.domain import Level
from indicators.contract import Indicator, Privacy
from indicators.registry import Registry
from indicators.shape import VALUES, Field, Kind, Part, Shape, ShapeError

_GRAPHQL_NAME = re.compile(r"(?!__)[_A-Za-z][_0-9A-Za-z]*")
_KINDS: dict[Kind, Any] = {
    Kind.INT: int,
    Kind.FLOAT: float,
    Kind.BOOL: bool,
    Kind.STRING: str,
    Kind.DAY: date,
    Kind.INSTANT: datetime,
}
_UNITS = frozenset(
    {"seconds", "days", "hours", "minutes", "percent", "ratio", "share", "rate", "points"}
)
_OWN_STATISTICS = {"n", "mean", "median", "p25", "p75"}
_META = Nested("meta", RESULT_META, "How the value was made.", nullable=False)


@dataclass(frozen=True, slots=True)
class Value:
    """An indicator's value at one level.

    Attributes:
        record: its GraphQL type.
        scalars: fields of the part `values`.
        parts: the other parts.
        numeric: student fields with a summary and a standing.
        inline: the only numeric field's summary (or standing) stands at top level.
    """

    indicator: Indicator
    record: Record
    scalars: tuple[Field, ...]
    parts: tuple[Part, ...]
    numeric: tuple[FieldRef, ...]

    @property
    def inline(self) -> bool:
        """Whether summary and standing stand at top level."""
        return len(self.numeric) == 1

    @property
    def has_own_statistics(self) -> bool:
        """Whether a group's scalar fields take the summary's place, over students of its own."""
        return {field.name for field in self.scalars} >= _OWN_STATISTICS


@dataclass(frozen=True, slots=True)
class Metric:
    """A scalar student field that filters and orders may name."""

    ref: FieldRef
    field: Field


@dataclass(frozen=True, slots=True)
class Values:
    """An indicator's values at every level it has; None where it has nothing to say."""

    student: Value | None
    group: Value | None
    ad_hoc: Value | None


def read_values(registry: Registry, indicator: Indicator) -> Values:
    """Make the records of an indicator.

    Raises:
        ShapeError: two of its fields would have one GraphQL name, or one has none.
    """
    key = indicator.key
    student = registry.student_shape(key)
    group = registry.group_shape(key)
    numeric = tuple(
        FieldRef(key, field.name)
        for field in (student.values if student else ())
        if field.is_numeric
    )
    summed = numeric if indicator.summary else ()
    of_groups = Level.COURSE in indicator.levels or Level.GROUP in indicator.levels
    # Whoever matches a filter may be one student: only for what is seen of single ones.
    is_ad_hoc = of_groups and bool(summed) and Privacy.STAFF in indicator.privacy
    values = Values(
        _student_value(indicator, student, group, numeric) if student else None,
        _group_value(indicator, student, group, summed) if of_groups else None,
        _ad_hoc_value(indicator, student, summed) if student and is_ad_hoc else None,
    )
    for value in (values.student, values.group, values.ad_hoc):
        if value:
            _check(value.record)
    return values


def metric_names(values: Iterable[Values]) -> dict[str, Metric]:
    """Scalar student fields by the name under which filters and orders know them.

    The name is the indicator's key for its only number, or its only field, else key and field.
    Filters and orders are the course team's: what it may not see of a student has no name here.
    """
    names: dict[str, Metric] = {}
    for value in values:
        student = value.student
        if student and Privacy.STAFF in student.indicator.privacy:
            key = student.indicator.key
            for field in student.scalars:
                is_only = student.inline if field.is_numeric else len(student.scalars) == 1
                name = key if is_only else f"{key}_{field.name}"
                names[name] = Metric(FieldRef(key, field.name), field)
    return names


def _student_value(
    indicator: Indicator, shape: Shape, group: Shape | None, numeric: tuple[FieldRef, ...]
) -> Value:
    parts = _parts(shape)
    fields = [_field(field) for field in shape.values]
    for part in parts:
        owner = "" if _is_shared(part, group) else "Student"
        fields.append(_part(indicator, part, f"{owner}{pascal(indicator.key)}"))
    for ref in numeric:
        own = "standing" if len(numeric) == 1 else f"{ref.field}_standing"
        fields.append(Nested(own, STANDING, "The student's place in the class."))
    name = f"Student{pascal(indicator.key)}"
    record = Record(name, _prose(indicator, "one student"), (*fields, _META))
    return Value(indicator, record, shape.values, parts, numeric)


def _group_value(
    indicator: Indicator, student: Shape | None, group: Shape | None, numeric: tuple[FieldRef, ...]
) -> Value | None:
    name = pascal(indicator.key)
    # Without a type of its own a group has the student's, cell by cell; numbers are in the summary.
    own = bool(group and (student is None or group.result_type is not student.result_type))
    scalars = group.values if group and own else ()
    parts = _parts(group) if group else ()
    fields: list[Column | Nested] = _summaries(numeric, student)
    fields += [_field(field) for field in scalars]
    fields += [_part(indicator, part, name) for part in parts]
    if not fields:
        return None
    record = Record(name, _prose(indicator, "a group of students"), (*fields, _META))
    return Value(indicator, record, scalars, parts, numeric)


def _ad_hoc_value(indicator: Indicator, student: Shape, numeric: tuple[FieldRef, ...]) -> Value:
    fields = _summaries(numeric, student)
    prose = _prose(indicator, "whoever matches a filter")
    record = Record(f"{pascal(indicator.key)}Summary", prose, (*fields, _META))
    return Value(indicator, record, (), (), numeric)


def _summaries(numeric: tuple[FieldRef, ...], student: Shape | None) -> list[Column | Nested]:
    declared = {field.name: field for field in (student.values if student else ())}
    if len(numeric) == 1:
        return list(statistic_fields(unit_of(declared[numeric[0].field]) or ITS_OWN))
    return [Nested(ref.field, SUMMARY, _described(declared[ref.field])) for ref in numeric]


def _is_shared(part: Part, other: Shape | None) -> bool:
    """Whether the other level has the very same rows, so that one type serves both."""
    twin = other.part(part.name) if other else None
    return twin is not None and twin.row_type is part.row_type


def _parts(shape: Shape) -> tuple[Part, ...]:
    return tuple(part for part in shape.parts if part.name != VALUES)


def _part(indicator: Indicator, part: Part, owner: str) -> Nested:
    suffix = "Row" if part.name == "rows" else pascal(part.name)
    record = Record(
        f"{owner}{suffix}",
        f"`{part.name}` of {indicator.title}.",
        tuple(_field(field) for field in part.fields),
    )
    keys = " and ".join(f"`{camel(key.name)}`" for key in part.keys)
    prose = f"A row for each {keys}." if part.many else f"`{part.name}` of {indicator.title}."
    return Nested(part.name, record, prose, is_list=part.many)


def unit_of(field: Field) -> str | None:
    """The unit of a number: as declared, else the last word of its name (catalogue 2.2).

    A whole number whose name says nothing is a count.
    """
    last = field.name.rpartition("_")[2]
    known = field.unit or (last if last in _UNITS else None)
    return known or ("count" if field.kind is Kind.INT else None)


def _described(field: Field) -> str:
    unit = unit_of(field) if field.is_numeric else None
    return in_unit(field.description, unit) if unit else field.description


def _field(field: Field) -> Column | Nested:
    prose = _described(field)
    nullable = field.nullable or not field.is_key
    if field.kind is Kind.BLOCK:
        return Nested(field.name, BLOCK, prose, nullable=nullable, is_list=field.is_list)
    kind = field.enum_type if field.kind is Kind.ENUM else _KINDS[field.kind]
    return Column(field.name, kind, prose, nullable=nullable, is_list=field.is_list)


def _prose(indicator: Indicator, subject: str) -> str:
    return f"{indicator.title} of {subject}. {indicator.description}".strip()


def _check(record: Record) -> None:
    """Refuse names that GraphQL cannot express or that meet each other."""
    seen: dict[str, str] = {}
    for field in record.fields:
        name = camel(field.name)
        if not _GRAPHQL_NAME.fullmatch(name):
            raise ShapeError(
                f"field {field.name!r} of {record.name} is no GraphQL name",
                "use ASCII letters, digits and underscores, not two underscores first",
            )
        if name in seen:
            raise ShapeError(
                f"{record.name} would have two fields {name!r}",
                f"rename the result's field {field.name!r}; the summary, `standing` and `meta` "
                "come by themselves",
            )
        seen[name] = field.name
        if isinstance(field, Nested):
            _check(field.record)
        elif isinstance(field.kind, type) and hasattr(field.kind, "__members__"):
            _check_enum(record, field.kind)


def _check_enum(record: Record, enum_type: Any) -> None:
    for name in enum_type.__members__:
        if not _GRAPHQL_NAME.fullmatch(name.upper()):
            raise ShapeError(
                f"enum {enum_type.__name__} of {record.name} has a member {name!r}",
                "name its members with ASCII letters, digits and underscores",
            )
