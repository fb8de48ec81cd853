"""Columns of exported tables: names, kinds and units, which are a contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aggregates.fields import FieldRef
from aggregates.student_statements import ROSTER
from aggregates.tables import BlockName
from api.schema.records import Column
from api.schema.shapes import Value, unit_of
from api.types.scalars import GradeBand
from api.types.student import student_record
from api.types.summary import HISTOGRAM_BIN
from api.types.summary import STANDING as STANDING_RECORD
from api.types.summary import SUMMARY as SUMMARY_RECORD
from indicators.shape import Field, Kind, Part

_KINDS: dict[object, Kind] = {
    int: Kind.INT,
    float: Kind.FLOAT,
    str: Kind.STRING,
    datetime: Kind.INSTANT,
    GradeBand: Kind.ENUM,
}


_TEXTS = frozenset({Kind.STRING, Kind.BLOCK, Kind.ENUM})

Cells = Sequence[Sequence[Any]]
"""Rows of a table, each with a value for every column."""


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column of a file.

    Attributes:
        name: in every form of file.
        kind: of its values.
        description: prose.
        unit: of a number, where one is known.
        indicator: whose value it is; None: a fact of the subject.
        is_list: values are lists.
    """

    name: str
    kind: Kind
    description: str
    unit: str | None = None
    indicator: str | None = None
    is_list: bool = False

    @property
    def is_text(self) -> bool:
        """Whether somebody may have written the values."""
        return self.kind in _TEXTS and not self.is_list


COURSE_KEY = ExportColumn("course_key", Kind.STRING, "Course key, `course-v1:…`.")
GROUP = (
    ExportColumn("group_id", Kind.STRING, "`cohort:NAME`, `mode:NAME` or `arm:PARTITION:GROUP`."),
    ExportColumn("group_kind", Kind.STRING, "`cohort`, `mode` or `arm`."),
    ExportColumn("group_name", Kind.STRING, "Name of the group."),
)


def _fact(column: Column) -> ExportColumn:
    return ExportColumn(column.name, _KINDS[column.kind], column.description)


STUDENT = tuple(
    _fact(field)
    for field in student_record(()).fields
    if isinstance(field, Column) and field.name in ("user_id", *ROSTER)
)
"""Columns of the roster."""
WHO = tuple(column for column in STUDENT if column.name in ("user_id", "username"))
"""Whom a row of an indicator is about."""
_FIELD = ExportColumn("field", Kind.STRING, "Field of the indicator that is summarised.")
_UNIT = ExportColumn("unit", Kind.STRING, "Its unit.")
SUMMARY = (
    _FIELD,
    _UNIT,
    *(_fact(field) for field in SUMMARY_RECORD.fields if isinstance(field, Column)),
)
STANDING = (
    replace(_FIELD, description="Field of the indicator that is compared."),
    _UNIT,
    *(
        replace(_fact(field), unit="percent" if field.name == "percentile" else None)
        for field in STANDING_RECORD.fields
        if isinstance(field, Column)
    ),
)
HISTOGRAM = (
    _FIELD,
    _UNIT,
    *(_fact(field) for field in HISTOGRAM_BIN.fields if isinstance(field, Column)),
)


def scalar_columns(
    value: Value, *, beside_roster: bool
) -> list[tuple[ExportColumn, FieldRef | BlockName]]:
    """Columns of scalar fields of a student, and what each is read from.

    Beside the roster their names begin with the indicator, as in the store's tables.
    """
    found: list[tuple[ExportColumn, FieldRef | BlockName]] = []
    for field in value.scalars:
        ref = FieldRef(value.indicator.key, field.name)
        column = _column(value, field, ref.column if beside_roster else field.name)
        found.append((column, ref))
        if names_block(field):
            found.append((_block_name(column), BlockName(ref)))
    return found


def part_columns(value: Value, part: Part) -> list[tuple[ExportColumn, Field | BlockName]]:
    """Columns of a part's rows, keys first, and what each is read from."""
    found: list[tuple[ExportColumn, Field | BlockName]] = []
    for field in part.fields:
        column = _column(value, field, field.name)
        found.append((column, field))
        if names_block(field):
            found.append((_block_name(column), BlockName(field)))
    return found


def names_block(field: Field) -> bool:
    """Whether a column with the block's name stands beside a field."""
    return field.kind is Kind.BLOCK and not field.is_list


def told_apart(columns: Sequence[ExportColumn]) -> tuple[ExportColumn, ...]:
    """The columns; one whose name was taken before it gets underscores."""
    taken: set[str] = set()
    apart: list[ExportColumn] = []
    for column in columns:
        name = column.name
        while name in taken:
            name += "_"
        taken.add(name)
        apart.append(replace(column, name=name))
    return tuple(apart)


def _column(value: Value, field: Field, name: str) -> ExportColumn:
    return ExportColumn(
        name, field.kind, field.description, unit_of(field), value.indicator.key, field.is_list
    )


def _block_name(column: ExportColumn) -> ExportColumn:
    prose = f"Display name of `{column.name}`."
    name = f"{column.name}_display_name"
    return replace(column, name=name, kind=Kind.STRING, description=prose)


def as_json(column: ExportColumn) -> dict[str, Any]:
    """A column as the file about the table has it."""
    return {
        "name": column.name,
        "type": f"list of {column.kind}" if column.is_list else column.kind.value,
        "unit": column.unit,
        "description": column.description,
        "indicator": column.indicator,
    }
