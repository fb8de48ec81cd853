"""A course's results as the rows of tables: joined, checked, in order; columns at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from aggregates.layout import Layout, PartTable, WideTable, column_of
from aggregates.records import BlockRecord, StudentRecord
from courselens.domain import from_us
from courselens.errors import ResultRefused
from indicators.arrow import SUMMARY_SCHEMA, arrow_type
from indicators.result import CourseResults, Result
from indicators.shape import VALUES, Field

_INSTANT = pa.timestamp("us", tz="UTC")
_LAST_US = 253_402_300_799_999_999  # end of the year 9999, the last that Python can name
_FIRST_US = -62_135_596_800_000_000

_STUDENT_COLUMNS = [
    field.name for field in dataclasses.fields(StudentRecord) if field.name != "enrolled_at"
]
_BLOCK_COLUMNS = [field.name for field in dataclasses.fields(BlockRecord) if field.name != "due_at"]


def all_rows(layout: Layout, results: CourseResults) -> Iterator[tuple[str, pa.Table]]:
    """Every table with its new rows, without `course_id`.

    Raises:
        ResultRefused: a value, row or column that must not be stored; names indicator and column.
    """
    roster = results.roster
    people = roster.students.sort_by("user_id")
    enrolled_at = _instants(people["enrolled_us"])
    students = people.select(_STUDENT_COLUMNS)
    yield "students", students.append_column("enrolled_at", enrolled_at)
    yield "groups", _groups(roster.groups)
    yield "memberships", roster.memberships.select(["group_id", "user_id"])
    blocks = results.blocks.select(_BLOCK_COLUMNS)
    yield "blocks", blocks.append_column("due_at", _instants(results.blocks["due_us"]))
    yield "envelopes", _envelopes(results)

    by_key = {result.indicator.key: result for result in results.results}
    users = students["user_id"].combine_chunks().cast(pa.int64())
    groups = roster.groups["group_id"].combine_chunks().cast(pa.string())
    for key, result in by_key.items():
        _refuse_undeclared(layout, key, result)
    for wide in layout.wide.values():
        yield wide.name, _wide_rows(wide, by_key, users)
    for table in layout.parts.values():
        result_or_none = by_key.get(table.indicator)
        if result_or_none is not None:
            levels = {"student": result_or_none.student, "group": result_or_none.group}
            given = levels[table.level].get(table.part.name)
            if given is not None:
                known = users if table.level == "student" else groups
                yield table.name, _part_rows(table, given, known)
    # After the values: where one is wrong its summaries are too, and it is the one to name.
    yield "summaries", _summaries(results)


def _groups(groups: pa.Table) -> pa.Table:
    """Groups with the kind and name that their id says: `cohort:Blue`, or `course` alone."""
    parted = [str(group_id).partition(":") for group_id in groups["group_id"].to_pylist()]
    return (
        groups.select(["group_id", "members"])
        .append_column("kind", pa.array([kind for kind, _, _ in parted], pa.string()))
        .append_column("name", pa.array([name or kind for kind, _, name in parted], pa.string()))
    )


def _refuse_undeclared(layout: Layout, key: str, result: Result) -> None:
    declared = layout.registry
    for level, shape, parts in (
        ("student", declared.student_shape(key), result.student),
        ("group", declared.group_shape(key), result.group),
    ):
        for name in parts:
            if shape is None or shape.part(name) is None:
                raise ResultRefused(
                    key, name, f"no such part is declared at level {level}", "declare it"
                )


def _wide_rows(wide: WideTable, by_key: Mapping[str, Result], users: pa.Array) -> pa.Table:
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"user_id": users}
    places: dict[str, pa.Array] = {}
    for ref, field in wide.fields:
        result = by_key.get(ref.indicator)
        values = result.student.get(VALUES) if result else None
        if result is None or values is None:
            columns[ref.column] = pa.nulls(len(users), arrow_type(field))
        else:
            if ref.indicator not in places:
                places[ref.indicator] = _row_of(ref.indicator, VALUES, values["user_id"], users)
            column = _column(ref.indicator, values, field)
            columns[ref.column] = column.take(places[ref.indicator])
        if field.is_numeric:
            columns[ref.standing_column] = _standing(result, ref.field, users)
    return pa.table(columns)


def _standing(result: Result | None, field: str, users: pa.Array) -> pa.Array:
    if result is None or not result.standing.num_rows:
        return pa.nulls(len(users), pa.float64())
    rows = result.standing.filter(pc.equal(result.standing["field"], field))
    percentile = rows["percentile"].combine_chunks()
    _check_finite(result.indicator.key, f"standing of {field}", percentile)
    return percentile.take(_row_of(result.indicator.key, "standing", rows["user_id"], users))


def _row_of(indicator: str, part: str, owner: pa.ChunkedArray, users: pa.Array) -> pa.Array:
    """For each of the sorted users the row that is theirs, null for none."""
    everyone, owners = users.to_numpy(), owner.to_numpy()
    place = np.searchsorted(everyone, owners)
    is_known = place < len(everyone)
    is_known[is_known] = everyone[place[is_known]] == owners[is_known]
    if not is_known.all():
        raise _strange(indicator, "user_id", pa.array(owners[~is_known]))
    rows = np.full(len(everyone), -1, dtype=np.int64)
    rows[place] = np.arange(len(owners))
    if np.count_nonzero(rows >= 0) < len(owner):
        raise _doubled(indicator, part, "user_id")
    return pa.array(rows, mask=rows < 0)


def _part_rows(table: PartTable, given: pa.Table, known: pa.Array) -> pa.Table:
    key, part = table.indicator, table.part
    subject = given[table.subject].combine_chunks().cast(known.type)
    _check_subjects(key, table.subject, subject, known)
    columns = {table.subject: subject}
    columns.update({column_of(field): _column(key, given, field) for field in part.fields})
    rows = pa.table(columns)
    identity = [table.subject, *(column_of(field) for field in part.keys)]
    distinct = rows.group_by(identity).aggregate([([], "count_all")])
    if distinct.num_rows < rows.num_rows:
        raise _doubled(key, part.name, ", ".join(identity))
    rows = rows.sort_by(table.subject)  # stable: the result's own order stays within a subject
    return rows.append_column("ordinal", _places(rows[table.subject]))


def _places(subject: pa.ChunkedArray) -> pa.Array:
    """Number of each row within its run of the same subject, from 0."""
    codes = subject.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    count = np.arange(len(codes), dtype=np.int32)
    starts = np.ones(len(codes), dtype=bool)
    starts[1:] = codes[1:] != codes[:-1]
    return pa.array(count - np.maximum.accumulate(np.where(starts, count, 0)), pa.int32())


def _column(indicator: str, table: pa.Table, field: Field) -> pa.Array:
    if field.name not in table.column_names:
        raise ResultRefused(
            indicator, field.name, "the result has no such column", "return every declared field"
        )
    try:
        column = table[field.name].combine_chunks().cast(arrow_type(field))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
        raise ResultRefused(
            indicator, field.name, f"it does not hold {arrow_type(field)} ({exc})", "cast it"
        ) from exc
    _check_finite(indicator, field.name, column)
    return column


def _check_finite(indicator: str, column: str, values: pa.Array) -> None:
    if pa.types.is_list(values.type):
        values = values.flatten()
    if not pa.types.is_floating(values.type):
        return
    wrong = pc.sum(pc.invert(pc.is_finite(values))).as_py()
    if wrong:
        raise ResultRefused(
            indicator,
            column,
            f"{wrong} of its values are NaN or infinite",
            "make them null where nothing can be said (safe_div does)",
        )


def _check_subjects(indicator: str, column: str, subjects: pa.Array, known: pa.Array) -> None:
    strange = subjects.filter(pc.invert(pc.is_in(subjects, value_set=known)))
    if len(strange):
        raise _strange(indicator, column, strange)


def _strange(indicator: str, column: str, subjects: pa.Array) -> ResultRefused:
    return ResultRefused(
        indicator,
        column,
        f"{len(subjects)} rows are about nobody of the roster, such as {subjects[0].as_py()!r}",
        "join with `population`, or with the groups",
    )


def _doubled(indicator: str, part: str, identity: str) -> ResultRefused:
    return ResultRefused(
        indicator, part, f"two rows have the same {identity}", "aggregate to one row per key"
    )


def _summaries(results: CourseResults) -> pa.Table:
    tables = []
    for result in results.results:
        key = result.indicator.key
        rows = result.summaries.select(SUMMARY_SCHEMA.names).cast(SUMMARY_SCHEMA)
        for name in rows.column_names:
            if pa.types.is_floating(rows[name].type):
                _check_finite(key, f"summary.{name}", rows[name].combine_chunks())
        tables.append(rows.append_column("indicator", pa.array([key] * rows.num_rows, pa.string())))
    return pa.concat_tables(tables) if tables else pa.table({})


def _envelopes(results: CourseResults) -> pa.Table:
    rows = []
    for result in results.results:
        envelope, declared = result.envelope, result.indicator
        _check_finite(declared.key, "coverage", pa.array([envelope.coverage], pa.float64()))
        rows.append(
            {
                "indicator": declared.key,
                "version": envelope.version,
                "provider": declared.provider,
                "provider_version": declared.provider_version,
                "unit": envelope.unit,
                "parameters": orjson.dumps(dict(envelope.parameters)).decode(),
                "start_at": instant(envelope.start_us),
                "end_at": instant(envelope.end_us),
                "as_of": instant(envelope.as_of_us),
                "computed_at": instant(envelope.computed_us),
                "state_as_of": instant(envelope.state_as_of_us),
                "coverage": envelope.coverage,
                "partial": envelope.partial,
                "population_basis": envelope.population_basis,
                "staff_excluded": envelope.staff_excluded,
                "missing_source": list(envelope.missing_source),
                "notes": orjson.dumps(dict(envelope.notes)).decode(),
                "status": envelope.status.value,
                "error": envelope.error,
            }
        )
    instants = ("start_at", "end_at", "as_of", "computed_at", "state_as_of")
    table = pa.Table.from_pylist(rows)
    for name in instants if rows else ():
        table = table.set_column(
            table.column_names.index(name), name, pa.array([row[name] for row in rows], _INSTANT)
        )
    return table


def instant(instant_us: int | None) -> datetime | None:
    """The instant, None for a border that no calendar names: unbounded."""
    if instant_us is None or not _FIRST_US <= instant_us <= _LAST_US:
        return None
    return from_us(instant_us)


def _instants(column: pa.ChunkedArray) -> pa.ChunkedArray:
    named = pc.and_(pc.greater_equal(column, _FIRST_US), pc.less_equal(column, _LAST_US))
    return pc.if_else(named, column, pa.scalar(None, pa.int64())).cast(_INSTANT)
