"""Finished results in Arrow: types of columns and fixed schemas.

Apart from the shapes and results themselves: a process that answers questions reads those, and does
without the 50 MB that Arrow takes.
"""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from indicators.shape import Kind

TYPES: dict[Kind, pa.DataType] = {
    Kind.INT: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.BOOL: pa.bool_(),
    Kind.STRING: pa.string(),
    Kind.DAY: pa.date32(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    Kind.BLOCK: pa.string(),
    Kind.ENUM: pa.string(),
}

SUMMARY_SCHEMA = pa.schema(
    [
        pa.field("group_id", pa.string()),
        pa.field("field", pa.string()),
        pa.field("n", pa.int64()),
        pa.field("n_null", pa.int64()),
        pa.field("mean", pa.float64()),
        pa.field("sd", pa.float64()),
        pa.field("median", pa.float64()),
        pa.field("p25", pa.float64()),
        pa.field("p75", pa.float64()),
        pa.field("sum", pa.float64()),
        pa.field("minimum", pa.float64()),
        pa.field("maximum", pa.float64()),
        pa.field("histogram", pa.list_(pa.int64())),
    ]
)
"""Free summaries: one row per group and scalar numeric student field. `histogram` counts 20 equal
bins from minimum to maximum, half-open, the last closed; one bin when all values are equal."""

STANDING_SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.int64()),
        pa.field("field", pa.string()),
        pa.field("percentile", pa.float64()),
    ]
)
"""Percentile rank in the course, 0..100, per student and scalar numeric field (catalogue 3.9)."""


class Typed(Protocol):
    """Something with values of one kind: a field, or a column of a file."""

    @property
    def kind(self) -> Kind:
        """What a value holds."""

    @property
    def is_list(self) -> bool:
        """Whether each value is a list."""


def arrow_type(field: Typed) -> pa.DataType:
    """Type of a field's column."""
    return pa.list_(TYPES[field.kind]) if field.is_list else TYPES[field.kind]
