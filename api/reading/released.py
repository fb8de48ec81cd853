"""What the class was last told, for viewers who may not see named students (rules R2 to R5)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from aggregates.fields import FieldRef
from aggregates.records import EnvelopeRecord, ReleasedRecord, SummaryRecord
from aggregates.small_numbers import SUMMARY, counts_people
from api.access.cells import protect_rows
from api.access.profiles import protect_profiles
from api.access.suppression import protect_standing, protect_statistics
from api.context import Context, CourseSource
from api.reading.statistics import statistics_row
from api.schema.records import Row
from api.schema.shapes import Value
from indicators.contract import Privacy
from indicators.result import COURSE_GROUP, STATISTICS
from indicators.shape import VALUES, Field, Kind, Part

_PROTECTED_KEPT = 512
_PROTECTED: OrderedDict[int, tuple[ReleasedRecord, int, Row]] = OrderedDict()
"""Protected summaries by the records they were made of, which the reader remembers."""
_NOTHING: Row = dict.fromkeys((*STATISTICS, "histogram"), None)


class Released:
    """Numbers of the class by indicator and part, protected where they are taken out."""

    def __init__(self, records: Iterable[ReleasedRecord], k_min: int) -> None:
        self._k_min = k_min
        self._records: dict[tuple[str, str], list[ReleasedRecord]] = {}
        for record in records:
            self._records.setdefault((record.indicator, record.part), []).append(record)

    @classmethod
    async def read(
        cls, context: Context, course: CourseSource, indicators: Sequence[str]
    ) -> Released:
        """Fetch what the class was told by these indicators; nothing is fetched for none."""
        records = await context.reader.released(course.record, indicators) if indicators else []
        return cls(records, context.k_min)

    def statistics(self, ref: FieldRef) -> Row:
        """The free summary of a field over the class."""
        record = self._summary(ref)
        if record is None:
            return _NOTHING
        kept = _PROTECTED.get(id(record))
        if kept is not None and kept[0] is record and kept[1] == self._k_min:
            return kept[2]
        row = self._protected(statistics_row(_summary_record(record)), record)
        _PROTECTED[id(record)] = record, self._k_min, row
        if len(_PROTECTED) > _PROTECTED_KEPT:
            _PROTECTED.popitem(last=False)
        return row

    def standing(self, value: Value | None, ref: FieldRef, own: float | None) -> Row:
        """The place of an own number; `value` says where the class's statistics are."""
        statistics = self.statistics(ref)
        if value is not None and value.has_own_statistics:
            statistics = self._values(value) or _NOTHING
        return protect_standing(own, statistics, self._summary(ref))

    def part(self, value: Value, part: Part) -> list[Row]:
        """The rows of a part of the class's value, the scalar fields among them."""
        key = value.indicator.key
        if Privacy.PROFILE in value.indicator.privacy:
            tables = {name: rows for (owner, name), rows in self._records.items() if owner == key}
            return protect_profiles(tables, self._k_min).get(part.name, [])
        if part.name != VALUES:
            return self._rows(part, key)
        values = self._values(value)
        return [values] if values else []

    def _values(self, value: Value) -> Row | None:
        key, own = value.indicator.key, value.has_own_statistics
        names = [f.name for f in value.scalars if own and f.name in _NOTHING]
        others = tuple(field for field in value.scalars if field.name not in names)
        rows = self._rows(Part(VALUES, type(None), False, (), others), key)
        row: dict[str, Any] = {**rows[0]} if rows else {}
        records = self._records.get((key, VALUES))
        if records and own:
            content = records[0].content
            told = self._protected({name: content[name] for name in names}, records[0])
            for field in others:
                # Nor may such a count tell how few of those with a value it lacks.
                count = content[field.name]
                if counts_people(field) and abs((content["n"] or 0) - (count or 0)) < self._k_min:
                    row[field.name] = told["n"]
            row.update(told)
        if not row:
            return None
        return {field.name: row.get(field.name) for field in value.scalars}

    def _rows(self, part: Part, indicator: str) -> list[Row]:
        records = [
            replace(record, content=_restored(part, record.content))
            for record in self._records.get((indicator, part.name), ())
        ]
        return protect_rows(part, records, self._k_min)

    def envelope(self, envelope: EnvelopeRecord | None, parts: Sequence[str]) -> Any:
        """An envelope with the instants of the oldest of the parts; None where there is none."""
        if envelope is None:
            return None
        records = [
            record for part in parts for record in self._records.get((envelope.indicator, part), ())
        ]
        changed = {
            name: min(known)
            for name in ("as_of", "computed_at", "state_as_of")
            if (known := [at for one in records if (at := getattr(one, name)) is not None])
        }
        return replace(envelope, **changed)

    def _summary(self, ref: FieldRef) -> ReleasedRecord | None:
        found = self._records.get((ref.indicator, summary_part(ref)))
        return found[0] if found else None

    def _protected(self, row: Row, record: ReleasedRecord) -> Row:
        """Statistics of a field, or of the group's own about the only field."""
        known = record.most_equal
        if record.part == VALUES:
            equal = [
                one.most_equal or 0
                for (indicator, part), (one, *_) in self._records.items()
                if indicator == record.indicator and part.startswith(SUMMARY)
            ]
            known = max(equal, default=None)
        return protect_statistics(
            row, self._k_min, blocks=(record.size, record.ever), most_equal=known
        )


def summary_part(ref: FieldRef) -> str:
    """The part under which the free summary of a field is released."""
    return SUMMARY + ref.field


def _summary_record(record: ReleasedRecord) -> SummaryRecord | None:
    if not record.content:
        return None
    content: dict[str, Any] = {**record.content}
    content["histogram"] = tuple(content["histogram"] or ())
    _, _, field = record.part.partition(SUMMARY)
    return SummaryRecord(group_id=COURSE_GROUP, indicator=record.indicator, field=field, **content)


def _restored(part: Part, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row with days and instants as such again."""
    return {field.name: _value(field, content[field.name]) for field in part.fields}


def _value(field: Field, value: Any) -> Any:
    if value is None or field.kind not in (Kind.DAY, Kind.INSTANT):
        return value
    read = date.fromisoformat if field.kind is Kind.DAY else datetime.fromisoformat
    return [read(one) for one in value] if field.is_list else read(value)
