"""Second pass: remove duplicates, carry locations, sort, write one Parquet file per course and day.

Works on a batch of days. What came before a day is known from the rows of the day before: the
last activity event of each learner in its last two hours, whose own or carried location lives on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import unquote

from duckdb import DuckDBPyConnection
from pyarrow import parquet

from courselens.domain import COURSE_LOCATION, DAY_US, day_number
from loaders.datasets import EVENTS
from loaders.events.engine import open_engine, sql_list, sql_text
from loaders.events.places import kind_joins, kind_sql

CARRY_LIMIT_US = 7_200_000_000
"""Longest gap a location is carried over: the largest inactivity limit an indicator may ask."""

INTERNAL_COLUMNS = ("fingerprint", "day")
"""Columns of the lake's files beside those of EVENTS: a hash for duplicates, the UTC date."""


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A course and a day: the unit of the lake's files."""

    day: date
    course_key: str


@dataclass(frozen=True, slots=True)
class Written:
    """A new Parquet file of a slot, still in the run's scratch folder."""

    slot: Slot
    path: Path
    rows: int
    digest: str


_OWN = f"location_gap_us IS NULL AND location <> '{COURSE_LOCATION}'"
_PLAIN_COLUMNS = [
    name for name in EVENTS.columns if name not in ("location", "location_gap_us", "activity_type")
]
ROW_COLUMNS = ", ".join([*_PLAIN_COLUMNS, "fingerprint"])


def key_columns(*, is_mixed: bool) -> str:
    """Columns of `keys`; `is_mixed`: stored rows were hashed by other engines, compare fields."""
    typed = ", ".join(name for name in _PLAIN_COLUMNS if name not in ("event_id", "username"))
    alike = f"hash({typed})" if is_mixed else "NULL::UBIGINT"
    return f"course_key, user_id, ts_us, event_id, fingerprint, {alike} AS alike, is_activity"


def rows_sql(
    given: str, stored: Sequence[Path], slots: Sequence[Slot], columns: str = ROW_COLUMNS
) -> str:
    """SELECT of a batch's new and stored rows alike.

    Args:
        given: SELECT of the valid new rows.
        stored: live files of the slots.
        slots: the batch.
        columns: what to select, beside `spot` (or the stored location), `is_own`, `stored_type`
            (activity type; null: a new row) and `day`.
    """
    first, last = min(slots).day, max(slots).day
    start_us, end_us = day_number(first) * DAY_US, (day_number(last) + 1) * DAY_US
    wanted = ", ".join(
        f"({sql_text(slot.course_key)}, DATE '{slot.day.isoformat()}')" for slot in slots
    )
    new = f"""
        SELECT {columns}, spot, spot IS NOT NULL AS is_own, NULL::VARCHAR AS stored_type, day
        FROM (SELECT *, make_timestamp(ts_us)::DATE AS day FROM ({given}))
        WHERE ts_us >= {start_us} AND ts_us < {end_us}
          AND (course_key, day) IN (VALUES {wanted})"""
    if not stored:
        return new
    return f"""{new}
        UNION ALL
        SELECT {columns}, CASE WHEN {_OWN} THEN location END, {_OWN}, activity_type, day
        FROM read_parquet({sql_list(stored)}, hive_partitioning = false)"""


def find_changes(engine: DuckDBPyConnection, rows: str, before: Sequence[Path]) -> None:
    """Make tables `doubles` (event_id) and `carried` of a batch.

    carried (event_id, location, location_gap_us, kind): rows whose location is another event's.
    """
    engine.execute(f"CREATE OR REPLACE TEMP TABLE keys AS {rows}")
    engine.execute(_DOUBLES)
    engine.execute(f"CREATE OR REPLACE TEMP TABLE state AS {_state_sql(before)}")
    engine.execute(_CARRIED)
    engine.execute("DROP TABLE keys")


# Few rows share a hash, so that only those are compared in full.
_DOUBLES = """
CREATE OR REPLACE TEMP TABLE doubles AS
SELECT event_id FROM (
    SELECT event_id, row_number() OVER (
        PARTITION BY course_key, user_id, ts_us, fingerprint ORDER BY event_id) AS number
    FROM keys
    WHERE hash(course_key, user_id, ts_us, fingerprint) IN (
        SELECT mark FROM (
            SELECT hash(course_key, user_id, ts_us, fingerprint) AS mark, count(*) AS many
            FROM keys GROUP BY mark) WHERE many > 1)
) WHERE number > 1
UNION
SELECT new.event_id FROM keys new SEMI JOIN (FROM keys WHERE stored_type IS NOT NULL) old
    ON old.course_key = new.course_key AND old.user_id = new.user_id AND old.ts_us = new.ts_us
   AND old.alike = new.alike
WHERE new.stored_type IS NULL
"""

