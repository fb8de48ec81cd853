"""Stored summaries as rows of the schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aggregates.fields import FieldRef
from aggregates.reader import Reader
from aggregates.records import CourseRecord, SummaryRecord
from api.context import Catalog
from api.schema.records import Row
from indicators.result import COURSE_GROUP, STATISTICS
from indicators.shape import VALUES


def statistics_row(summary: SummaryRecord | None) -> dict[str, Any]:
    """A summary's columns; all null where there is none."""
    if summary is None:
        return dict.fromkeys((*STATISTICS, "histogram"), None)
    row: dict[str, Any] = {name: getattr(summary, name) for name in STATISTICS}
    row["histogram"] = _bins(summary)
    return row


async def read_class_statistics(
    reader: Reader, catalog: Catalog, course: CourseRecord, refs: Sequence[FieldRef]
) -> dict[FieldRef, Row]:
    """Exact statistics of the class by field: the free summary, or the group's own."""
    found = await reader.summaries(course, [COURSE_GROUP], refs) if refs else {}
    statistics: dict[FieldRef, Row] = {}
    for ref in refs:
        statistics[ref] = statistics_row(found.get((COURSE_GROUP, ref.indicator, ref.field)))
        group = catalog.values[ref.indicator].group
        if group and group.has_own_statistics:
            rows = await reader.rows(course, ref.indicator, "group", VALUES, [COURSE_GROUP])
            for row in rows[COURSE_GROUP]:
                statistics[ref] = {**statistics[ref], **dict(row)}
    return statistics


def standing_row(percentile: float | None, statistics: Row) -> dict[str, Any]:
    """A student's place and the numbers of the class."""
    return {
        "percentile": percentile,
        "class_mean": statistics["mean"],
        "class_median": statistics["median"],
        "class_p25": statistics["p25"],
        "class_p75": statistics["p75"],
        "n": statistics["n"],
    }


def _bins(summary: SummaryRecord) -> list[Row] | None:
    if summary.minimum is None or summary.maximum is None:
        return None
    count = len(summary.histogram)
    width = (summary.maximum - summary.minimum) / count if count else 0.0
    borders = [summary.minimum + index * width for index in range(count)] + [summary.maximum]
    return [
        {"lower": borders[index], "upper": borders[index + 1], "count": learners}
        for index, learners in enumerate(summary.histogram)
    ]
