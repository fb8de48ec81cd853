"""What an indicator computes: on the course, and on courses that are unlike it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from courselens.domain import DAY_US, from_us
from courselens.testing.checks.subject import (
    Finding,
    NotApplicable,
    Subject,
    first_difference,
    rows_of,
)
from indicators.result import CourseResults, Result
from indicators.shape import VALUES, Field, Kind, Part, adds_up
from loaders.datasets import DATASETS

_SHARES = {"share": 1.0, "ratio": 1.0, "rate": 1.0, "percent": 100.0}
_AMOUNTS = {"seconds", "days", "count", "counts"}
_CLOSE = 1e-6
_SEEDS = (1, 2)


def values(subject: Subject) -> Iterator[Finding]:
    """On the course: one row per student, values in their units, nothing null by mistake."""
    results, result = subject.results, subject.result
    if result.envelope.missing_source:
        missing = ", ".join(result.envelope.missing_source)
        yield Finding(
            f"the course has no {missing}",
            "give check_indicator a course that does: `course=...`",
        )
        return
    yield from _sound(subject, results)
    tables = [table for _, _, table in subject.parts(result)]
    if result.envelope.error is None and all(_says_nothing(table) for table in tables):
        yield Finding(
            "every value is null on this course",
            "give check_indicator a course in which there is something to measure: `course=...`",
        )


def empty_course(subject: Subject) -> Iterator[Finding]:
    """Where nobody is and nothing happened there is no failure, and no number out of nothing."""
    empty = subject.course.of_students(())
    results = subject.run(empty)
    yield from _sound(subject, results)
    student = results.results[0].student
    if any(table.num_rows for table in student.values()):
        yield Finding("there are rows of students, and no students", "begin with `t.population`")
    yield from _sound(subject, subject.run(empty.without(*DATASETS)))


def one_student(subject: Subject) -> Iterator[Finding]:
    """A course of one student is computed, whoever it is."""
    for user_id in _members(subject.results, subject)[:2]:
        yield from _sound(subject, subject.run(subject.course.of_students((user_id,))))


def missing_sources(subject: Subject) -> Iterator[Finding]:
    """Without a dataset it rests on, a value is null with the reason, or computed without fail."""
    registry, present = subject.registry, subject.course.by_dataset
    needed = [name for name in registry.closure(subject.key, hard=True) if name in present]
    soft = [name for name in registry.closure(subject.key) if name in present.keys() - {*needed}]
    variants = [(name,) for name in needed] + ([tuple(soft)] if soft else [])
    if not variants:
        raise NotApplicable("it rests on no dataset of the course")
    for names in variants:
        results = subject.run(subject.course.without(*names))
        for finding in _sound(subject, results):
            yield Finding(f"without {', '.join(names)}: {finding.problem}", finding.fix)


def order_of_rows(subject: Subject) -> Iterator[Finding]:
    """The order in which a source gives its rows changes nothing, to the last bit."""
    expected = rows_of(subject, subject.result)
    for seed in _SEEDS:
        result = subject.run(subject.course.shuffled(seed)).results[0]
        difference = first_difference(expected, rows_of(subject, result))
        if difference:
            yield Finding(
                f"other values when the rows are in another order (seed {seed}): {difference}",
                "add floats with mean() or total_float(), break ties by event_id, and give "
                "row_number() an order without ties",
            )
            return


def merging(subject: Subject) -> Iterator[Finding]:
    """The amounts of two neighbouring windows add up to those of both."""
    if not subject.indicator.merges:
        raise NotApplicable("it does not declare `merges`")
    shape = subject.levels.get("user_id")
    if shape is None:
        raise NotApplicable("it has no level student")
    whole = subject.result
    start, end = whole.envelope.start_us, whole.envelope.end_us
    days = range(start // DAY_US + 1, -(-end // DAY_US))
    if not days:
        raise NotApplicable("the course's logs cover one day")
    for day in {days[0], days[len(days) // 2]}:
        border = from_us(day * DAY_US).isoformat()
        pieces = [
            subject.run(start=from_us(start).isoformat(), end=border).results[0],
            subject.run(start=border, end=from_us(end).isoformat()).results[0],
        ]
        for part in shape.parts:
            for field in filter(adds_up, part.values):
                expected = _sums(part, field, [whole])
                found = _sums(part, field, pieces)
                for subject_keys in expected.keys() | found.keys():
                    one, other = expected.get(subject_keys, 0), found.get(subject_keys, 0)
                    if abs(one - other) > _CLOSE:
                        yield Finding(
                            f"{part.name}.{field.name} of {subject_keys} is {one:g}, and "
                            f"{other:g} when the window is split at {border}",
                            "leave `merges=True` out, or count nothing across a day's border",
                        )
                        return


def _sums(part: Part, field: Field, results: list[Result]) -> dict[tuple[Any, ...], float]:
    sums: defaultdict[tuple[Any, ...], float] = defaultdict(float)
    for result in results:
        for row in result.student[part.name].to_pylist():
            keys = (row["user_id"], *(row[key.name] for key in part.keys))
            sums[keys] += row[field.name] or 0
    return dict(sums)


def _sound(subject: Subject, results: CourseResults) -> Iterator[Finding]:
    """What holds of every result, whatever the course."""
    result = results.results[0]
    if result.envelope.error is not None:
        yield Finding(f"it fails: {result.envelope.error}", "mend it; a gap is null, not an error")
        return
    known = {
        "user_id": set(_members(results, subject)),
        "group_id": set(results.roster.groups.column("group_id").to_pylist()),
    }
    is_measured = not result.envelope.missing_source and result.envelope.coverage > 0
    for by, part, table in subject.parts(result):
        found = set(table.column(by).to_pylist())
        if found - known[by]:
            noun = "students" if by == "user_id" else "groups"
            yield Finding(
                f"{part.name} has rows of {noun} who are not in the course",
                "begin with `t.population` and left_join, or semi_join it",
            )
        if part.name == VALUES and by == "user_id" and known[by] - found:
            yield Finding(
                f"{len(known[by] - found)} students have no row of values",
                "begin with `t.population` and left_join what is counted",
            )
        for field in part.fields:
            yield from _sound_column(part, field, table.column(field.name), is_measured)


def _sound_column(
    part: Part, field: Field, column: pa.ChunkedArray, is_measured: bool
) -> Iterator[Finding]:
    where = f"{part.name}.{field.name}"
    if is_measured and not field.nullable and column.null_count:
        yield Finding(
            f"{where} is null in {column.null_count} rows, its type says never",
            "annotate it `... | None`, or fill it where 0 is what was measured",
        )
    given = [value for value in column.to_pylist() if value is not None]
    if field.enum_type is not None:
        flat = [one for value in given for one in (value if field.is_list else [value])]
        unknown = sorted(set(flat) - {member.value for member in field.enum_type})
        if unknown:
            yield Finding(
                f"{where} has values that {field.enum_type.__name__} does not: {unknown}",
                "write `literal(Member.value)`",
            )
    if not field.is_numeric:
        return
    if field.kind is Kind.FLOAT and not all(math.isfinite(value) for value in given):
        yield Finding(f"{where} is not finite", "divide with safe_div(), which gives null")
        return
    words = {field.unit or "", field.name.rsplit("_", 1)[-1]}
    most = min((_SHARES[word] for word in words & _SHARES.keys()), default=None)
    if given and most is not None and not 0 <= min(given) <= max(given) <= most + _CLOSE:
        yield Finding(
            f"{where} runs from {min(given):g} to {max(given):g}",
            "ratio, rate and share run from 0 to 1, percent from 0 to 100",
        )
    if given and words & _AMOUNTS and min(given) < 0:
        yield Finding(f"{where} is negative: {min(given):g}", "amounts are at least 0")


def _says_nothing(table: pa.Table) -> bool:
    """Whether all columns but the subject are null."""
    columns = table.columns[1:]
    return all(pc.all(pc.is_null(column)).as_py() is not False for column in columns)


def _members(results: CourseResults, subject: Subject) -> list[int]:
    """Whom the indicator is about."""
    column = "in_e" if subject.indicator.population == "ever_enrolled" else "in_l"
    students = results.roster.students
    return sorted(students.filter(students.column(column)).column("user_id").to_pylist())
