"""Second pass: the rows of a batch of days, duplicates left out and locations carried.

Rows are narrow: texts with few distinct values are numbers until they are written (`slot`). What
came before a day is known from the rows of the day before: the last activity event of each learner
in its last two hours, whose own or carried location lives on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from courselens.domain import COURSE_LOCATION, DAY_US, day_number
from loaders.events.batch import Batch
from loaders.events.engine import sql_list, sql_text
from loaders.events.places import add_locations
from loaders.events.slot import Slot

CARRY_LIMIT_US = 7_200_000_000
"""Longest gap a location is carried over: the largest inactivity limit an indicator may ask."""

_NUMBERS = (
    "current_seconds, old_seconds, new_seconds, duration_seconds, grade, max_grade, attempt, "
    "old_position, new_position, hint_index, hint_len"
)
# What two spellings of one event have in common; the course is that of the slot.
_FIELDS = (
    f"user_id, ts_us, event_no, source, family, is_activity, {_NUMBERS}, success, mode, object_id, "
    "course_from_url"
)


def load_batch(
    engine: DuckDBPyConnection,
    slots: Sequence[Slot],
    stored: Sequence[Path],
    before: Sequence[Path],
) -> pa.Table:
    """The rows of the slots, new and stored, with `own_no`, the location they name themselves.

    `activity_type` is what the row says alone; it and `family` are numbers of their ENUM. Makes
    the tables slots (slot, course_no, course_key, day): numbers for the batch's slots, and state
    (course_no, user_id, ts_us, event_id, location_no, gap_us): where learners were before.

    Args:
        engine: with the view `given`, and the tables of `load_sayings` and `load_places`.
        slots: the batch.
        stored: live files of these slots.
        before: live files of the days before them, where those are not in the batch.
    """
    numbers = {key: n for n, key in enumerate(sorted({slot.course_key for slot in slots}))}
    values = ", ".join(
        f"({n}, {numbers[slot.course_key]}, {sql_text(slot.course_key)}, DATE '{slot.day}')"
        for n, slot in enumerate(slots)
    )
    engine.execute(f"""
        CREATE OR REPLACE TABLE slots AS FROM (VALUES {values}) t (slot, course_no, course_key, day)
    """)
    if stored or before:
        _number_stored(engine, stored, before)
    start_us = day_number(min(slots).day) * DAY_US
    end_us = (day_number(max(slots).day) + 1) * DAY_US
    engine.execute(f"""
        CREATE OR REPLACE TABLE state AS
        SELECT c.course_no, b.user_id, b.ts_us, b.event_id, l.location_no, b.gap_us
        FROM ({_state_sql(before)}) b
        JOIN (SELECT DISTINCT course_key, course_no FROM slots) c USING (course_key)
        JOIN locations l USING (course_key, location)""")
    rows = engine.sql(f"""
        SELECT s.slot, s.course_no, g.user_id, g.username, g.ts_us, g.event_id, g.event_no,
               g.source, enum_code(g.family) AS family, g.is_activity,
               coalesce(p.location_no, -1) AS own_no,
               enum_code({_activity_sql("g.family", "p.kind")}) AS activity_type, {_NUMBERS},
               CASE WHEN g.family = 'prob' THEN g.word END AS success,
               CASE WHEN g.family = 'enr' THEN g.word END AS mode,
               CASE WHEN g.family NOT IN ('prob', 'enr') THEN g.word END AS object_id,
               g.course_from_url, g.fingerprint, false AS is_stored
        FROM given g
        JOIN slots s ON s.course_key = g.course_key AND s.day = make_timestamp(g.ts_us)::DATE
        LEFT JOIN places p ON p.course_key = g.course_key AND p.spot = g.spot
        WHERE g.ts_us >= {start_us} AND g.ts_us < {end_us}
        {_stored_sql(stored)}""").to_arrow_table()
    return rows.combine_chunks()


def _activity_sql(family: str, kind: str) -> str:
    """SQL of the activity type of an event of this family at a place of this kind."""
    return f"""CASE
        WHEN {family} = 'video' THEN 'video'
        WHEN {family} IN ('prob', 'hint', 'ora') OR {kind} = 'problem' THEN 'problem'
        WHEN {family} = 'forum' OR {kind} = 'forum' THEN 'forum'
        WHEN {family} = 'text' OR {kind} = 'text' THEN 'text'
        ELSE 'other' END::ACTIVITY"""


def _number_stored(
    engine: DuckDBPyConnection, stored: Sequence[Path], before: Sequence[Path]
) -> None:
    """Number the event types and locations of stored rows that no new row has named."""
    add_locations(
        engine,
        f"""SELECT course_key, location
            FROM read_parquet({sql_list([*stored, *before])}, hive_partitioning = false)
            WHERE location <> '{COURSE_LOCATION}'""",
    )
    if stored:
        engine.execute(f"""
            INSERT INTO event_types
            SELECT (SELECT count(*) FROM event_types) + row_number() OVER () - 1, event_type
            FROM (SELECT DISTINCT event_type
                  FROM read_parquet({sql_list(stored)}, hive_partitioning = false))
            ANTI JOIN event_types USING (event_type)""")


def _stored_sql(files: Sequence[Path]) -> str:
    """UNION ALL with the stored rows as `batch` has them, if there are any."""
    if not files:
        return ""
    return f"""
        UNION ALL
        SELECT s.slot, s.course_no, r.user_id, r.username, r.ts_us, r.event_id, e.event_no,
               r.source, enum_code(r.family::FAMILY), r.is_activity, coalesce(l.location_no, -1),
               enum_code(CASE WHEN l.location_no IS NOT NULL THEN r.activity_type::ACTIVITY
                              ELSE {_activity_sql("r.family", "NULL")} END),
               {_NUMBERS}, r.success, r.mode, r.object_id, r.course_from_url, r.fingerprint, true
        FROM read_parquet({sql_list(files)}, hive_partitioning = false) r
        JOIN slots s ON s.course_key = r.course_key AND s.day = r.day
        JOIN event_types e ON e.event_type = r.event_type
        LEFT JOIN locations l ON l.course_key = r.course_key AND l.location = r.location
         AND r.location_gap_us IS NULL"""


def leave_out_by_fields(engine: DuckDBPyConnection, batch: Batch) -> None:
    """Leave out new events that are stored with all the same fields, whatever their fingerprints.

    For stored fingerprints of engines that hash differently.
    """
    numbers = pa.array(np.arange(batch.rows.num_rows))
    engine.register("batch", batch.rows.append_column("position", numbers))
    batch.leave_out(engine.sql(_DOUBLES_BY_FIELDS).fetchnumpy()["position"])
    engine.unregister("batch")


def settle(engine: DuckDBPyConnection, batch: Batch) -> pa.Table:
    """The rows of the batch as `write_slot` takes them, in their order.

    Args:
        engine: after `load_batch`.
        batch: its rows.
    """
    seekers = batch.seekers()
    engine.register(
        "seekers", batch.rows.take(seekers).append_column("position", pa.array(seekers))
    )
    carried = engine.sql(_CARRIED).to_arrow_table()
    engine.unregister("seekers")
    position = carried.column("position").to_numpy()
    rows = batch.rows.drop_columns(["own_no", "is_stored"])
    location_no = np.maximum(batch.rows.column("own_no").to_numpy(), 0)
    activity_type = batch.rows.column("activity_type").to_numpy().copy()
    gap_us, is_own = np.zeros(rows.num_rows, np.int64), np.ones(rows.num_rows, bool)
    location_no[position] = carried.column("location_no").to_numpy()
    activity_type[position] = carried.column("activity_type").to_numpy()
    gap_us[position] = carried.column("location_gap_us").to_numpy()
    is_own[position] = False
    rows = rows.set_column(
        rows.column_names.index("activity_type"), "activity_type", pa.array(activity_type)
    )
    rows = rows.append_column("location_no", pa.array(location_no))
    return rows.append_column("location_gap_us", pa.array(gap_us, mask=is_own))


_DOUBLES_BY_FIELDS = f"""
SELECT new.position
FROM (SELECT *, hash({_FIELDS}) AS fields FROM batch WHERE NOT is_stored) new
SEMI JOIN (SELECT slot, hash({_FIELDS}) AS fields FROM batch WHERE is_stored) old
       ON old.slot = new.slot AND old.fields = new.fields
