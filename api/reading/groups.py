"""Values of groups: the class, cohorts, and whoever matches a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aggregates.fields import FieldRef
from aggregates.filters import StudentFilter
from aggregates.records import SummaryRecord
from api.context import Context, CourseSource
from api.reading.blocks import BlockNames
from api.reading.statistics import statistics_row
from api.reading.wanted import Wanted, grant_indicators, indicators_in
from api.records import Row
from api.selection import Selection
from api.shapes import Values
from api.suppression import protect_rows, protect_statistics
from api.types.meta import meta_row
from api.types.summary import STATISTIC_FIELDS
from courselens.domain import Level
from indicators.shape import VALUES, Part

Summaries = Mapping[tuple[str, str, str], SummaryRecord]
PartRows = Mapping[tuple[str, str], Mapping[str, list[Mapping[str, Any]]]]
_STATISTICS = tuple(field.name for field in STATISTIC_FIELDS)


async def read_groups(
    context: Context,
    course: CourseSource,
    sizes: Mapping[str, int],
    selection: Selection,
    *,
    level: Level,
) -> dict[str, Row]:
    """Rows of an `indicators` object for each group.

    Args:
        context: the request.
        course: whose groups.
        sizes: members by group id.
        selection: what is asked for of `indicators`.
        level: COURSE for the class, GROUP for others.
    """
    asked = indicators_in(context, selection, lambda values: values.group)
    wanted, refused = await grant_indicators(context, course, asked, level=level)
    group_ids = list(sizes)
    refs = [ref for one in wanted for ref in _summed(one)]
    summaries: Summaries = {}
    if refs:
        summaries = await context.reader.summaries(course.record, group_ids, refs)
    rows: dict[tuple[str, str], Mapping[str, list[Mapping[str, Any]]]] = {}
    names = BlockNames()
    for one in wanted:
        for part in _stored_parts(one):
            found = await context.reader.rows(course.record, one.key, "group", part.name, group_ids)
            rows[one.key, part.name] = found
            below = one.below if part.name == VALUES else one.of(part.name) or Selection()
            names.collect(part.fields, below, (row for each in found.values() for row in each))
    await names.look_up(context, course.record)
    return {
        group_id: {
            **refused,
            **{
                one.key: _Group(group_id, size, summaries, rows, names, context.k_min).row(one)
                for one in wanted
            },
        }
        for group_id, size in sizes.items()
    }


async def read_ad_hoc(
    context: Context, course: CourseSource, filter: StudentFilter, selection: Selection
) -> Row:
    """A `GroupSummary`: whoever matches a filter."""
    asked = indicators_in(context, selection.at("indicators"), _ad_hoc)
    wanted, refused = await grant_indicators(context, course, asked, level=Level.GROUP)
    refs = [ref for one in wanted for ref in _summed(one)]
    if not refs:
        size = (
            await context.reader.count_students(course.record, filter) if "size" in selection else 0
        )
        summaries: Summaries = {}
    else:
        found = await context.reader.ad_hoc_summaries(course.record, filter, refs)
        size = found.size
        summaries = {("", *key): summary for key, summary in found.summaries.items()}
    group = _Group("", size, summaries, {}, BlockNames(), context.k_min)
    return {
        "size": size,
        "indicators": {**refused, **{one.key: group.row(one) for one in wanted}},
    }


def _ad_hoc(values: Values) -> Any:
    return values.ad_hoc


def _summed(wanted: Wanted) -> Sequence[FieldRef]:
    """Fields whose summary is asked for."""
    numeric = wanted.value.numeric
    if wanted.value.inline:
        # `meta` repeats n and n_null.
        is_asked = any(wanted.of(name) is not None for name in (*_STATISTICS, "meta"))
        return numeric if is_asked else ()
    return [ref for ref in numeric if wanted.of(ref.field) is not None]


def _stored_parts(wanted: Wanted) -> list[Part]:
    """Parts that must be read, the scalar fields among them."""
    parts = list(wanted.parts)
    if wanted.scalars:
        row_type = wanted.value.indicator.group or type(None)
        parts.insert(0, Part(VALUES, row_type, False, (), wanted.value.scalars))
    return parts


class _Group:
    """One group's share of what was read."""

    def __init__(
        self,
        group_id: str,
        size: int,
        summaries: Summaries,
        rows: PartRows,
        names: BlockNames,
        k_min: int,
    ) -> None:
        self._group_id = group_id
        self._size = size
        self._summaries = summaries
        self._rows = rows
        self._names = names
        self._k_min = k_min

    def row(self, wanted: Wanted) -> Row:
        """The value of one indicator."""
        row: dict[str, Any] = {}
        is_suppressed = False
        for ref in _summed(wanted):
            statistics = statistics_row(
                self._summaries.get((self._group_id, ref.indicator, ref.field))
            )
            if self._is_hidden(wanted):
                statistics, is_suppressed = dict.fromkeys(statistics), True
            elif wanted.is_protected:
                statistics, left_out = protect_statistics(statistics, self._k_min)
                is_suppressed |= left_out
            if wanted.value.inline:
                row.update(statistics)
            else:
                row[ref.field] = statistics
        for part in _stored_parts(wanted):
            found, left_out = self._part(wanted, part)
            is_suppressed |= left_out
            if part.name == VALUES:
                row.update(found[0] if found else dict.fromkeys(f.name for f in part.values))
            else:
                row[part.name] = self._shown(wanted, part, found)
        row["meta"] = meta_row(
            wanted.value.indicator,
            wanted.envelope,
            n=row.get("n"),
            n_null=row.get("n_null"),
            suppressed=is_suppressed,
        )
        return row

    def _part(self, wanted: Wanted, part: Part) -> tuple[list[Row], bool]:
        stored = self._rows[wanted.key, part.name][self._group_id]
        if self._is_hidden(wanted):
            return [], True
        rows: list[Row] = [self._names.row(part.fields, row) for row in stored]
        if wanted.is_protected:
            return self._protected(wanted, part, rows)
        return rows, False

    def _protected(self, wanted: Wanted, part: Part, rows: list[Row]) -> tuple[list[Row], bool]:
        left, is_suppressed = protect_rows(part, rows, self._k_min)
        if part.name == VALUES and wanted.value.has_own_statistics and rows:
            statistics, left_out = protect_statistics(rows[0], self._k_min)
            gone = [name for name, value in statistics.items() if value is None]
            left = [{**left[0], **dict.fromkeys(gone)}]
            is_suppressed |= left_out
        return left, is_suppressed

    def _shown(self, wanted: Wanted, part: Part, rows: list[Row]) -> Any:
        """Rows as the schema shows them: null where the source or the people are missing."""
        if not part.many:
            return rows[0] if rows else None
        is_missing = wanted.envelope is None or wanted.envelope.missing_source
        return None if is_missing or self._is_hidden(wanted) else rows

    def _is_hidden(self, wanted: Wanted) -> bool:
        """Whether the group is too small to say anything about."""
        return wanted.is_protected and self._size < self._k_min
