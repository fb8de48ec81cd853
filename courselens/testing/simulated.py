"""A simulated course, read as a real source is: hundreds of people who behave like people."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from courselens.domain import to_us
from courselens.simulator import simulate
from courselens.sources import load_installation
from courselens.testing.built import BuiltCourse
from courselens.testing.running import NOW
from loaders.datasets import DATASETS
from loaders.events.lake import Lake


def simulate_course(
    folder: Path, *, students: int = 40, weeks: int = 2, seed: int = 1
) -> BuiltCourse:
    """Simulate a course into an empty folder and load it; the same seed gives the same course."""
    simulate(folder / "source", students=students, weeks=weeks, seed=seed)
    installation, _ = load_installation(
        [folder / "source"], Lake(folder / "lake"), now_us=to_us(NOW), memory_limit="1GB"
    )
    (course_key,) = installation.course_keys
    data = installation.course(course_key)
    schema = DATASETS["events"].schema
    events = [
        pq.read_table(file, columns=schema.names, partitioning=None).cast(schema)
        for file in data.event_files
    ]
    tables = {**data.tables, "events": pa.concat_tables(events)}
    return BuiltCourse(course_key, tables, data.coverage)
