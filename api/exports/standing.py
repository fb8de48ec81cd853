"""A student's place in the class, a row for each number (rule R6 where it is protected)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aggregates.reader import Reader
from aggregates.records import CourseRecord, StudentRecord
from aggregates.tables import Place
from api.context import Catalog
from api.exports.columns import STANDING
from api.reading.released import Released
from api.reading.statistics import read_class_statistics, standing_row
from api.schema.shapes import Value, unit_of

_NAMES = [column.name for column in STANDING[2:]]
_CLASS_NUMBERS = _NAMES[1:-1]


async def exact_places(
    reader: Reader, catalog: Catalog, course: CourseRecord, value: Value
) -> list[Place]:
    """What students are compared by, with the exact numbers of the class."""
    statistics = await read_class_statistics(reader, catalog, course, value.numeric)
    units = _units(value)
    places: list[Place] = []
    for ref in value.numeric:
        told = standing_row(None, statistics[ref])
        numbers = [told[name] for name in _CLASS_NUMBERS]
        floats = tuple(None if number is None else float(number) for number in numbers)
        places.append(Place(ref, units[ref.field], floats, told["n"]))
    return places


async def protected_rows(
    reader: Reader,
    catalog: Catalog,
    course: CourseRecord,
    value: Value,
    student: StudentRecord,
    released: Released,
) -> Sequence[tuple[Any, ...]]:
    """The rows of one student, in steps, among those whom the class was last told about."""
    user_id = student.user_id
    values = await reader.student_values(course, [user_id], value.numeric, standing=False)
    group, units = catalog.values[value.indicator.key].group, _units(value)
    rows: list[tuple[Any, ...]] = []
    for ref in value.numeric:
        told = released.standing(group, ref, values[user_id][ref.column])
        head = (course.course_key, user_id, student.username, ref.field, units[ref.field])
        rows.append((*head, *(told[name] for name in _NAMES)))
    return rows


def _units(value: Value) -> dict[str, str | None]:
    return {field.name: unit_of(field) for field in value.scalars}
