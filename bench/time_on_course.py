"""`time_on_course` from the lake: ours, a hand-written DuckDB query, and pandas."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pandas as pd

from bench.data import Prepared, read_course
from bench.measure import interleave, report, show, verdict
from courselens.computing import Limits, compute_course
from courselens.domain import Level, to_us
from indicators.context import Times
from indicators.data import CourseData
from indicators.engine import to_sql
from indicators.registry import load_registry

LIMIT_US = 1_800_000_000
TABLES = ("courses", "enrollments", "profiles", "course_roles", "cohort_members")
GOAL_DUCKDB, GOAL_PANDAS, GOAL_MEMORY = 1.3, 3.0, 1 / 3

SQL = """
WITH gaps AS (
    SELECT user_id, event_type,
           lead(ts_us) OVER (PARTITION BY user_id ORDER BY ts_us, event_id) - ts_us AS gap
    FROM read_parquet($files, hive_partitioning = false) WHERE is_activity
), spent AS (
    SELECT user_id, sum(CASE WHEN gap <= $limit AND event_type <> 'page_close' THEN gap END) AS us
    FROM gaps GROUP BY user_id
)
SELECT e.user_id, coalesce(us, 0) / 1e6 AS seconds
FROM enrollments e LEFT JOIN spent USING (user_id)
WHERE e.is_active
  AND e.user_id NOT IN (SELECT user_id FROM course_roles)
  AND e.user_id NOT IN (
    SELECT user_id FROM profiles WHERE is_staff OR starts_with(username, 'retired__user_')
  )
ORDER BY e.user_id
"""


def ours(data: CourseData) -> list[tuple[int, float]]:
    """Seconds by user, through registry, plan and engine."""
    results = compute_course(
        load_registry(),
        ["time_on_course"],
        data,
        times=Times(now_us=to_us(datetime.now(UTC))),
        limits=Limits("2GB", None),
        levels=[Level.STUDENT],
    )
    values = results.results[0].student["values"]
    return list(zip(values.column(0).to_pylist(), values.column(1).to_pylist(), strict=True))


def by_duckdb(data: CourseData) -> list[tuple[int, float]]:
    """Seconds by user, by a query written by hand."""
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '2GB'")
    for name in ("enrollments", "course_roles", "profiles"):
        connection.register(name, data.tables[name])
    files = [str(path) for path in data.event_files]
    return connection.execute(SQL, {"files": files, "limit": LIMIT_US}).fetchall()


def by_pandas(data: CourseData) -> list[tuple[int, float]]:
    """Seconds by user, with pandas."""
    columns = ["user_id", "ts_us", "event_id", "event_type", "is_activity"]
    events = pd.concat(
        [pd.read_parquet(path, columns=columns) for path in data.event_files], ignore_index=True
    )
    events = events[events.is_activity].sort_values(["user_id", "ts_us", "event_id"])
    gap = events.groupby("user_id").ts_us.shift(-1) - events.ts_us
    gap = gap.where((gap <= LIMIT_US) & (events.event_type != "page_close"), 0)
    spent = gap.groupby(events.user_id).sum()
    enrolled = data.tables["enrollments"].to_pandas()
    profiles = data.tables["profiles"].to_pandas()
    retired = profiles.username.str.startswith("retired__user_").fillna(False)
    left_out = set(profiles.user_id[profiles.is_staff.fillna(False) | retired])
    left_out |= set(data.tables["course_roles"].column("user_id").to_pylist())
    users = np.sort(enrolled.user_id[enrolled.is_active & ~enrolled.user_id.isin(left_out)])
    seconds = spent.reindex(users, fill_value=0) / 1e6
    return list(zip(users.tolist(), seconds.tolist(), strict=True))


PROGRAMS = {"ours": ours, "duckdb": by_duckdb, "pandas": by_pandas}


def run(prepared: Prepared, *, rounds: int) -> bool:
    """Compare and print; whether all goals are reached."""
    arguments = [str(prepared.lake), str(prepared.tables), prepared.course_key]
    data = read_course(prepared.lake, prepared.tables, prepared.course_key, only=TABLES)
    rows = {name: program(data) for name, program in PROGRAMS.items()}
    assert rows["ours"] == rows["duckdb"], "ours and DuckDB differ"
    assert np.allclose([s for _, s in rows["ours"]], [s for _, s in rows["pandas"]])
    measured = interleave(
        {name: ["bench.time_on_course", name, *arguments] for name in PROGRAMS}, rounds=rounds
    )
    mine, plain, pandas = measured["ours"], measured["duckdb"], measured["pandas"]
    to_duckdb = mine.seconds / plain.seconds
    to_pandas = pandas.seconds / mine.seconds
    memory = mine.peak_mb / pandas.peak_mb
    goals = [to_duckdb <= GOAL_DUCKDB, to_pandas >= GOAL_PANDAS, memory <= GOAL_MEMORY]
    show(
        f"time_on_course, {prepared.events:,} events: ours {mine.seconds:.2f} s "
        f"{mine.peak_mb:.0f} MB, DuckDB {plain.seconds:.2f} s {plain.peak_mb:.0f} MB, "
        f"pandas {pandas.seconds:.2f} s {pandas.peak_mb:.0f} MB",
        [
            ("our time / DuckDB's", f"{to_duckdb:.2f}", f"<= {GOAL_DUCKDB}", verdict(goals[0])),
            ("pandas' time / ours", f"{to_pandas:.2f}", f">= {GOAL_PANDAS}", verdict(goals[1])),
            ("our memory / pandas'", f"{memory:.2f}", f"<= {GOAL_MEMORY:.2f}", verdict(goals[2])),
        ],
    )
    return all(goals)


def warm_up() -> None:
    """Import what Ibis imports at first use; a worker has done so long before its second course."""
    load_registry()
    to_sql(ibis.table({"user_id": "int64"}, name="nothing"))


if __name__ == "__main__":
    warm_up()
    name, lake, tables, course_key = sys.argv[1:]
    course = read_course(Path(lake), Path(tables), course_key, only=TABLES)
    report(lambda: PROGRAMS[name](course))
