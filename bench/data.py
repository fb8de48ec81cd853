"""The input of the benchmarks: one simulated course, its lake and its tables, made once."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from courselens.domain import to_us
from courselens.simulator import simulate
from courselens.sources import load_installation
from indicators.data import CourseData, LogCoverage
from loaders.events.lake import Lake

FOLDER = Path(".bench")
WEEKS = 12


@dataclass(frozen=True, slots=True)
class Prepared:
    """Where the input lies."""

    source: Path
    lake: Path
    tables: Path
    course_key: str
    events: int


def prepare(students: int) -> Prepared:
    """Simulate, ingest and keep the tables as Parquet; a finished folder is taken as it is."""
    folder = FOLDER / f"course-{students}"
    note = folder / "note.json"
    source, lake, tables = folder / "source", folder / "lake", folder / "tables"
    if not note.exists():
        print(f"simulating {students} students, {WEEKS} weeks ...", flush=True)
        before = time.perf_counter()
        simulated = simulate(source, students=students, weeks=WEEKS, seed=7)
        print(f"{simulated.events:,} events in {time.perf_counter() - before:.0f} s", flush=True)
        installation, _ = load_installation(
            [source], Lake(lake), now_us=to_us(datetime.now(UTC)), memory_limit="2GB"
        )
        course_key = simulated.courses[0].course_key
        tables.mkdir(parents=True, exist_ok=True)
        for name, table in installation.course(course_key).tables.items():
            pq.write_table(table, tables / f"{name}.parquet")
        note.write_text(json.dumps({"course_key": course_key, "events": simulated.events}))
    known = json.loads(note.read_text())
    return Prepared(source, lake, tables, known["course_key"], known["events"])


def read_course(
    lake: Path, tables: Path, course_key: str, *, only: Collection[str] | None = None
) -> CourseData:
    """The prepared course, as a run takes it; with `only` these datasets alone."""
    events = Lake(lake)
    days = events.coverage()
    assert days is not None
    return CourseData(
        course_key=course_key,
        tables={
            path.stem: pq.read_table(path)
            for path in sorted(tables.glob("*.parquet"))
            if only is None or path.stem in only
        },
        event_files=tuple(events.files(course_key)),
        coverage=LogCoverage(days.first_day, days.last_day, frozenset(days.lost_days)),
    )
