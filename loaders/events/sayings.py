"""What type names and addresses say, once per text: a day of events has few distinct ones."""

from __future__ import annotations

from collections.abc import Iterable
from string import Template

from duckdb import DuckDBPyConnection

from loaders.events.engine import sql_text
from loaders.events.parse import is_request_sql, starts_sql
from loaders.events.types import FAMILY_PREFIXES, TEAM_PREFIXES, known_pages, known_types

# Arguments are plain columns wherever they occur twice, and those of `parse` are needed too.
_MACROS = (
    # Interfaces (`/api/courses/v1/...`) look like old course keys and are none.
    """CREATE OR REPLACE MACRO after_courses(p) AS CASE
        WHEN contains(p, '/courses/')
        THEN CASE WHEN NOT contains(p, '/api/') THEN substr(p, instr(p, '/courses/') + 9) END
        WHEN contains(p, '/course/') THEN substr(p, instr(p, '/course/') + 8) END""",
    """CREATE OR REPLACE MACRO is_new_key(a) AS
        (starts_with(a, 'course-v1:') OR starts_with(a, 'ccx-v1:'))""",
    """CREATE OR REPLACE MACRO course_text(a) AS CASE
        WHEN is_new_key(a) THEN split_part(a, '/', 1)
        ELSE array_to_string(string_split(a, '/')[1:3], '/') END""",
    """CREATE OR REPLACE MACRO after_xblock(p) AS CASE
        WHEN contains(p, '/xblock/') THEN substr(p, instr(p, '/xblock/') + 8) END""",
    # i4x keys hold slashes, written `;_` or as they are.
    """CREATE OR REPLACE MACRO xblock_key(x) AS CASE
        WHEN starts_with(x, 'block-v1:') OR starts_with(x, 'ccx-block-v1:')
             OR starts_with(x, 'lib-block-v1:') THEN before(x, '/')
        WHEN starts_with(x, 'i4x:;_') THEN replace(before(x, '/'), ';_', '/')
        WHEN starts_with(x, 'i4x://') THEN array_to_string(string_split(x, '/')[1:6], '/') END""",
)


def load_sayings(engine: DuckDBPyConnection, rows: str) -> None:
    """Make the tables `addresses`, `types` and `event_types`.

    addresses (address, course_key, spot, event_type, family): what an address says of a course and
    a location, and what a request for it is. types (type_name, is_request, event_no, event_type,
    family, is_passive, course_key, spot); passive: not the learner's own doing.
    event_types (event_no, event_type): canonical names, numbered from 0.

    Args:
        engine: with the macros of `parse`.
        rows: what to select the rows of the first pass from.
    """
    known, pages = known_types(), known_pages()
    for macro in _MACROS:
        engine.execute(macro)
    engine.execute(
        _ADDRESSES.substitute(
            rows=rows,
            is_request=is_request_sql("type_name"),
            page_number=_numbers(pages),
            page_type=_list(one.canonical for one in pages.values()),
            page_family=_list(one.family for one in pages.values()),
            page_location=_list(one.location or "" for one in pages.values()),
        )
    )
    engine.execute(
        _TYPES.substitute(
            rows=rows,
            is_request=is_request_sql("type_name"),
            type_number=_numbers(known),
            canonical=_list(one.canonical for one in known.values()),
            type_family=_list(one.family for one in known.values()),
            family_cases=" ".join(
                f"WHEN starts_with(type_name, '{prefix}') THEN '{family}'"
                for prefix, family in FAMILY_PREFIXES.items()
            ),
            is_team=starts_sql("type_name", TEAM_PREFIXES),
        )
    )
    engine.execute("""
        CREATE TABLE event_types AS
        SELECT DISTINCT event_no, event_type FROM types ORDER BY event_no""")


def _numbers(names: Iterable[str]) -> str:
    return " ".join(f"WHEN {sql_text(name)} THEN {n}" for n, name in enumerate(names, 1))