"""

# The gaps since the event that names the location are those of the events that do not name one, so
# the longest is a running maximum over these few. A row of `state` stands for all days before.
_CARRIED = f"""
WITH line AS NOT MATERIALIZED (
    SELECT position, course_no, user_id, ts_us, event_id, family,
           CASE WHEN own_no >= 0 THEN own_no END AS own_no, 0 AS gap_us FROM seekers
    UNION ALL
    SELECT NULL, course_no, user_id, ts_us, event_id, NULL, location_no, gap_us FROM state
), told AS NOT MATERIALIZED (
    SELECT position, family, event_id, ts_us, own_no,
        ts_us - lag(ts_us) OVER learner AS gap_us,
        last_value(CASE WHEN own_no IS NOT NULL
                   THEN {{'event_id': event_id, 'location_no': own_no, 'gap_us': gap_us}} END
                   IGNORE NULLS) OVER (
            PARTITION BY course_no, user_id ORDER BY ts_us, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS source
    FROM line
    WINDOW learner AS (PARTITION BY course_no, user_id ORDER BY ts_us, event_id)
), borrowed AS NOT MATERIALIZED (
    SELECT position, family, source.location_no AS location_no, greatest(
        source.gap_us,
        max(gap_us) OVER (PARTITION BY source.event_id ORDER BY ts_us, event_id)) AS gap_us
    FROM told WHERE own_no IS NULL AND source IS NOT NULL
)
SELECT b.position, b.location_no, b.gap_us AS location_gap_us,
       enum_code({_activity_sql("enum_range(NULL::FAMILY)[b.family + 1]", "l.kind")})
           AS activity_type
FROM borrowed b JOIN locations l USING (location_no)
WHERE b.gap_us <= {CARRY_LIMIT_US}
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
