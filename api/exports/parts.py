"""Parts of an indicator's result that can be asked for, and the statistics among them."""

from __future__ import annotations

from typing import Any

from api.exports.columns import HISTOGRAM, SUMMARY, ExportColumn
from api.schema.records import Row
from api.schema.shapes import Value
from courselens.domain import Level
from courselens.errors import BadParameter
from indicators.shape import VALUES, Part

SUMMARY_PART, HISTOGRAM_PART, STANDING_PART = "summary", "histogram", "standing"
"""Statistics that come by themselves; they have no declared part."""
_FIRST = ("rows", SUMMARY_PART, VALUES)


def offered_parts(value: Value, level: Level) -> dict[str, Part | str]:
    """Parts that can be asked for; statistics that come by themselves by name."""
    offered: dict[str, Part | str] = {}
    if level is not Level.STUDENT and value.numeric:
        offered = {SUMMARY_PART: SUMMARY_PART, HISTOGRAM_PART: HISTOGRAM_PART}
    if value.scalars:
        offered[VALUES] = Part(VALUES, type(None), False, (), value.scalars)
    offered.update((part.name, part) for part in value.parts)
    if level is Level.STUDENT and value.numeric:
        offered.setdefault(STANDING_PART, STANDING_PART)
    return offered


def chosen_part(value: Value, level: Level, name: str | None) -> Part | str:
    """The part of this name; None: the first there is of `rows`, `summary`, `values`.

    Raises:
        BadParameter: it has no such part.
    """
    offered = offered_parts(value, level)
    if name is None:
        name = next(one for one in (*_FIRST, *offered) if one in offered)
    if name not in offered:
        raise BadParameter("part", name, " | ".join(offered))
    return offered[name]


def statistics_columns(part: str) -> tuple[ExportColumn, ...]:
    """Columns of statistics, behind the subject's."""
    return SUMMARY if part == SUMMARY_PART else HISTOGRAM


def statistics_rows(start: tuple[Any, ...], row: Row, part: str) -> list[tuple[Any, ...]]:
    """Lines of a field's statistics, behind the subject, the field and its unit."""
    lines = [row] if part == SUMMARY_PART else row["histogram"] or ()
    names = [column.name for column in statistics_columns(part)[2:]]
    return [(*start, *(line[name] for name in names)) for line in lines]
