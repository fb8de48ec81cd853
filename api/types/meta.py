"""The envelope that every value carries: how, when and of what it was made (catalogue 1.18)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aggregates.records import EnvelopeRecord
from api.schema.records import Column, Nested, Record, Row
from indicators.contract import Indicator
from indicators.result import Status

NAMED_TEXT = Record(
    "NamedText",
    "A name and its value, as text.",
    (
        Column("name", str, "Name.", nullable=False),
        Column("value", str, "Value as text; null: not set."),
    ),
)

TIME_WINDOW = Record(
    "TimeWindow",
    "A half-open span of time: `start` belongs to it, `end` does not.",
    (
        Column("start", datetime, "First instant; null: no limit."),
        Column("end", datetime, "First instant after it; null: no limit."),
    ),
)

RESULT_META = Record(
    "ResultMeta",
    "How a value was made, and why it is missing if it is.",
    (
        Column("indicator", str, "Key of the indicator.", nullable=False),
        Column("version", int, "Version of its definition.", nullable=False),
        Column("unit", str, "Unit of the main value.", nullable=False),
        Nested("parameters", NAMED_TEXT, "What it was computed with.", is_list=True),
        Nested("window", TIME_WINDOW, "The events that were looked at."),
        Column("as_of", datetime, "The numbers hold at this instant."),
        Column("computed_at", datetime, "When it was computed."),
        Column("state_as_of", datetime, "When grades, enrolments and profiles were read."),
        Column("coverage", float, "Share of the window's days for which there are logs, 0 to 1."),
        Column("partial", bool, "Some days of the window have no logs."),
        Column("status", Status, "Whether the value is there.", nullable=False),
        Column("population_basis", str, "Who counts: `enrollment`, `enr_events` or `events`."),
        Column("staff_excluded", bool, "Whether the course team was taken out."),
        Column(
            "missing_source",
            str,
            "Sources that are absent; the value is null because of them.",
            is_list=True,
        ),
        Column("n", int, "Students with a value, of a summary. Unit: count."),
        Column("n_null", int, "Students without one, of a summary. Unit: count."),
        Column(
            "suppressed",
            bool,
            "Numbers of too few people are left out, and others rounded.",
            nullable=False,
        ),
        Nested("notes", NAMED_TEXT, "Remarks, such as `cutoff_defaulted`.", is_list=True),
    ),
)


def meta_row(
    indicator: Indicator,
    envelope: EnvelopeRecord | None,
    *,
    n: int | None = None,
    n_null: int | None = None,
    suppressed: bool = False,
) -> Row:
    """The envelope of a value; without a stored one the next refresh will compute it."""
    if envelope is None:
        return {
            **dict.fromkeys((field.name for field in RESULT_META.fields), None),
            "indicator": indicator.key,
            "version": indicator.version,
            "unit": indicator.unit,
            "status": Status.PENDING.value,
            "suppressed": suppressed,
        }
    return {
        "indicator": envelope.indicator,
        "version": envelope.version,
        "unit": envelope.unit,
        "parameters": _named(envelope.parameters),
        "window": {"start": envelope.start_at, "end": envelope.end_at},
        "as_of": envelope.as_of,
        "computed_at": envelope.computed_at,
        "state_as_of": envelope.state_as_of,
        "coverage": envelope.coverage,
        "partial": envelope.partial,
        "status": envelope.status,
        "population_basis": envelope.population_basis,
        "staff_excluded": envelope.staff_excluded,
        "missing_source": list(envelope.missing_source),
        "n": n,
        "n_null": n_null,
        "suppressed": suppressed,
        "notes": _named(envelope.notes),
    }


def _named(values: Mapping[str, Any]) -> list[Row]:
    return [{"name": name, "value": as_text(value)} for name, value in sorted(values.items())]


def as_text(value: Any) -> str | None:
    """A parameter's value as it would be written on a command line; None stays None."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
