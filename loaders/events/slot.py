"""A course and a day: the unit of the lake's files, and how one is written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from pyarrow import parquet

from loaders.datasets import EVENTS
from loaders.events.types import ACTIVITIES, FAMILIES

_FAMILIES, _ACTIVITIES = pa.array(FAMILIES), pa.array(ACTIVITIES)
_ROW_GROUP = 122_880
_DISTINCT = ("ts_us", "event_id", "fingerprint")  # a dictionary of them costs more than it saves


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A course and a day."""

    day: date
    course_key: str


@dataclass(frozen=True, slots=True)
class Written:
    """A new Parquet file of a slot, still in the run's scratch folder."""

    slot: Slot
    path: Path
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Names:
    """Texts by their number in the rows of a batch."""

    event_types: pa.Array
    locations: pa.Array


def read_names(engine: DuckDBPyConnection) -> Names:
    """The names in the tables `event_types` and `locations`."""
    types = engine.sql("SELECT event_type FROM event_types ORDER BY event_no").to_arrow_table()
    places = engine.sql("SELECT location FROM locations ORDER BY location_no").to_arrow_table()
    return Names(types.column(0).combine_chunks(), places.column(0).combine_chunks())


def write_slot(rows: pa.Table, slot: Slot, names: Names, path: Path) -> Written:
    """Write the sorted rows of one slot.

    Args:
        rows: the columns of EVENTS and `fingerprint`; `event_no` and `location_no` stand for
            `event_type` and `location`, `family` and `activity_type` are numbers of their ENUM;
            the slot's own course and day are not in it.
        slot: whose rows they are.
        names: what the numbers stand for.
        path: of the file.
    """
    columns = {
        "course_key": _constant(slot.course_key, rows.num_rows),
        "event_type": _named(rows.column("event_no"), names.event_types),
        "location": _named(rows.column("location_no"), names.locations),
        "family": _named(rows.column("family"), _FAMILIES),
        "activity_type": _named(rows.column("activity_type"), _ACTIVITIES),
    }
    table = pa.table(
        {name: columns.get(name) or rows.column(name) for name in (*EVENTS.columns, "fingerprint")}
        | {"day": pa.repeat(pa.scalar(slot.day, pa.date32()), rows.num_rows)}
    )
    return store_slot(table, slot, path)


def store_slot(table: pa.Table, slot: Slot, path: Path) -> Written:
    """Write all columns of one slot's file, its rows in their order."""
    parquet.write_table(
        table,
        path,
        compression="zstd",
        row_group_size=_ROW_GROUP,
        use_dictionary=[name for name in table.column_names if name not in _DISTINCT],
        store_schema=False,
    )
    digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    return Written(slot, path, table.num_rows, digest)


def _constant(text: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [text])


def _named(numbers: pa.ChunkedArray, names: pa.Array) -> pa.Array:
    """The names of the numbers; its dictionary holds only those that occur."""
    codes = numbers.combine_chunks().dictionary_encode()
    return pa.DictionaryArray.from_arrays(codes.indices, names.take(codes.dictionary))