# The gaps since the event that names the location are those of the events that do not name one, so
# the longest is a running maximum over these few. A row of `state` stands for all days before.
_CARRIED = f"""
CREATE OR REPLACE TEMP TABLE carried AS
WITH line AS NOT MATERIALIZED (
    SELECT course_key, user_id, ts_us, event_id, is_own FROM keys
    ANTI JOIN doubles USING (event_id) WHERE is_activity
    UNION ALL
    SELECT course_key, user_id, ts_us, event_id, true FROM state
), told AS NOT MATERIALIZED (
    SELECT course_key, user_id, ts_us, event_id, is_own,
        ts_us - lag(ts_us) OVER learner AS gap_us,
        last_value(CASE WHEN is_own THEN event_id END IGNORE NULLS) OVER (
            PARTITION BY course_key, user_id ORDER BY ts_us, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS own_id
    FROM line
    WINDOW learner AS (PARTITION BY course_key, user_id ORDER BY ts_us, event_id)
), borrowed AS NOT MATERIALIZED (
    SELECT course_key, event_id, own_id, max(gap_us) OVER (
        PARTITION BY own_id ORDER BY ts_us, event_id) AS longest_us
    FROM told WHERE NOT is_own AND own_id IS NOT NULL
), found AS NOT MATERIALIZED (
    SELECT b.event_id, b.course_key, greatest(b.longest_us, coalesce(s.gap_us, 0)) AS longest_us,
           coalesce(s.location, p.location, k.spot) AS location
    FROM borrowed b
    LEFT JOIN keys k ON k.event_id = b.own_id
    LEFT JOIN places p ON p.course_key = k.course_key
        AND p.spot = CASE WHEN k.stored_type IS NULL THEN k.spot END
    LEFT JOIN state s ON s.event_id = b.own_id
)
SELECT f.event_id, f.location, f.longest_us AS location_gap_us, {kind_sql("f")} AS kind
FROM found f {kind_joins("f")}
WHERE f.longest_us <= {CARRY_LIMIT_US}
"""


def _state_sql(before: Sequence[Path]) -> str:
    """Last activity event of each learner in the last two hours of each file of `before`.

    Learners without a location to carry are left out, which is what no event before means.
    """
    if not before:
        return (
            "SELECT ''::VARCHAR AS course_key, 0::BIGINT AS user_id, 0::BIGINT AS ts_us, "
            "0::BIGINT AS event_id, ''::VARCHAR AS location, 0::BIGINT AS gap_us LIMIT 0"
        )
    return f"""
        SELECT course_key, user_id, ts_us, event_id, location, gap_us FROM (
            SELECT course_key, day, user_id, max(ts_us) AS ts_us,
                   arg_max(event_id, (ts_us, event_id)) AS event_id,
                   arg_max(location, (ts_us, event_id)) AS location,
                   arg_max(coalesce(location_gap_us, 0), (ts_us, event_id)) AS gap_us
            FROM read_parquet({sql_list(before)}, hive_partitioning = false)
            WHERE is_activity
              AND ts_us >= (date_diff('day', DATE '1970-01-01', day) + 1) * {DAY_US}
                           - {CARRY_LIMIT_US}
            GROUP BY course_key, day, user_id
        ) WHERE location <> '{COURSE_LOCATION}'"""


def border_states(engine: DuckDBPyConnection, files: Sequence[Path]) -> dict[Slot, str]:
    """A digest per slot of what its learners carry over to the next day."""
    rows = engine.execute(f"""
        SELECT course_key, make_timestamp(ts_us)::DATE AS day,
               sum(hash(user_id, ts_us, location, gap_us))::VARCHAR
        FROM ({_state_sql(files)}) GROUP BY ALL""").fetchall()
    return {Slot(day, course_key): digest for course_key, day, digest in rows}


def write_batch(
    rows: str,
    changes: tuple[Path, Path],
    places: Path,
    out: Path,
    *,
    memory_limit: str,
    sources: Sequence[Path],
) -> list[Written]:
    """Write the final rows of a batch, sorted, one Parquet file per slot.

    Runs in an engine of its own with one thread, which keeps the order; batches run side by side.
    """
    doubles, carried = changes
    out.mkdir(parents=True)
    engine = open_engine(
        memory_limit=memory_limit, threads=1, scratch=out, folders=[*sources, *changes, places]
    )
    try:
        engine.execute(f"""
            COPY (
                SELECT {", ".join(_final(name) for name in EVENTS.columns)}, r.fingerprint, r.day
                FROM ({rows}) r
                LEFT JOIN read_parquet({sql_text(str(places))}) p ON p.course_key = r.course_key
                    AND p.spot = CASE WHEN r.stored_type IS NULL THEN r.spot END
                LEFT JOIN read_parquet({sql_text(str(carried))}) c ON c.event_id = r.event_id
                ANTI JOIN read_parquet({sql_text(str(doubles))}) d ON d.event_id = r.event_id
                ORDER BY r.course_key, r.day, r.user_id, r.ts_us, r.event_id
            ) TO {sql_text(str(out / "rows"))} (
                FORMAT parquet, COMPRESSION zstd, PARTITION_BY (course_key, day),
                WRITE_PARTITION_COLUMNS true)""")
    finally:
        engine.close()
    return [_written(path) for path in sorted((out / "rows").glob("*/*/*.parquet"))]


def _final(name: str) -> str:
    if name == "location":
        return f"coalesce(p.location, r.spot, c.location, '{COURSE_LOCATION}') AS location"
    if name == "location_gap_us":
        return "c.location_gap_us"
    if name == "activity_type":
        return """CASE WHEN r.is_own AND r.stored_type IS NOT NULL THEN r.stored_type
            WHEN r.family = 'video' THEN 'video'
            WHEN r.family IN ('prob', 'hint', 'ora') OR coalesce(p.kind, c.kind) = 'problem'
            THEN 'problem'
            WHEN r.family = 'forum' OR coalesce(p.kind, c.kind) = 'forum' THEN 'forum'
            WHEN r.family = 'text' OR coalesce(p.kind, c.kind) = 'text' THEN 'text'
            ELSE 'other' END AS activity_type"""
    return f"r.{name}"


def _written(path: Path) -> Written:
    course_key = unquote(path.parent.parent.name.removeprefix("course_key="))
    day = date.fromisoformat(path.parent.name.removeprefix("day="))
    digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    rows = parquet.read_metadata(path).num_rows
    return Written(Slot(day, course_key), path, rows, digest)
