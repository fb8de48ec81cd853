"""The input of the benchmarks: one simulated course, its lake and its tables, made once."""

from __future__ import annotations

import json
import shutil
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
    """Simulate, ingest and keep the tables as Parquet; what is there already is taken as it is."""
    folder = FOLDER / f"course-{students}"
    source, lake, tables = folder / "source", folder / "lake", folder / "tables"
    simulated = folder / "simulated.json"
    if not simulated.exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"simulating {students} students, {WEEKS} weeks ...", flush=True)
        report = simulate(source, students=students, weeks=WEEKS, seed=7)
        print(f"{report.events:,} events in {report.seconds:.0f} s", flush=True)
        known = {"course_key": report.courses[0].course_key, "events": report.events}
        simulated.write_text(json.dumps(known))
    known = json.loads(simulated.read_text())
    if not tables.exists():
        print("ingesting ...", flush=True)
        installation, _ = load_installation(
            [source], Lake(lake), now_us=to_us(datetime.now(UTC)), memory_limit="2GB"
        )
        unfinished = tables.with_suffix(".new")
        unfinished.mkdir(parents=True, exist_ok=True)
        for name, table in installation.course(known["course_key"]).tables.items():
            pq.write_table(table, unfinished / f"{name}.parquet")
        unfinished.rename(tables)
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
