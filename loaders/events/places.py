"""From what events say of their location to block keys, once per course and saying.

A `spot` is a full usage key, a pseudo-block, an HTML id, `q|SEQUENCE|TAB`, or a courseware path
`/courseware/CHAPTER/SECTION/POSITION` (catalogue 1.16 a to d).
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from courselens.domain import COURSE_LOCATION, SCORED_TYPES


def load_places(engine: DuckDBPyConnection) -> None:
    """Make the tables `mentions`, `locations` and `places` of the view `given`.

    mentions (course_key, day, spot, is_device, events): how many events say a spot, or none, on
    the servers' clock or on a device's.
    locations (location_no, course_key, location, kind): numbered from 0, which is nowhere in the
    course; kind: the activity type that being there gives, null for none.
    places (course_key, spot, location_no, kind): what the tree does not know becomes the key it
    must have had, or stays as it is.

    Needs the tables of `load_structure`.
    """
    engine.execute("""
        CREATE TABLE mentions AS
        SELECT course_key, make_timestamp(ts_us)::DATE AS day, spot, source = 'mobile' AS is_device,
               count(*) AS events
        FROM given GROUP BY ALL""")
    engine.execute(_FOUND)
    engine.execute(f"""
        CREATE TABLE locations (
            location_no INTEGER, course_key VARCHAR, location VARCHAR, kind ACTIVITY);
        INSERT INTO locations VALUES (0, NULL, '{COURSE_LOCATION}', NULL)""")
    add_locations(engine, "SELECT course_key, location FROM found")
    engine.execute("""
        CREATE TABLE places AS
        SELECT f.course_key, f.spot, l.location_no, l.kind
        FROM found f JOIN locations l USING (course_key, location)""")
    engine.execute("DROP TABLE found")


def add_locations(engine: DuckDBPyConnection, found: str) -> None:
    """Number the locations of a query (course_key, location) that have no number yet."""
    engine.execute(f"""
        INSERT INTO locations
        SELECT (SELECT count(*) FROM locations) + row_number() OVER () - 1,
               f.course_key, f.location, {_KIND}
        FROM (SELECT DISTINCT course_key, location FROM ({found})) f
        ANTI JOIN locations l ON l.course_key = f.course_key AND l.location = f.location
        LEFT JOIN scored_blocks scored
          ON scored.course_key = f.course_key AND scored.block_key = f.location
        LEFT JOIN known_trees tree ON tree.course_key = f.course_key""")


_FOUND = """
CREATE TABLE found AS
WITH said AS (
    SELECT DISTINCT course_key, spot FROM mentions WHERE spot IS NOT NULL
), split AS (
    SELECT *, starts_with(spot, 'q|') AS is_tab, starts_with(spot, '/courseware/') AS is_path,
        CASE WHEN starts_with(spot, 'q|') THEN string_split(spot, '|')
             WHEN starts_with(spot, '/courseware/') THEN string_split(spot, '/') END AS parts
    FROM said
), named AS (
    SELECT *,
        CASE WHEN is_tab THEN parts[2] WHEN NOT is_path THEN spot END AS id,
        CASE WHEN is_tab THEN nullif(TRY_CAST(parts[3] AS BIGINT), 0) END AS tab,
        CASE WHEN is_path THEN nullif(parts[3], '') END AS chapter,
        CASE WHEN is_path THEN nullif(parts[4], '') END AS section,
        CASE WHEN is_path THEN TRY_CAST(parts[5] AS BIGINT) END AS unit
    FROM split
), looked AS (
    SELECT *,
        CASE WHEN is_tab THEN 'q:' || id || ':' || tab
             WHEN is_path THEN 'p:' || section || ':' || unit
             WHEN NOT contains(id, ':') THEN 'h:' || id END AS ref_1,
        CASE WHEN is_tab AND NOT contains(id, ':') THEN 'h:' || id
             WHEN section IS NOT NULL THEN 's:' || section
             WHEN chapter IS NOT NULL THEN 'c:' || chapter END AS ref_2,
        CASE WHEN section IS NOT NULL THEN 'sequential'
             WHEN chapter IS NOT NULL THEN 'chapter' END AS guessed_type
    FROM named
)
SELECT l.course_key, l.spot, coalesce(b1.block_key, b2.block_key, l.id, CASE
        WHEN starts_with(l.course_key, 'course-v1:')
        THEN 'block-v1:' || substr(l.course_key, 11) || '+type@' || guessed_type || '+block@'
             || coalesce(section, chapter)
        WHEN starts_with(l.course_key, 'ccx-v1:')
        THEN 'ccx-block-v1:' || substr(l.course_key, 8) || '+type@' || guessed_type || '+block@'
             || coalesce(section, chapter)
        ELSE 'i4x://' || split_part(l.course_key, '/', 1) || '/'
             || split_part(l.course_key, '/', 2) || '/' || guessed_type || '/'
             || coalesce(section, chapter) END, l.spot) AS location
    FROM looked l
    LEFT JOIN block_refs b1 ON b1.course_key = l.course_key AND b1.ref = l.ref_1
    LEFT JOIN block_refs b2 ON b2.course_key = l.course_key AND b2.ref = l.ref_2
"""

_KIND = f"""CASE
    WHEN scored.block_key IS NOT NULL OR tree.course_key IS NULL AND CASE
         WHEN contains(f.location, '+type@')
         THEN split_part(split_part(f.location, '+type@', 2), '+', 1)
         WHEN starts_with(f.location, 'i4x://') THEN split_part(f.location, '/', 5)
         WHEN starts_with(f.location, 'i4x-') THEN split_part(f.location, '-', 4)
         END IN {SCORED_TYPES} THEN 'problem'
    WHEN f.location = '_forum_' THEN 'forum'
    WHEN f.location = '_textbook_' THEN 'text' END"""
