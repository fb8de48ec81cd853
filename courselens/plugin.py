"""What an indicator imports: everything, and nothing else, from here."""

from __future__ import annotations

from typing import Annotated

from ibis import _, cases, greatest, ifelse, least, literal, union
from ibis import null as null_value
from ibis.expr import types as ir

from courselens.domain import COURSE_LOCATION, DAY_US, PSEUDO_BLOCKS, REMOVED, Level
from indicators.contract import Cost, Indicator, Intermediate, Privacy, indicator, intermediate
from indicators.parameters import Parameter, Parameters
from indicators.portable import (
    SECOND_US,
    bucketize,
    day_of,
    day_start_us,
    gap_from_previous,
    gap_to_next,
    in_order,
    local_day,
    monday_of,
    percent,
    row_number,
    safe_div,
    sessionize,
    to_seconds,
    total,
)
from indicators.shape import BlockKey, Key, Value
from indicators.tables import Tables

__all__ = [
    "COURSE_LOCATION",
    "DAY_US",
    "PSEUDO_BLOCKS",
    "REMOVED",
    "SECOND_US",
    "Annotated",
    "BlockKey",
    "Cost",
    "Indicator",
    "Intermediate",
    "Key",
    "Level",
    "Parameter",
    "Parameters",
    "Privacy",
    "Tables",
    "Value",
    "_",
    "bucketize",
    "cases",
    "day_of",
    "day_start_us",
    "gap_from_previous",
    "gap_to_next",
    "greatest",
    "ifelse",
    "in_order",
    "indicator",
    "intermediate",
    "ir",
    "least",
    "literal",
    "local_day",
    "monday_of",
    "null_value",
    "percent",
    "row_number",
    "safe_div",
    "sessionize",
    "to_seconds",
    "total",
    "union",
]
