"""Groups of students: the class, its cohorts, and whoever matches a filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from api.schema.records import Column, Nested, Record
from api.schema.shapes import Value, Values
from courselens.domain import Level


def course_indicators(values: Sequence[Values]) -> Record | None:
    """Indicators about all students of a course; None where there are none."""
    return _indicators(
        "CourseIndicators",
        "Indicators about all students of the course, or the course itself.",
        values,
        lambda each: each.group if _offers(each, Level.COURSE) else None,
    )


def cohort_record(values: Sequence[Values]) -> Record:
    """The type `Cohort`."""
    indicators = _indicators(
        "CohortIndicators",
        "Indicators about the students of a cohort.",
        values,
        lambda each: each.group if _offers(each, Level.GROUP) else None,
    )
    return Record(
        "Cohort",
        "A cohort of the course.",
        (
            Column("name", str, "Name.", nullable=False),
            Column("size", int, "Students in it. Unit: count.", nullable=False),
            *_field(indicators),
        ),
    )


def group_summary(values: Sequence[Values]) -> Record:
    """The type `GroupSummary`: only what can be rolled up from students."""
    return Record(
        "GroupSummary",
        "The enrolled students who match a filter.",
        (_size(), *_field(_ad_hoc_indicators(values))),
    )


def compared_group(values: Sequence[Values]) -> Record:
    """The type `ComparedGroup`: a `GroupSummary` with a name for its column."""
    label = Column("label", str, "As it was given.", nullable=False)
    return Record(
        "ComparedGroup",
        "One of several groups that are looked at side by side.",
        (label, _size(), *_field(_ad_hoc_indicators(values))),
    )


def _size() -> Column:
    return Column("size", int, "How many they are. Unit: count.", nullable=False)


def _ad_hoc_indicators(values: Sequence[Values]) -> Record | None:
    return _indicators(
        "GroupIndicators",
        "Statistics of the numbers of whoever matches a filter.",
        values,
        lambda each: each.ad_hoc,
    )


def _indicators(
    name: str, prose: str, values: Sequence[Values], pick: Callable[[Values], Value | None]
) -> Record | None:
    picked = [value for value in map(pick, values) if value]
    fields = tuple(
        Nested(value.indicator.key, value.record, value.record.description) for value in picked
    )
    return Record(name, prose, fields) if fields else None


def _field(indicators: Record | None) -> tuple[Nested, ...]:
    return (Nested("indicators", indicators, indicators.description),) if indicators else ()


def _offers(values: Values, level: Level) -> bool:
    return values.group is not None and level in values.group.indicator.levels
