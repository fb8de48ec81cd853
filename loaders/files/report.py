"""What was loaded of each dataset: the rows of `courselens inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from loaders.datasets import DATASETS

_DATE_COLUMNS = {
    "courses": ("start_us", "end_us"),
    "enrollments": ("created_us",),
    "module_states": ("created_us", "modified_us"),
    "subsection_grades": ("modified_us",),
    "course_grades": ("modified_us",),
    "certificates": ("created_us", "modified_us"),
    "completions": ("modified_us",),
    "forum_posts": ("created_us",),
}


@dataclass(slots=True)
class Tally:
    """What has been read for a dataset so far."""

    paths: set[str] = field(default_factory=set)
    lines: int = 0
    rejects: int = 0


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """What was loaded of one dataset.

    `files` gave `lines` of data (None where files are not made of lines), of which `rejects` were
    left out; `rows` is what came of the others after joining tables and keeping one row a key.
    `first_us` and `last_us` are the earliest and latest date, None where it has none.
    """

    dataset: str
    files: int
    lines: int | None
    rows: int
    rejects: int
    first_us: int | None
    last_us: int | None
    course_keys: tuple[str, ...]


def make_reports(
    tables: Mapping[str, pa.Table], tallies: Mapping[str, Tally]
) -> tuple[DatasetReport, ...]:
    """Describe the tables of a source, in the order in which the datasets are declared."""
    return tuple(
        _make_report(name, tables[name], tallies.get(name, Tally()))
        for name in DATASETS
        if name in tables
    )


def _make_report(name: str, table: pa.Table, tally: Tally) -> DatasetReport:
    ranges = [pc.min_max(table[column]).as_py() for column in _DATE_COLUMNS.get(name, ())]
    firsts = [each["min"] for each in ranges if each["min"] is not None]
    lasts = [each["max"] for each in ranges if each["max"] is not None]
    keys: list[str | None] = []
    if "course_key" in table.column_names:
        keys = pc.unique(table["course_key"]).to_pylist()
    return DatasetReport(
        dataset=name,
        files=len(tally.paths),
        lines=tally.lines or None,
        rows=table.num_rows,
        rejects=tally.rejects,
        first_us=min(firsts, default=None),
        last_us=max(lasts, default=None),
        course_keys=tuple(sorted(key for key in keys if key)),
    )
