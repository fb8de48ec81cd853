"""What a refresh could tell the class, in units that are told together, and who is in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from aggregates.rows import instant
from aggregates.sketches import SKETCH_BYTES, Hashes, hash_rows, sketches
from aggregates.small_numbers import FEW_OTHERS, SUMMARY, counts_people
from indicators.arrow import arrow_type
from indicators.contract import Indicator, Privacy
from indicators.registry import Registry
from indicators.result import COURSE_GROUP, CourseResults, Result
from indicators.shape import VALUES, Field, Kind, Part, Shape

RANKS = tuple((5 * step + 2.5) / 100 for step in range(20))
"""Shares of the class between the steps in which a student's standing is told."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Numbers that are released together.

    Attributes:
        people: whose values they are made of; None: known by its counts alone.
        most_equal: of these, those with the commonest value; None: not a summary.
        size: students of the class.
        ever: the same with those who have left.
        ranks: values at `RANKS`, of a summary.
    """

    indicator: str
    part: str
    keys: str
    ordinal: int
    version: str
    content: Mapping[str, Any]
    people: int | None
    size: int
    ever: int
    most_equal: int | None
    ranks: Sequence[float] | None
    sketch: bytes | None
    as_of: datetime | None
    computed_at: datetime | None
    state_as_of: datetime | None


def units_of(registry: Registry, results: CourseResults, result: Result) -> Iterator[Unit]:
    """Everything that a result says about the class."""
    key = result.indicator.key
    members = _members(results, ever=result.indicator.population == "ever_enrolled")
    student, group = registry.student_shape(key), registry.group_shape(key)
    envelope = result.envelope
    common: dict[str, Any] = {
        "indicator": key,
        "version": version_of(result),
        "size": len(_members(results, ever=False)),
        "ever": len(_members(results, ever=True)),
        "as_of": instant(envelope.as_of_us),
        "computed_at": instant(envelope.computed_us),
        "state_as_of": instant(envelope.state_as_of_us),
    }
    own: dict[str, pa.Table] = {}
    for name, table in result.student.items():
        part = student.part(name) if student else None
        if part is not None:
            typed = _typed(table, "user_id", part.fields)
            own[name] = typed.filter(pc.is_in(typed["user_id"], value_set=members))
    if VALUES in own and student is not None:
        yield from _summaries(result, own[VALUES], student, common)
    found: list[Unit] = []
    for name, table in result.group.items():
        part = group.part(name) if group else None
        if part is not None:
            typed = _typed(table, "group_id", part.fields)
            rows = typed.filter(pc.equal(typed["group_id"], COURSE_GROUP))
            found += _rows(part, rows, own, student, members, common)
    yield from _of_profiles(found, results) if is_together(result.indicator) else found


def is_together(indicator: Indicator) -> bool:
    """Whether all rows of an indicator are released at once.

    Tables by profile share their totals: of rows of different days nobody can tell what they give
    away together.
    """
    return Privacy.PROFILE in indicator.privacy


_PROFILE = ("year_of_birth", "gender", "level_of_education", "country")


def _of_profiles(units: Sequence[Unit], results: CourseResults) -> Iterator[Unit]:
    """Units of tables by profile: of the whole class; the first has the sketch of all profiles."""
    students = results.roster.students
    members = students.filter(students["in_l"])
    (sketch,) = sketches(
        members["user_id"], hash_rows(members, _PROFILE), _one_row(members.num_rows), 1
    )
    for place, unit in enumerate(units):
        yield replace(unit, people=members.num_rows, sketch=None if place else sketch)


def _typed(table: pa.Table, subject: str, fields: Sequence[Field]) -> pa.Table:
    """The declared columns as they are declared."""
    columns = {field.name: table[field.name].cast(arrow_type(field)) for field in fields}
    kind = pa.int64() if subject == "user_id" else pa.string()
    return pa.table({subject: table[subject].cast(kind), **columns})


def _members(results: CourseResults, *, ever: bool) -> pa.Array:
    students = results.roster.students
    flag = students["in_l"]
    chosen = students.filter(pc.or_(flag, students["in_e"]) if ever else flag)
    return chosen["user_id"].combine_chunks()


def _summaries(
    result: Result, values: pa.Table, student: Shape, common: Mapping[str, Any]
) -> Iterator[Unit]:
    stored = {
        row["field"]: row for row in result.summaries.to_pylist() if row["group_id"] == COURSE_GROUP
    }
    for field in student.values:
        if not field.is_numeric:
            continue
        known = values.filter(values[field.name].is_valid())
        numbers = known[field.name].combine_chunks().cast(pa.float64()).to_numpy()
        _, equal = np.unique(numbers, return_counts=True)
        (sketch,) = sketches(
            known["user_id"], hash_rows(known, [field.name]), _one_row(known.num_rows), 1
        )
        row = stored.get(field.name, {})
        yield Unit(
            **common,
            part=SUMMARY + field.name,
            keys="[]",
            ordinal=0,
            content={name: row[name] for name in row.keys() - {"group_id", "field"}},
            people=known.num_rows,
            most_equal=int(equal.max()) if len(equal) else 0,
            # Ranks as standing counts them: half of the equal ones are below.
            ranks=[float(rank) for rank in np.quantile(numbers, RANKS, method="hazen")]
            if len(numbers)
            else None,
            sketch=sketch,
        )


def _rows(
    part: Part,
    rows: pa.Table,
    own: Mapping[str, pa.Table],
    student: Shape | None,
    members: pa.Array,
    common: Mapping[str, Any],
) -> Iterator[Unit]:
    """Units of a part: of what each is made is known from the same part of the students, if any.

    Else its counts tell; without counts everybody is meant of whom the indicator says anything.
    """
    names = [field.name for field in part.keys]
    contents = rows.select([field.name for field in part.fields]).to_pylist()
    keys = [_key_text([row[name] for name in names]) for row in contents]
    twin = student.part(part.name) if student else None
    of_rows: dict[str, _Contributors] | None = None
    everybody: tuple[int, bytes] | None = None
    if twin is not None and part.name in own and set(names) <= {f.name for f in twin.keys}:
        of_rows = _contributors(own[part.name], twin, names)
    elif not any(counts_people(field) for field in part.values):
        everybody = _everybody(own, members)
    for ordinal, (key, row) in enumerate(zip(keys, contents, strict=True)):
        people, sketch = everybody or (None, None)
        shared: frozenset[str] = frozenset()
        if of_rows is not None:
            there = of_rows.get(key, _Contributors())
            people, sketch, shared = there.people, there.sketch, there.shared
        yield Unit(
            **common,
            part=part.name,
            keys=key,
            ordinal=ordinal,
            content={
                field.name: None if field.name in shared else _plain(row[field.name])
                for field in part.fields
            },
            people=people,
            most_equal=None,
            ranks=None,
            sketch=sketch,
        )


@dataclass(frozen=True, slots=True)
class _Contributors:
    """Those who have anything in a row; `shared` names what all, or all but two, have alike."""

    people: int = 0
    sketch: bytes = bytes(SKETCH_BYTES)
    shared: frozenset[str] = frozenset()


def _contributors(table: pa.Table, twin: Part, names: list[str]) -> dict[str, _Contributors]:
    """For each key those of the students who have anything there."""
    table = table.filter(_says_anything(table, twin))
    _, first, codes = np.unique(hash_rows(table, names), return_index=True, return_inverse=True)
    rows = codes.astype(np.int64)
    values = [field.name for field in twin.fields if field.name not in names]
    people = np.bincount(rows, minlength=len(first))
    made = sketches(table["user_id"], hash_rows(table, values), rows, len(first))
    shared: list[set[str]] = [set() for _ in first]
    for field in twin.values:
        if field.is_numeric:
            valid = table[field.name].is_valid().to_numpy()
            known = table.filter(pa.array(valid))
            equal = _most_equal(hash_rows(known, [*names, field.name]), rows[valid], len(first))
            counts = np.bincount(rows[valid], minlength=len(first))
            for row in np.flatnonzero((counts > 0) & (counts - equal <= FEW_OTHERS)):
                shared[row].add(field.name)
    columns = [table[name].take(pa.array(first, pa.int64())).to_pylist() for name in names]
    keys = zip(*columns, strict=True) if columns else [()] * len(first)
    return {
        _key_text(list(key)): _Contributors(int(people[row]), made[row], frozenset(shared[row]))
        for row, key in enumerate(keys)
    }


def _most_equal(hashes: Hashes, rows: npt.NDArray[np.int64], count: int) -> Any:
    """How many of each row's people have its commonest value."""
    _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    found = np.zeros(count, dtype=np.int64)
    np.maximum.at(found, rows[first], counts)
    return found


