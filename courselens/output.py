"""Results as JSON, CSV and Parquet, the way `courselens compute` gives them.

One result has one or more parts (`indicators.shape`). The part `rows`, or else the scalar values
with their summary, is the document's `rows`; the others stand beside it under their own names, the
scalar values as `values`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from courselens.domain import Level, from_us
from courselens.errors import BadParameter
from courselens.spreadsheets import cell
from indicators.result import COURSE_GROUP, CourseResults, Envelope, Result
from indicators.shape import VALUES

MAIN = "rows"


@dataclass(frozen=True, slots=True)
class Document:
    """One indicator of one or more courses at one level, as plain values.

    `parts` maps a part's name to its rows; `rows` comes first.
    """

    indicator: str
    version: int
    level: Level
    parameters: Mapping[str, object]
    meta: Mapping[str, object]
    parts: Mapping[str, list[dict[str, Any]]]

    def to_json(self) -> bytes:
        """The document as JSON, times in ISO 8601."""
        document = {
            "indicator": self.indicator,
            "version": self.version,
            "level": self.level,
            "parameters": self.parameters,
            "meta": self.meta,
            **self.parts,
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z) + b"\n"

    def to_csv(self, part: str) -> bytes:
        """Rows of one part as CSV; text that a spreadsheet would run is quoted with `'`."""
        rows = self._flat(part)
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
        return out.getvalue().encode()

    def to_parquet(self, part: str) -> bytes:
        """Rows of one part as Parquet."""
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(self._flat(part)), sink, compression="zstd")
        return bytes(sink.getvalue())

    def _flat(self, part: str) -> list[dict[str, Any]]:
        if part not in self.parts:
            raise BadParameter("part", part, " | ".join(self.parts))
        return [_flatten(row) for row in self.parts[part]]


def make_document(courses: Sequence[CourseResults], level: Level) -> Document:
    """Collect the one result of each course; `courses` is not empty."""
    first = courses[0].results[0]
    parts: dict[str, list[dict[str, Any]]] = {}
    for course in courses:
        rows = _student_parts(course) if level is Level.STUDENT else _group_parts(course, level)
        for name, more in rows.items():
            parts.setdefault(name, []).extend(more)
    if MAIN not in parts:
        parts[MAIN] = parts.pop(VALUES)
    envelopes = {course.course_key: _meta(course.results[0].envelope) for course in courses}
    meta = next(iter(envelopes.values())) if len(envelopes) == 1 else {"courses": envelopes}
    return Document(
        indicator=first.indicator.key,
        version=first.indicator.version,
        level=level,
        parameters=first.envelope.parameters,
        meta=meta,
        parts={MAIN: parts.pop(MAIN), **parts},
    )


def write_document(document: Document, path: Path | None, *, form: str, part: str) -> bytes | None:
    """Write a document to a file, or give its bytes when no file is named."""
    if form == "json":
        content = document.to_json()
    elif form == "csv":
        content = document.to_csv(part)
    else:
        content = document.to_parquet(part)
    if path is None:
        return content
    path.write_bytes(content)
    return None


def _student_parts(course: CourseResults) -> dict[str, list[dict[str, Any]]]:
    names = dict(
        zip(
            course.roster.students.column("user_id").to_pylist(),
            course.roster.students.column("username").to_pylist(),
            strict=True,
        )
    )
    head = {"course_key": course.course_key}
    return {
        name: [
            {**head, "user_id": user_id, "username": names.get(user_id)} | row
            for row in table.to_pylist()
            for user_id in [row.pop("user_id")]
        ]
        for name, table in course.results[0].student.items()
    }


def _group_parts(course: CourseResults, level: Level) -> dict[str, list[dict[str, Any]]]:
    result = course.results[0]
    parts: dict[str, list[dict[str, Any]]] = {}
    for name, table in result.group.items():
        parts[name] = [
            _subject(course, level, row.pop("group_id")) | row
            for row in _of_level(table, level).to_pylist()
        ]
    summaries = _summaries(result, level)
    if summaries:
        own = {_key(row): row for row in parts.get(VALUES, [])}
        parts[VALUES] = [
            (row := _subject(course, level, group_id) | statistics) | own.get(_key(row), {})
            for group_id, statistics in summaries.items()
        ]
    return parts or {VALUES: []}


def _of_level(table: pa.Table, level: Level) -> pa.Table:
    is_course = pc.equal(table.column("group_id"), COURSE_GROUP)
    return table.filter(is_course if level is Level.COURSE else pc.invert(is_course))


def _subject(course: CourseResults, level: Level, group_id: str) -> dict[str, Any]:
    head = {"course_key": course.course_key}
    return head if level is Level.COURSE else {**head, "group": group_id}


def _key(row: Mapping[str, Any]) -> str | None:
    group: str | None = row.get("group")
    return group


def _summaries(result: Result, level: Level) -> dict[str, dict[str, Any]]:
    """Statistics by group: at top level for one field, under the fields' names for several."""
    rows = _of_level(result.summaries, level).to_pylist()
    is_single = len({row["field"] for row in rows}) == 1
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        group_id, field = row.pop("group_id"), row.pop("field")
        row["histogram"] = _bins(row)
        groups.setdefault(group_id, {}).update(row if is_single else {field: row})
    return groups


def _bins(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    counts = row["histogram"] or []
    low, high = row["minimum"], row["maximum"]
    return [
        {
            "lower": low + (high - low) * place / len(counts),
            "upper": low + (high - low) * (place + 1) / len(counts),
            "count": count,
        }
        for place, count in enumerate(counts)
    ]


def _meta(envelope: Envelope) -> dict[str, object]:
    def instant(us: int | None) -> datetime | None:
        return None if us is None else from_us(us)

    return {
        "start": instant(envelope.start_us),
        "end": instant(envelope.end_us),
        "as_of": instant(envelope.as_of_us),
        "computed_at": instant(envelope.computed_us),
        "state_as_of": instant(envelope.state_as_of_us),
        "coverage": envelope.coverage,
        "partial": envelope.partial,
        "pending": False,
        "population_basis": envelope.population_basis,
        "staff_excluded": envelope.staff_excluded,
        "missing_source": list(envelope.missing_source),
        "unit": envelope.unit,
        "error": envelope.error,
        "notes": dict(envelope.notes),
    }


def _flatten(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}_")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
