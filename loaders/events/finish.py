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

from duckdb import DuckDBPyConnection
from pyarrow import parquet

from courselens.domain import COURSE_LOCATION, DAY_US, day_number
from loaders.datasets import EVENTS
from loaders.events.engine import sql_list, sql_text
from loaders.events.places import kind_joins, kind_sql

CARRY_LIMIT_US = 7_200_000_000
"""Longest gap a location is carried over: the largest inactivity limit an indicator may ask."""


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


_STORED_SPOT = f"""
    CASE WHEN location_gap_us IS NULL AND location <> '{COURSE_LOCATION}' THEN location END"""
_COLUMNS = [
    name for name in EVENTS.columns if name not in ("location", "location_gap_us", "activity_type")
]
_FIELDS = ", ".join(name for name in _COLUMNS if name not in ("event_id", "username"))


def open_batch(engine: DuckDBPyConnection, slots: Sequence[Slot]) -> None:
    """Make table `slots` (slot, course_no, course_key, day): numbers for the batch's slots."""
    numbers = {key: n for n, key in enumerate(sorted({slot.course_key for slot in slots}))}
    values = ", ".join(
        f"({n}, {numbers[slot.course_key]}, {sql_text(slot.course_key)}, DATE '{slot.day}')"
        for n, slot in enumerate(slots)
    )
    engine.execute(f"""
        CREATE OR REPLACE TABLE slots AS FROM (VALUES {values}) t (slot, course_no, course_key, day)
    """)


def find_changes(
    engine: DuckDBPyConnection,
    slots: Sequence[Slot],
    stored: Sequence[Path],
    before: Sequence[Path],
    *,
    is_mixed: bool,
) -> int:
    """Make tables `doubles` (slot, event_id) and `carried` of the batch; returns the doubles.

    carried (slot, event_id, location, location_gap_us, kind): rows whose location is another
    event's.

    Args:
        engine: with the view `given`, and `slots` of `open_batch`.
        slots: the batch.
        stored: live files of these slots.
        before: live files of the days before them, where those are not in the batch.
        is_mixed: stored fingerprints come from engines that hash differently: a new event is then
            the same as a stored one of the same learner, instant, type and other fields.
    """
    fields = f"hash({_FIELDS})" if is_mixed else "NULL::UBIGINT"
    columns = f"user_id, ts_us, event_id, fingerprint, is_activity, {fields} AS fields"
    engine.execute(f"""
        CREATE OR REPLACE TABLE keys AS
        SELECT slot, course_no, {columns}, spot, false AS is_stored FROM ({_given(slots)})
        {_stored(stored, f"slot, course_no, {columns}, {_STORED_SPOT}, true")}""")
    engine.execute(_DOUBLES)
    if is_mixed:
        engine.execute(_DOUBLES_BY_FIELDS)
    engine.execute(f"""
        CREATE OR REPLACE TABLE state AS
        SELECT c.course_no, s.* FROM ({_state_sql(before)}) s
        JOIN (SELECT DISTINCT course_key, course_no FROM slots) c USING (course_key)""")
    engine.execute(_CARRIED)
    engine.execute("DROP TABLE keys")
    (count,) = engine.execute("SELECT count(*) FROM doubles").fetchone() or (0,)
    return int(count)


def load_batch(engine: DuckDBPyConnection, slots: Sequence[Slot], stored: Sequence[Path]) -> None:
    """Make table `batch`: the final rows of the slots, new and stored, with `slot`."""
    columns = ", ".join(_COLUMNS)
    engine.execute(f"""
        CREATE OR REPLACE TABLE batch AS
        SELECT {", ".join(_final(name) for name in EVENTS.columns)}, r.fingerprint, r.day, r.slot
        FROM (
            SELECT r.*, coalesce(p.location, r.spot) AS own, p.kind, NULL::VARCHAR AS stored_type
            FROM (SELECT {columns}, fingerprint, day, slot, spot FROM ({_given(slots)})) r
            LEFT JOIN places p ON p.course_key = r.course_key AND p.spot = r.spot
            {
        _stored(
            stored, f"{columns}, fingerprint, day, slot, NULL, {_STORED_SPOT}, NULL, activity_type"
        )
    }
        ) r
        LEFT JOIN carried c ON c.event_id = r.event_id
        ANTI JOIN doubles d ON d.event_id = r.event_id""")


def _given(slots: Sequence[Slot]) -> str:
    """SELECT of the new rows of the slots, with their numbers."""
    start_us = day_number(min(slots).day) * DAY_US
    end_us = (day_number(max(slots).day) + 1) * DAY_US
    return f"""
        SELECT g.*, s.slot, s.course_no, s.day FROM given g
        JOIN slots s ON s.course_key = g.course_key AND s.day = make_timestamp(g.ts_us)::DATE
        WHERE g.ts_us >= {start_us} AND g.ts_us < {end_us}"""