def _says_anything(table: pa.Table, part: Part) -> Any:
    """Rows with a value that is neither null nor nothing."""
    found: Any = pa.array(np.zeros(table.num_rows, dtype=bool))
    for field in part.values:
        column = table[field.name].combine_chunks()
        if field.kind in (Kind.INT, Kind.FLOAT) and not field.is_list:
            here = pc.fill_null(pc.not_equal(column, 0), False)
        elif field.kind is Kind.BOOL and not field.is_list:
            here = pc.fill_null(column, False)
        else:
            here = column.is_valid()
        found = pc.or_(found, here)
    return found


def _everybody(own: Mapping[str, pa.Table], members: pa.Array) -> tuple[int, bytes]:
    """All of whom the indicator says anything, with all that it says; else all members."""
    users: list[pa.ChunkedArray] = []
    hashes: list[Hashes] = []
    for table in own.values():
        users.append(table["user_id"])
        hashes.append(hash_rows(table, [name for name in table.column_names if name != "user_id"]))
    if not users:
        users, hashes = [pa.chunked_array([members])], [np.zeros(len(members), dtype=np.uint64)]
    everyone = pa.chunked_array([chunk for each in users for chunk in each.chunks], pa.int64())
    joined = np.concatenate(hashes)
    (sketch,) = sketches(everyone, joined, _one_row(len(joined)), 1)
    return len(everyone.unique()), sketch


def _one_row(count: int) -> npt.NDArray[np.int64]:
    return np.zeros(count, dtype=np.int64)


def _key_text(values: list[Any]) -> str:
    return orjson.dumps([_plain(value) for value in values]).decode()


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def version_of(result: Result) -> str:
    """Of the definition and its parameters: numbers of two cannot be compared."""
    parameters = orjson.dumps(dict(result.envelope.parameters), option=orjson.OPT_SORT_KEYS)
    return f"{result.envelope.version} {parameters.decode()}"
