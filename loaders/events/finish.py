"""Second pass: remove duplicates, carry locations, sort, write one Parquet file per course and day.

Works on a batch of days, whose rows are narrow: texts with few distinct values are numbers until
they are written. What came before a day is known from the rows of the day before: the last activity
event of each learner in its last two hours, whose own or carried location lives on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from courselens.domain import COURSE_LOCATION, DAY_US, day_number
from loaders.events.engine import sql_list, sql_text
from loaders.events.places import add_locations
from loaders.events.slot import Slot

CARRY_LIMIT_US = 7_200_000_000
"""Longest gap a location is carried over: the largest inactivity limit an indicator may ask."""

_SHARE_ROWS = 250_000

_NUMBERS = (
    "current_seconds, old_seconds, new_seconds, duration_seconds, grade, max_grade, attempt, "
    "old_position, new_position, hint_index, hint_len"
)
# What two spellings of one event have in common; the course is that of the slot.
_FIELDS = (
    f"user_id, ts_us, event_no, source, family, is_activity, {_NUMBERS}, word, course_from_url"
)


def load_batch(
    engine: DuckDBPyConnection,
    slots: Sequence[Slot],
    stored: Sequence[Path],
    before: Sequence[Path],
) -> None:
    """Make the tables `slots`, `batch` and `state` of a batch.

    slots (slot, course_no, course_key, day): numbers for the batch's slots. batch: the rows of the
    slots, new and stored, with `own_no`, the location they name themselves. state (course_no,
    user_id, ts_us, event_id, location_no, gap_us): where learners were before.

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
        CREATE OR REPLACE TABLE batch AS
        SELECT s.slot, s.course_no, g.user_id, g.username, g.ts_us, g.event_id, g.event_no,
               g.source, g.family, g.is_activity, p.location_no AS own_no, p.kind,
               NULL::ACTIVITY AS stored_type, {_NUMBERS}, g.word, g.course_from_url, g.fingerprint,
               false AS is_stored
        FROM given g
        JOIN slots s ON s.course_key = g.course_key AND s.day = make_timestamp(g.ts_us)::DATE
        LEFT JOIN places p ON p.course_key = g.course_key AND p.spot = g.spot
        WHERE g.ts_us >= {start_us} AND g.ts_us < {end_us}
        {_stored_sql(stored)}""")
    engine.execute(f"""
        CREATE OR REPLACE TABLE state AS
        SELECT c.course_no, b.user_id, b.ts_us, b.event_id, l.location_no, b.gap_us
        FROM ({_state_sql(before)}) b
        JOIN (SELECT DISTINCT course_key, course_no FROM slots) c USING (course_key)
        JOIN locations l USING (course_key, location)""")


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
               r.source, r.family::FAMILY, r.is_activity, l.location_no, NULL,
               r.activity_type::ACTIVITY, {_NUMBERS}, coalesce(r.success, r.mode, r.object_id),
               r.course_from_url, r.fingerprint, true
        FROM read_parquet({sql_list(files)}, hive_partitioning = false) r
        JOIN slots s ON s.course_key = r.course_key AND s.day = r.day
        JOIN event_types e ON e.event_type = r.event_type
        LEFT JOIN locations l ON l.course_key = r.course_key AND l.location = r.location
         AND r.location_gap_us IS NULL"""


def find_changes(engine: DuckDBPyConnection, *, is_mixed: bool) -> int:
    """Make tables `doubles` (slot, event_id) and `carried` of the batch; returns the doubles.

    carried (slot, event_id, location_no, location_gap_us): rows whose location is another event's.

    Args:
        engine: after `load_batch`.
        is_mixed: stored fingerprints come from engines that hash differently: a new event is then
            the same as a stored one of the same learner, instant, type and other fields.
    """
    engine.execute(_DOUBLES)
    if is_mixed:
        engine.execute(_DOUBLES_BY_FIELDS)
    engine.execute(_CARRIED)
    (count,) = engine.execute("SELECT count(*) FROM doubles").fetchone() or (0,)
    return int(count)


def shares(engine: DuckDBPyConnection) -> list[range]:
    """The batch's slots in runs that are sorted together: many small ones, or a large one."""
    runs: list[range] = []
    rows = 0
    for slot, count in engine.execute(
        "SELECT slot, count(*) FROM batch GROUP BY slot ORDER BY slot"
    ).fetchall():
        if runs and rows + count <= _SHARE_ROWS:
            runs[-1] = range(runs[-1].start, slot + 1)
            rows += count
        else:
            runs.append(range(slot, slot + 1))
            rows = count
    return runs