def _list(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


_ADDRESSES = Template("""
CREATE TABLE addresses AS
WITH said AS (
    SELECT page AS address FROM $rows WHERE page IS NOT NULL
    UNION SELECT referer FROM $rows WHERE referer IS NOT NULL
    UNION SELECT type_name FROM $rows WHERE $is_request
), decoded AS (
    SELECT *, decoded(address) AS path FROM said
), split AS (
    SELECT *, after_courses(path) AS after, after_xblock(path) AS xblock FROM decoded
), keyed AS (
    SELECT *, xblock_key(xblock) AS xkey FROM split
), spelled AS (
    SELECT
        *,
        course_text(after) AS course, course_text_of_key(xkey) AS key_course,
        CASE WHEN xkey IS NULL THEN string_split(after, '/') END AS segments,
        CASE WHEN is_new_key(after) THEN 2 ELSE 4 END AS base
    FROM keyed
), parted AS (
    SELECT *, segments[base] AS segment, nullif(segments[base + 1], '') AS segment_2 FROM spelled
), named AS (
    SELECT
        *,
        -- /course/<key>/<sequence>/<unit> of the learning front end
        CASE WHEN contains(segment, 'block-v1:')
             THEN CASE WHEN contains(segment_2, 'block-v1:') THEN segment_2 ELSE segment END END
            AS mfe_key,
        -- calls of the forum's interface are no page views
        CASE WHEN segment = 'discussion' AND segment_2 <> 'forum' THEN 'discussion/' ELSE segment
             END AS page_name,
        CASE WHEN contains(xblock, '/handler/')
             THEN substr(xblock, instr(xblock, '/handler/')) END AS handler
    FROM parted
), paged AS (
    SELECT *, CASE page_name $page_number END AS page_number FROM named
)
SELECT
    address,
    coalesce(course_or_null(course), course_or_null(key_course)) AS course_key,
    -- the word on where it is; `places` makes a block key of it
    CASE WHEN xkey IS NOT NULL THEN xkey
         WHEN mfe_key IS NOT NULL THEN mfe_key
         WHEN segment = 'courseware'
         THEN CASE WHEN segment_2 IS NOT NULL THEN substr(after, instr(after, '/courseware/')) END
         WHEN page_number IS NOT NULL THEN nullif([$page_location][page_number], '') END AS spot,
    CASE WHEN handler IS NOT NULL
         THEN CASE WHEN handler LIKE '/%/%/%/%'
                   THEN array_to_string(string_split(handler, '/')[1:4], '/') ELSE handler END
         WHEN xkey IS NOT NULL THEN '/xblock'
         WHEN mfe_key IS NOT NULL THEN '/courseware'
         ELSE coalesce([$page_type][page_number], '/other') END AS event_type,
    -- of requests only page views are `nav`: no handler
    CASE WHEN handler IS NOT NULL
         THEN CASE WHEN ends_with(handler, '/problem_get') THEN 'prob' ELSE 'other' END
         WHEN xkey IS NOT NULL
         THEN CASE WHEN contains(xkey, '+type@vertical+') OR xkey LIKE 'i4x://%/%/vertical/%'
                   THEN 'nav'
                   WHEN ends_with(path, '/problem_get') THEN 'prob' ELSE 'other' END
         WHEN mfe_key IS NOT NULL THEN 'nav'
         ELSE coalesce([$page_family][page_number], 'other') END AS family
FROM paged
""")

_TYPES = Template("""
CREATE TABLE types AS
WITH said AS (
    SELECT DISTINCT type_name FROM $rows WHERE type_name IS NOT NULL
), numbered AS (
    SELECT *, $is_request AS is_request, CASE type_name $type_number END AS type_number FROM said
), named AS (
    SELECT
        n.type_name, is_request, a.course_key, a.spot,
        CASE WHEN is_request THEN a.event_type
             ELSE coalesce([$canonical][type_number], n.type_name) END AS event_type,
        CASE WHEN is_request THEN a.family
             WHEN type_number IS NOT NULL THEN [$type_family][type_number]
             ELSE CASE $family_cases ELSE 'other' END END AS family,
        NOT is_request AND type_number IS NULL AND $is_team AS is_team
    FROM numbered n
    LEFT JOIN addresses a ON is_request AND a.address = n.type_name
)
SELECT
    type_name, is_request, (dense_rank() OVER (ORDER BY event_type) - 1)::INTEGER AS event_no,
    event_type, family::FAMILY AS family, is_team OR family = 'enr' AS is_passive, course_key, spot
FROM named
""")
