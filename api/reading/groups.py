"""Values of groups: the class, cohorts, and whoever matches a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from aggregates.fields import FieldRef
from aggregates.filters import StudentFilter
from aggregates.records import AdHocSummaries, SummaryRecord
from api.context import Context, CourseSource
from api.live.values import LiveQuestion, read_live
from api.reading.blocks import BlockNames
from api.reading.released import Released, summary_part
from api.reading.statistics import statistics_row
from api.reading.wanted import Wanted, grant_indicators, indicators_in
from api.schema.records import Row
from api.schema.selection import Selection
from api.schema.shapes import Values
from api.types.meta import meta_row
from api.types.summary import SUMMARY
from courselens.domain import Level
from indicators.result import COURSE_GROUP
from indicators.shape import VALUES, Part

Summaries = Mapping[tuple[str, str, str], SummaryRecord]
PartRows = Mapping[tuple[str, str], Mapping[str, list[Mapping[str, Any]]]]
_STATISTICS = tuple(field.name for field in SUMMARY.fields)


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
    protected = [one for one in wanted if one.is_protected]
    told = await Released.read(context, course, [one.key for one in protected])
    wanted = [one for one in wanted if not one.is_protected]
    refs = [ref for one in wanted for ref in _summed(one)]
    summaries: Summaries = {}
    if refs:
        summaries = await context.reader.summaries(course.record, group_ids, refs)
    rows: dict[tuple[str, str], Mapping[str, list[Mapping[str, Any]]]] = {}
    for one in wanted:
        for part in _read_parts(one) if one.live is None else ():
            found = await context.reader.rows(course.record, one.key, "group", part.name, group_ids)
            rows[one.key, part.name] = found
    wanted, failed = await _read_live(context, course, wanted, rows)
    for one in protected:
        for part in _read_parts(one):
            rows[one.key, part.name] = {COURSE_GROUP: told.part(one.value, part)}
    names = BlockNames()
    for one in (*wanted, *protected):
        for part in _read_parts(one):
            below = one.below if part.name == VALUES else one.of(part.name) or Selection()
            each_rows = rows[one.key, part.name].values()
            names.collect(part.fields, below, (row for each in each_rows for row in each))
    await names.look_up(context, course.record)
    return {
        group_id: {
            **refused,
            **failed,
            **{one.key: _Group(group_id, summaries, rows, names).row(one) for one in wanted},
            **{one.key: _Told(told, rows, names).row(one) for one in protected},
        }
        for group_id in sizes
    }


async def _read_live(
    context: Context,
    course: CourseSource,
    wanted: Sequence[Wanted],
    rows: dict[tuple[str, str], Mapping[str, list[Mapping[str, Any]]]],
) -> tuple[list[Wanted], dict[str, Exception]]:
    """Add the rows of what is made now, and split off what could not be had."""
    questions = [
        LiveQuestion(one.value.indicator, one.live, one.envelope, None)
        for one in wanted
        if one.live is not None
    ]
    if not questions:
        return list(wanted), {}
    live = await read_live(context.live, context.catalog.registry, course.record, questions)
    had: list[Wanted] = []
    failed: dict[str, Exception] = {}
    for one in wanted:
        found = live.get(one.key)
        if isinstance(found, Exception):
            failed[one.key] = found
        elif found is None:
            had.append(one)
        else:
            had.append(replace(one, envelope=found.envelope))
            for part in _read_parts(one):
                rows[one.key, part.name] = {COURSE_GROUP: found.of(COURSE_GROUP, part.name)}
    return had, failed


async def read_ad_hoc(
    context: Context, course: CourseSource, groups: Sequence[StudentFilter], selection: Selection
) -> list[Row]:
    """A row with `size` and `indicators` for each filter: whoever matches it."""
    asked = indicators_in(context, selection.at("indicators"), _ad_hoc)
    wanted, refused = await grant_indicators(context, course, asked, level=Level.GROUP)
    refs = [ref for one in wanted for ref in _summed(one)]
    if refs or "size" in selection:
        found = await context.reader.ad_hoc_summaries(course.record, groups, refs)
    else:
        found = [AdHocSummaries(0, {}) for _ in groups]
    return [
        {
            "size": one.size,
            "indicators": {**refused, **_of_ad_hoc(one, wanted)},
        }
        for one in found
    ]


def _of_ad_hoc(found: AdHocSummaries, wanted: Sequence[Wanted]) -> dict[str, Row]:
    summaries = {("", *key): summary for key, summary in found.summaries.items()}
    group = _Group("", summaries, {}, BlockNames())
    return {one.key: group.row(one) for one in wanted}


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


def _read_parts(wanted: Wanted) -> list[Part]:
    """Parts that must be read, the scalar fields among them."""
    parts = list(wanted.parts)
    if wanted.scalars:
        row_type = wanted.value.indicator.group or type(None)
        parts.insert(0, Part(VALUES, row_type, False, (), wanted.value.scalars))
    return parts


class _Group:
    """One group's share of what was read."""

    def __init__(
        self, group_id: str, summaries: Summaries, rows: PartRows, names: BlockNames
    ) -> None:
        self._group_id = group_id
        self._summaries = summaries
        self._rows = rows
        self._names = names

    def row(self, wanted: Wanted) -> Row:
        """The value of one indicator."""
        row: dict[str, Any] = {}
        for ref in _summed(wanted):
            statistics = self.statistics(ref)
            if wanted.value.inline:
                row.update(statistics)
            else:
                row[ref.field] = statistics
        for part in _read_parts(wanted):
            stored = self._rows[wanted.key, part.name][self._group_id]
            found = [self._names.row(part.fields, row) for row in stored]
            if part.name == VALUES:
                row.update(found[0] if found else dict.fromkeys(f.name for f in part.values))
            elif part.many:
                is_missing = wanted.envelope is None or wanted.envelope.missing_source
                row[part.name] = None if is_missing else found
            else:
                row[part.name] = found[0] if found else None
        row["meta"] = self.meta(wanted, row)
        return row

    def statistics(self, ref: FieldRef) -> Row:
        """The free summary of a field."""
        return statistics_row(self._summaries.get((self._group_id, ref.indicator, ref.field)))

    def meta(self, wanted: Wanted, row: Row) -> Row:
        """The envelope of a row."""
        return meta_row(
            wanted.value.indicator, wanted.envelope, n=row.get("n"), n_null=row.get("n_null")
        )


class _Told(_Group):
    """What the class was told."""

    def __init__(self, told: Released, rows: PartRows, names: BlockNames) -> None:
        super().__init__(COURSE_GROUP, {}, rows, names)
        self._told = told

    def statistics(self, ref: FieldRef) -> Row:
        """The free summary of a field."""
        return self._told.statistics(ref)

    def meta(self, wanted: Wanted, row: Row) -> Row:
        """The envelope, which says that small numbers are left out whether there are any or not."""
        parts = [part.name for part in _read_parts(wanted)]
        envelope = self._told.envelope(
            wanted.envelope, [*parts, *map(summary_part, _summed(wanted))]
        )
        n, n_null = row.get("n"), row.get("n_null")
        return meta_row(wanted.value.indicator, envelope, n=n, n_null=n_null, suppressed=True)