def sorted_rows(engine: DuckDBPyConnection, slots: range) -> pa.Table:
    """The final rows of some slots of the batch, with `slot`, as `write_slot` takes them."""
    return engine.sql(f"""
        SELECT slot, user_id, username, ts_us, event_id, event_no, source, family, CASE
                   WHEN own_no IS NOT NULL AND stored_type IS NOT NULL THEN stored_type
                   WHEN family = 'video' THEN 'video'
                   WHEN family IN ('prob', 'hint', 'ora') OR kind = 'problem' THEN 'problem'
                   WHEN family = 'forum' OR kind = 'forum' THEN 'forum'
                   WHEN family = 'text' OR kind = 'text' THEN 'text'
                   ELSE 'other' END::ACTIVITY AS activity_type,
               is_activity, location_no, location_gap_us, {_NUMBERS},
               CASE WHEN family = 'prob' THEN word END AS success,
               CASE WHEN family = 'enr' THEN word END AS mode,
               CASE WHEN family NOT IN ('prob', 'enr') THEN word END AS object_id,
               course_from_url, fingerprint
        FROM (
            SELECT b.* EXCLUDE (kind), coalesce(b.own_no, c.location_no, 0) AS location_no,
                   c.location_gap_us, coalesce(b.kind, c.kind) AS kind
            FROM batch b
            LEFT JOIN carried c ON c.event_id = b.event_id AND c.slot = b.slot
            ANTI JOIN doubles d ON d.event_id = b.event_id AND d.slot = b.slot
            WHERE b.slot BETWEEN {slots.start} AND {slots.stop - 1}
            ORDER BY b.slot, b.user_id, b.ts_us, b.event_id
        )""").to_arrow_table()


# Few rows share a hash, so that only those are compared in full.
_DOUBLES = """
CREATE OR REPLACE TABLE doubles AS
SELECT slot, event_id FROM (
    SELECT slot, event_id, row_number() OVER (
        PARTITION BY slot, user_id, ts_us, fingerprint ORDER BY event_id) AS number
    FROM batch
    WHERE hash(slot, user_id, ts_us, fingerprint) IN (
        SELECT mark FROM (
            SELECT hash(slot, user_id, ts_us, fingerprint) AS mark, count(*) AS many
            FROM batch GROUP BY mark) WHERE many > 1)
) WHERE number > 1
"""

_DOUBLES_BY_FIELDS = f"""
INSERT INTO doubles
SELECT new.slot, new.event_id
FROM (SELECT *, hash({_FIELDS}) AS fields FROM batch WHERE NOT is_stored) new
SEMI JOIN (SELECT slot, hash({_FIELDS}) AS fields FROM batch WHERE is_stored) old
       ON old.slot = new.slot AND old.fields = new.fields
ANTI JOIN doubles d ON d.slot = new.slot AND d.event_id = new.event_id
"""

# The gaps since the event that names the location are those of the events that do not name one, so
# the longest is a running maximum over these few. A row of `state` stands for all days before.
# Learners whose events all name one are left out first: sorting them is most of the cost.
_CARRIED = f"""
CREATE OR REPLACE TABLE carried AS
WITH line AS NOT MATERIALIZED (
    SELECT slot, course_no, user_id, ts_us, event_id, own_no, 0 AS gap_us FROM batch
    SEMI JOIN (FROM batch WHERE is_activity AND own_no IS NULL) USING (course_no, user_id)
    ANTI JOIN doubles USING (slot, event_id) WHERE is_activity
    UNION ALL
    SELECT NULL, course_no, user_id, ts_us, event_id, location_no, gap_us FROM state
), told AS NOT MATERIALIZED (
    SELECT slot, event_id, ts_us, own_no,
        ts_us - lag(ts_us) OVER learner AS gap_us,
        last_value(CASE WHEN own_no IS NOT NULL
                   THEN {{'event_id': event_id, 'location_no': own_no, 'gap_us': gap_us}} END
                   IGNORE NULLS) OVER (
            PARTITION BY course_no, user_id ORDER BY ts_us, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS source
    FROM line
    WINDOW learner AS (PARTITION BY course_no, user_id ORDER BY ts_us, event_id)
), borrowed AS NOT MATERIALIZED (
    SELECT slot, event_id, source.location_no AS location_no, greatest(
        source.gap_us,
        max(gap_us) OVER (PARTITION BY source.event_id ORDER BY ts_us, event_id)) AS gap_us
    FROM told WHERE own_no IS NULL AND source IS NOT NULL
)
SELECT b.slot, b.event_id, b.location_no, b.gap_us AS location_gap_us, l.kind
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