def _stored(files: Sequence[Path], columns: str) -> str:
    """UNION ALL with these columns of the stored rows, if there are any."""
    if not files:
        return ""
    return f"""
        UNION ALL
        SELECT {columns} FROM (
            SELECT r.*, s.slot, s.course_no
            FROM read_parquet({sql_list(files)}, hive_partitioning = false) r
            JOIN slots s ON s.course_key = r.course_key AND s.day = r.day)"""


# Few rows share a hash, so that only those are compared in full.
_DOUBLES = """
CREATE OR REPLACE TABLE doubles AS
SELECT slot, event_id FROM (
    SELECT slot, event_id, row_number() OVER (
        PARTITION BY slot, user_id, ts_us, fingerprint ORDER BY event_id) AS number
    FROM keys
    WHERE hash(slot, user_id, ts_us, fingerprint) IN (
        SELECT mark FROM (
            SELECT hash(slot, user_id, ts_us, fingerprint) AS mark, count(*) AS many
            FROM keys GROUP BY mark) WHERE many > 1)
) WHERE number > 1
"""

_DOUBLES_BY_FIELDS = """
INSERT INTO doubles
SELECT new.slot, new.event_id FROM (FROM keys WHERE NOT is_stored) new
SEMI JOIN (FROM keys WHERE is_stored) old ON old.slot = new.slot AND old.fields = new.fields
ANTI JOIN doubles d ON d.slot = new.slot AND d.event_id = new.event_id
"""

# The gaps since the event that names the location are those of the events that do not name one, so
# the longest is a running maximum over these few. A row of `state` stands for all days before.
_CARRIED = f"""
CREATE OR REPLACE TABLE carried AS
WITH line AS NOT MATERIALIZED (
    SELECT slot, course_no, user_id, ts_us, event_id, spot IS NOT NULL AS is_own FROM keys
    ANTI JOIN doubles USING (slot, event_id) WHERE is_activity
    UNION ALL
    SELECT NULL, course_no, user_id, ts_us, event_id, true FROM state
), told AS NOT MATERIALIZED (
    SELECT slot, course_no, user_id, ts_us, event_id, is_own,
        ts_us - lag(ts_us) OVER learner AS gap_us,
        last_value(CASE WHEN is_own THEN event_id END IGNORE NULLS) OVER (
            PARTITION BY course_no, user_id ORDER BY ts_us, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS own_id
    FROM line
    WINDOW learner AS (PARTITION BY course_no, user_id ORDER BY ts_us, event_id)
), borrowed AS NOT MATERIALIZED (
    SELECT slot, event_id, own_id, max(gap_us) OVER (
        PARTITION BY own_id ORDER BY ts_us, event_id) AS longest_us
    FROM told WHERE NOT is_own AND own_id IS NOT NULL
), found AS NOT MATERIALIZED (
    SELECT b.slot, b.event_id, n.course_key, coalesce(s.location, p.location, k.spot) AS location,
           greatest(b.longest_us, coalesce(s.gap_us, 0)) AS longest_us
    FROM borrowed b
    JOIN slots n ON n.slot = b.slot
    LEFT JOIN keys k ON k.event_id = b.own_id
    LEFT JOIN places p ON p.course_key = n.course_key
        AND p.spot = CASE WHEN NOT k.is_stored THEN k.spot END
    LEFT JOIN state s ON s.event_id = b.own_id
)
SELECT f.slot, f.event_id, f.location, f.longest_us AS location_gap_us, {kind_sql("f")} AS kind
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


def write_slot(engine: DuckDBPyConnection, number: int, slot: Slot, path: Path) -> Written:
    """Write the rows of one slot of `batch`, sorted."""
    engine.execute(f"""
        COPY (
            SELECT * EXCLUDE (slot) FROM batch WHERE slot = {number}
            ORDER BY user_id, ts_us, event_id
        ) TO {sql_text(str(path))} (FORMAT parquet, COMPRESSION zstd)""")
    digest = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    return Written(slot, path, parquet.read_metadata(path).num_rows, digest)


def _final(name: str) -> str:
    if name == "location":
        return f"coalesce(r.own, c.location, '{COURSE_LOCATION}') AS location"
    if name == "location_gap_us":
        return "c.location_gap_us"
    if name == "activity_type":
        return """CASE WHEN r.own IS NOT NULL AND r.stored_type IS NOT NULL THEN r.stored_type
            WHEN r.family = 'video' THEN 'video'
            WHEN r.family IN ('prob', 'hint', 'ora') OR coalesce(r.kind, c.kind) = 'problem'
            THEN 'problem'
            WHEN r.family = 'forum' OR coalesce(r.kind, c.kind) = 'forum' THEN 'forum'
            WHEN r.family = 'text' OR coalesce(r.kind, c.kind) = 'text' THEN 'text'
            ELSE 'other' END AS activity_type"""
    return f"r.{name}"
