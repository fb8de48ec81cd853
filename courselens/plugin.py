"""What an indicator imports: everything, and nothing else, from here."""

from __future__ import annotations

from typing import Annotated

from ibis import (
    _,
    array,
    cases,
    coalesce,
    cumulative_window,
    greatest,
    ifelse,
    least,
    literal,
    union,
)
from ibis import null as null_value
from ibis import range as numbers_between
from ibis.expr import types as ir

from courselens.domain import (
    COURSE_LOCATION,
    DAY_US,
    PSEUDO_BLOCKS,
    REMOVED,
    RETIRED_PREFIX,
    SCORED_TYPES,
    Level,
    to_us,
)
from courselens.errors import BadParameter, MissingSource
from indicators.calendar import day_in_window, day_rows, week_rows, window_days, window_weeks
from indicators.contract import (
    CONTRACT_VERSION,
    ENTRY_POINT_GROUP,
    Cost,
    Indicator,
    Intermediate,
    Privacy,
    indicator,
    intermediate,
)
from indicators.live import Sources
from indicators.own_datasets import LoadRequest, OwnDataset, Rows, Setting, dataset
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
    mean,
    merge_ranges,
    monday_of,
    percent,
    row_number,
    running,
    safe_div,
    sessionize,
    to_seconds,
    total,
    total_float,
    us_of,
)
from indicators.profiles import AGE_BANDS, MAXIMUM_AGE, MINIMUM_AGE
from indicators.result import COURSE_GROUP
from indicators.shape import BlockKey, Key, Value
from indicators.tables import Tables

__all__ = [
    "AGE_BANDS",
    "CONTRACT_VERSION",
    "COURSE_GROUP",
    "COURSE_LOCATION",
    "DAY_US",
    "ENTRY_POINT_GROUP",
    "MAXIMUM_AGE",
    "MINIMUM_AGE",
    "PSEUDO_BLOCKS",
    "REMOVED",
    "RETIRED_PREFIX",
    "SCORED_TYPES",
    "SECOND_US",
    "Annotated",
    "BadParameter",
    "BlockKey",
    "Cost",
    "Indicator",
    "Intermediate",
    "Key",
    "Level",
    "LoadRequest",
    "MissingSource",
    "OwnDataset",
    "Parameter",
    "Parameters",
    "Privacy",
    "Rows",
    "Setting",
    "Sources",
    "Tables",
    "Value",
    "_",
    "array",
    "bucketize",
    "cases",
    "coalesce",
    "cumulative_window",
    "dataset",
    "day_in_window",
    "day_of",
    "day_rows",
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
    "mean",
    "merge_ranges",
    "monday_of",
    "null_value",
    "numbers_between",
    "percent",
    "row_number",
    "running",
    "safe_div",
    "sessionize",
    "to_seconds",
    "to_us",
    "total",
    "total_float",
    "union",
    "us_of",
    "week_rows",
    "window_days",
    "window_weeks",
]
