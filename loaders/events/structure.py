"""What of the course tree and the user table the parser looks up, as small tables."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from duckdb import DuckDBPyConnection

from courselens.domain import SCORED_TYPES
from loaders import datasets


@dataclass(frozen=True, slots=True)
class Structure:
    """Tables of the datasets BLOCKS, COURSES and PROFILES; null where the source has none."""

    blocks: pa.Table | None = None
    courses: pa.Table | None = None
    profiles: pa.Table | None = None


def load_structure(connection: DuckDBPyConnection, structure: Structure) -> None:
    """Make the tables that the parser joins.

    block_refs (course_key, ref, block_key): every way an event can name a block (see `_REFS`);
    scored_blocks (course_key, block_key); known_trees (course_key);
    course_starts (course_key, created_us); user_names (username, user_id), unique names only.
    """
    for name, table, dataset in (
        ("given_blocks", structure.blocks, datasets.BLOCKS),
        ("given_courses", structure.courses, datasets.COURSES),
        ("given_profiles", structure.profiles, datasets.PROFILES),
    ):
        connection.register("given_arrow", dataset.empty() if table is None else table)
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS FROM given_arrow")
        connection.unregister("given_arrow")
    for statement in (_REFS, _SCORED, _TREES, _STARTS, _NAMES):
        connection.execute(statement)


# h: HTML id or bare id; c: chapter by url name; s: section by url name; p: unit at a position of a
# section by url name; q: unit at a position of a sequence by usage key or HTML id.
# A bare id can stand for several types: leaves win, then course order.
_REFS = """
CREATE OR REPLACE TABLE block_refs AS
WITH named AS (
    SELECT *, CASE WHEN contains(block_key, '+block@') THEN split_part(block_key, '+block@', 2)
                   ELSE string_split(block_key, '/')[-1] END AS url_name
    FROM given_blocks
), section AS (
    SELECT s.* FROM named s JOIN named c
      ON c.course_key = s.course_key AND c.block_key = s.parent_key AND c.block_type = 'chapter'
), unit AS (
    SELECT u.course_key, u.block_key, u.position, s.url_name, s.html_id, s.block_key AS section_key,
           row_number() OVER (
               PARTITION BY u.course_key, u.parent_key ORDER BY u.position) AS tab
    FROM named u JOIN section s ON s.course_key = u.course_key AND s.block_key = u.parent_key
), refs AS (
    SELECT course_key, 'h:' || html_id AS ref, block_key, NOT is_leaf AS later, position FROM named
    UNION ALL
    SELECT course_key, 'h:' || url_name, block_key, NOT is_leaf, position FROM named
    UNION ALL
    SELECT course_key, 'c:' || url_name, block_key, false, position FROM named
    WHERE block_type = 'chapter'
    UNION ALL SELECT course_key, 's:' || url_name, block_key, false, position FROM section
    UNION ALL
    SELECT course_key, 'p:' || url_name || ':' || tab, block_key, false, position FROM unit
    UNION ALL
    SELECT course_key, 'q:' || section_key || ':' || tab, block_key, false, position FROM unit
    UNION ALL
    SELECT course_key, 'q:' || html_id || ':' || tab, block_key, false, position FROM unit
)
SELECT course_key, ref, arg_min(block_key, (later, position, block_key)) AS block_key
FROM refs WHERE ref IS NOT NULL GROUP BY ALL
"""

_SCORED = f"""
CREATE OR REPLACE TABLE scored_blocks AS
SELECT DISTINCT course_key, block_key FROM given_blocks
WHERE block_type IN {SCORED_TYPES} AND weight IS DISTINCT FROM 0
"""

_TREES = """
CREATE OR REPLACE TABLE known_trees AS SELECT DISTINCT course_key FROM given_blocks
"""

_STARTS = """
CREATE OR REPLACE TABLE course_starts AS
SELECT course_key, min(created_us) AS created_us FROM given_courses
WHERE created_us IS NOT NULL GROUP BY course_key
"""

_NAMES = """
CREATE OR REPLACE TABLE user_names AS
SELECT username, min(user_id) AS user_id FROM given_profiles
WHERE username IS NOT NULL AND user_id IS NOT NULL
GROUP BY username HAVING count(DISTINCT user_id) = 1
"""
