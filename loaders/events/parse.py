"""First pass: lines of one log file to narrow typed rows, in one streaming DuckDB statement.

Nothing here looks at more than one line. What needs neighbours (duplicates, carried locations)
is the second pass, `finish`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from loaders.events.engine import sql_list, sql_text
from loaders.events.types import (
    FAMILY_PREFIXES,
    LEARNER_PREFIXES,
    TEAM_PREFIXES,
    known_pages,
    known_types,
)
from loaders.events.users import name_only_sql

BROKEN = "broken"
"""Reason of a row that DuckDB could not read; the exact pass looks at its line."""

# Two envelopes at once (legacy, native). Text everywhere: a wrong type must not cost the line.
_COLUMNS = """{username: 'VARCHAR', event_type: 'VARCHAR', name: 'VARCHAR', time: 'VARCHAR',
 event_source: 'VARCHAR', page: 'VARCHAR', referer: 'VARCHAR', event: 'VARCHAR', data: 'VARCHAR',
 timestamp: 'VARCHAR', _place: 'BIGINT', context: 'STRUCT(course_id VARCHAR, user_id VARCHAR,
 username VARCHAR, event_source VARCHAR, page VARCHAR, referer VARCHAR, received_at VARCHAR,
 module STRUCT(usage_key VARCHAR))'}"""

_PAYLOAD = {
    "VARCHAR": (
        "user_id course_id student username problem_id id module_id block_id problem "
        "old_speed new_speed success mode partition_id group_id child_id"
    ),
    "DOUBLE": (
        "currentTime current_time old_time new_time duration grade max_grade new_score new_total "
        "weighted_earned weighted_possible attempts hint_index hint_len "
        "old new target_tab current_tab"
    ),
}
_SHAPE = (
    "{"
    + ", ".join(f'"{name}": "{kind}"' for kind, names in _PAYLOAD.items() for name in names.split())
    + "}"
)


def _list(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _starts(text: str, prefixes: Iterable[str]) -> str:
    return "(" + " OR ".join(f"starts_with({text}, '{prefix}')" for prefix in prefixes) + ")"


# A macro is pasted, not called: its arguments are plain columns wherever they occur twice.
# What matters for speed was measured: a regular expression costs 0.7 microseconds, `trim` and
# `split_part` 0.1 to 0.2, `contains` 0.01. So strings are looked at before they are cut.
MACROS = (
    # Blanks and newlines around a value; nothing left: null.
    r"""CREATE OR REPLACE MACRO clean(s) AS nullif(CASE
        WHEN contains(s, E'\n') OR ends_with(s, ' ') OR starts_with(s, ' ') OR contains(s, E'\r')
             OR contains(s, E'\t')
        THEN trim(s, E' \t\r\n') ELSE s END, '')""",
    """CREATE OR REPLACE MACRO decoded(s) AS
        CASE WHEN contains(s, '%') THEN coalesce(try(url_decode(s)), s) ELSE s END""",
    """CREATE OR REPLACE MACRO before(s, mark) AS
        CASE WHEN contains(s, mark) THEN split_part(s, mark, 1) ELSE s END""",
    # ASCII only: no key of the platform has a blank, and none is spelled with a `%`.
    r"""CREATE OR REPLACE MACRO course_or_null(c) AS CASE
        WHEN contains(c, ' ') OR contains(c, E'\n') OR contains(c, '%') THEN NULL
        WHEN starts_with(c, 'course-v1:')
        THEN CASE WHEN c LIKE '%:_%+_%+_%' AND NOT contains(c, '/') AND c NOT LIKE '%+%+%+%'
             THEN c END
        WHEN starts_with(c, 'ccx-v1:')
        THEN CASE WHEN c LIKE '%:_%+_%+_%+ccx@_%' AND NOT contains(c, '/') THEN c END
        WHEN c LIKE '_%/_%/_%' AND c NOT LIKE '%/%/%/%' AND NOT contains(c, ':')
             AND NOT contains(c, '+') THEN c END""",
    """CREATE OR REPLACE MACRO course_text_of_key(k) AS CASE
        WHEN starts_with(k, 'block-v1:')
        THEN 'course-v1:' || split_part(substr(k, 10), '+type@', 1)
        WHEN starts_with(k, 'ccx-block-v1:')
        THEN 'ccx-v1:' || split_part(substr(k, 14), '+type@', 1) END""",
    "CREATE OR REPLACE MACRO url_path(u) AS decoded(before(before(u, '?'), '#'))",
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
    "CREATE OR REPLACE MACRO finite(x) AS CASE WHEN isfinite(x) THEN x END",
    "CREATE OR REPLACE MACRO whole(x) AS TRY_CAST(finite(x) AS BIGINT)",
    "CREATE OR REPLACE MACRO positive(n) AS CASE WHEN n > 0 THEN n END",
    # Without a zone, `Z` and `+00:00` the plain cast is right and cheap; it ignores other zones.
    """CREATE OR REPLACE MACRO instant_us(s) AS epoch_us(CASE
        WHEN ends_with(s, '+00:00') OR ends_with(s, 'Z') OR strlen(s) < 20
        THEN TRY_CAST(s AS TIMESTAMP)
        ELSE TRY_CAST(TRY_CAST(s AS TIMESTAMPTZ) AS TIMESTAMP) END)""",
)


def parse_sql(texts: Sequence[Path], *, staged: int) -> str:
    """SELECT of the narrow rows of newline-delimited files, one row per non-blank line, in order.

    There is no join in it: a join would not keep the order of the lines, and their numbers with it.

    Args:
        texts: the files; a record may carry `_place`, its true place (see `repair`).
        staged: a number for these rows.

    Returns:
        SQL whose rows have the columns of EVENTS but `event_id`, `location`, `location_gap_us` and
        `activity_type`; and `reason` (null: a valid event), `spot` (what the event says of its
        location, see `places`), `learner_name` (of a learner without an id), `fingerprint` (of
        type, source and payload), `staged`, `text_index` (into `texts`), `place`.
        It needs `MACROS`.
    """
    known = known_types()
    numbers = " ".join(f"WHEN {sql_text(name)} THEN {n}" for n, name in enumerate(known, 1))
    pages = known_pages()
    page_numbers = " ".join(f"WHEN {sql_text(name)} THEN {n}" for n, name in enumerate(pages, 1))
    return _SQL.substitute(
        texts=sql_list(texts),
        staged=staged,
        columns=_COLUMNS,
        shape=_SHAPE,
        broken=BROKEN,
        type_number=numbers,
        canonical=_list(one.canonical for one in known.values()),
        type_family=_list(one.family for one in known.values()),
        names_block=_flags(one.names_block for one in known.values()),
        is_move=_flags(one.is_move for one in known.values()),
        names_learner=_flags(one.names_learner for one in known.values()),
        page_number=page_numbers,
        page_type=_list(one.canonical for one in pages.values()),
        page_family=_list(one.family for one in pages.values()),
        page_location=_list(one.location or "" for one in pages.values()),
        family_cases=" ".join(
            f"WHEN starts_with(k, '{prefix}') THEN '{family}'"
            for prefix, family in FAMILY_PREFIXES.items()
        ),
        learner_prefix=_starts("k", LEARNER_PREFIXES),
        team_prefix=_starts("k", (*TEAM_PREFIXES, "edx.instructor.report.", "edx.bi.")),
        name_only=name_only_sql("learner_name"),
    )


def _flags(values: Iterable[bool]) -> str:
    return ", ".join(str(value).lower() for value in values)


# Each step adds columns to the one before and names none of its own: an alias used in its own step
# is pasted, and pasted again, until planning takes a minute.
_SQL = Template("""
WITH line AS NOT MATERIALIZED (
    SELECT
        context, _place, file_index, username AS given_username, coalesce(event, data) AS payload,
        CASE WHEN starts_with(event_type, 'seq_') OR ends_with(event_type, '_video')
             THEN event_type ELSE coalesce(nullif(name, ''), nullif(event_type, '')) END AS k,
        coalesce(time, timestamp) AS time_text,
        coalesce(nullif(event_source, ''), context.event_source, 'server') AS source,
        coalesce(nullif(page, ''), context.page) AS page,
        coalesce(referer, context.referer) AS referer,
        context IS NULL AND username IS NULL AND event_type IS NULL AND name IS NULL
            AND time IS NULL AND event_source IS NULL AND page IS NULL AND referer IS NULL
            AND event IS NULL AND data IS NULL AND timestamp IS NULL AND _place IS NULL AS broken
    FROM read_ndjson($texts, columns = $columns, ignore_errors = true)
), sorted AS NOT MATERIALIZED (
    SELECT *, starts_with(k, '/') OR starts_with(k, 'http') AS is_url FROM line
), numbered AS NOT MATERIALIZED (
    SELECT *, CASE WHEN NOT is_url THEN CASE k $type_number END END AS type_number FROM sorted
), typed AS NOT MATERIALIZED (
    SELECT
        *,
        [$canonical][type_number] AS canonical,
        CASE WHEN type_number IS NOT NULL THEN [$type_family][type_number]
             ELSE CASE $family_cases END END AS type_family,
        coalesce([$names_block][type_number], false) AS names_block,
        coalesce([$is_move][type_number], false) AS is_move,
        CASE WHEN type_number IS NOT NULL THEN [$names_learner][type_number]
             ELSE coalesce($learner_prefix, false) END AS names_learner,
        -- a payload may be JSON in a string, twice over; `try`: a cut one is no payload
        CASE WHEN is_url THEN NULL
             WHEN starts_with(payload, '{') THEN try(json_transform(payload, '$shape'))
             WHEN starts_with(payload, '"')
             THEN try(json_transform(json_extract_string(payload, '$$'), '$shape')) END AS p
    FROM numbered
), told AS NOT MATERIALIZED (
    SELECT
        *,
        CASE WHEN is_url THEN url_path(k) END AS k_path,
        positive(TRY_CAST(context.user_id AS BIGINT)) AS envelope_user_id,
        CASE WHEN names_learner
             THEN coalesce(positive(TRY_CAST(p.user_id AS BIGINT)),
                           positive(TRY_CAST(p.student AS BIGINT))) END AS payload_user_id,
        CASE WHEN names_learner THEN coalesce(clean(p.student), clean(p.username)) END
            AS payload_name,
        nullif(coalesce(clean(given_username), clean(context.username)), 'anonymous')
            AS envelope_name,
        coalesce(
            nullif(p.problem_id, ''), CASE WHEN names_block THEN nullif(p.id, '') END,
            nullif(p.module_id, ''),
            CASE WHEN k = 'problem_show' THEN nullif(p.problem, '') END,
            nullif(context.module.usage_key, ''), nullif(p.block_id, '')
        ) AS block_id,
        CASE WHEN is_move THEN nullif(p.id, '') END AS sequence_id,
        CASE WHEN is_move THEN whole(coalesce(p.new, p.target_tab)) END AS tab,
        course_or_null(context.course_id) AS plain_course
    FROM typed
), tried AS NOT MATERIALIZED (
    SELECT
        *,
        CASE WHEN plain_course IS NULL THEN decoded(clean(context.course_id)) END
            AS envelope_course,
        CASE WHEN plain_course IS NULL THEN decoded(clean(p.course_id)) END AS payload_course,
        CASE WHEN payload_user_id IS NULL THEN payload_name END AS other_name,
        CASE WHEN is_url THEN k_path
             WHEN block_id IS NULL AND sequence_id IS NULL AND page <> 'x_module'
             THEN url_path(page) END AS path
    FROM told
), searched AS NOT MATERIALIZED (
    SELECT
        *,
        coalesce(plain_course, course_or_null(envelope_course), course_or_null(payload_course))
            AS told_course
    FROM tried
), sought AS NOT MATERIALIZED (
    -- where a course may still be found, in the order of catalogue 1.3
    SELECT
        *,
        CASE WHEN told_course IS NULL THEN url_path(page) END AS page_path,
        CASE WHEN told_course IS NULL THEN k_path END AS type_path,
        CASE WHEN told_course IS NULL THEN course_text_of_key(block_id) END AS key_course,
        CASE WHEN told_course IS NULL THEN url_path(referer) END AS referer_path
    FROM searched
), split AS NOT MATERIALIZED (
    SELECT
        *,
        after_courses(path) AS after, after_xblock(path) AS xblock,
        after_courses(page_path) AS page_after, after_xblock(page_path) AS page_xblock,
        after_courses(type_path) AS type_after, after_xblock(type_path) AS type_xblock,
        after_courses(referer_path) AS referer_after, after_xblock(referer_path) AS referer_xblock
    FROM sought
), keyed AS NOT MATERIALIZED (
    SELECT
        *,
        xblock_key(xblock) AS xkey, xblock_key(page_xblock) AS page_key,
        xblock_key(type_xblock) AS type_key, xblock_key(referer_xblock) AS referer_key
    FROM split
), spelled AS NOT MATERIALIZED (
    SELECT
        *,
        course_text(page_after) AS page_course, course_text_of_key(page_key) AS page_key_course,
        course_text(type_after) AS type_course, course_text_of_key(type_key) AS type_key_course,
        course_text(referer_after) AS referer_course,
        course_text_of_key(referer_key) AS referer_key_course,
        CASE WHEN xkey IS NULL THEN string_split(after, '/') END AS segments,
        CASE WHEN is_new_key(after) THEN 2 ELSE 4 END AS base
    FROM keyed
), placed AS NOT MATERIALIZED (
    SELECT
        *,
        coalesce(
            told_course, course_or_null(page_course), course_or_null(page_key_course),
            course_or_null(type_course), course_or_null(type_key_course),
            course_or_null(key_course),
            course_or_null(referer_course), course_or_null(referer_key_course)
        ) AS course_key,
        coalesce(payload_user_id, CASE WHEN other_name IS NULL THEN envelope_user_id END)
            AS known_user_id,
        segments[base] AS segment, nullif(segments[base + 1], '') AS segment_2
    FROM spelled
), parted AS NOT MATERIALIZED (
    SELECT
        *,
        CASE WHEN known_user_id IS NULL THEN coalesce(other_name, envelope_name) END
            AS learner_name,
        -- /course/<key>/<sequence>/<unit> of the learning front end
        CASE WHEN contains(segment, 'block-v1:')
             THEN CASE WHEN contains(segment_2, 'block-v1:') THEN segment_2 ELSE segment END END
            AS mfe_key,
        -- calls of the forum's interface are no page views
        CASE WHEN segment = 'discussion' AND segment_2 <> 'forum' THEN 'discussion/' ELSE segment
             END AS page_name,
        CASE WHEN is_url AND contains(xblock, '/handler/')
             THEN substr(xblock, instr(xblock, '/handler/')) END AS handler,
        instant_us(time_text) AS given_us, instant_us(context.received_at) AS received_us
    FROM placed
), paged AS NOT MATERIALIZED (
    SELECT
        *, CASE WHEN segment IS NOT NULL THEN CASE page_name $page_number END END AS page_number
    FROM parted
), named AS NOT MATERIALIZED (
    SELECT
        *,
        CASE WHEN given_us > received_us + 300000000 THEN received_us ELSE given_us END AS ts_us,
        coalesce(known_user_id, CASE WHEN learner_name IS NOT NULL THEN $name_only END) AS user_id,
        -- the event's own word on where it is; `places` makes a block key of it
        CASE WHEN sequence_id IS NOT NULL THEN 'q|' || sequence_id || '|' || coalesce(tab, 0)
             WHEN block_id IS NOT NULL THEN block_id
             WHEN xkey IS NOT NULL THEN xkey
             WHEN mfe_key IS NOT NULL THEN mfe_key
             WHEN segment = 'courseware'
             THEN CASE WHEN segment_2 IS NOT NULL
                       THEN substr(after, instr(after, '/courseware/')) END
             WHEN page_number IS NOT NULL
             THEN nullif([$page_location][page_number], '') END AS spot,
        CASE WHEN NOT is_url THEN coalesce(canonical, k)
             WHEN handler IS NOT NULL
             THEN CASE WHEN handler LIKE '/%/%/%/%'
                       THEN array_to_string(string_split(handler, '/')[1:4], '/')
                       ELSE handler END
             WHEN xkey IS NOT NULL THEN '/xblock'
             WHEN mfe_key IS NOT NULL THEN '/courseware'
             ELSE coalesce([$page_type][page_number], '/other') END AS event_type,
        -- of requests only page views are `nav`: no handler
        CASE WHEN NOT is_url THEN coalesce(type_family, 'other')
             WHEN handler IS NOT NULL
             THEN CASE WHEN ends_with(handler, '/problem_get') THEN 'prob' ELSE 'other' END
             WHEN xkey IS NOT NULL
             THEN CASE WHEN contains(xkey, '+type@vertical+') OR xkey LIKE 'i4x://%/%/vertical/%'
                       THEN 'nav'
                       WHEN ends_with(path, '/problem_get') THEN 'prob' ELSE 'other' END
             WHEN mfe_key IS NOT NULL THEN 'nav'
             ELSE coalesce([$page_family][page_number], 'other') END AS family
    FROM paged
)
SELECT
    CASE WHEN broken THEN '$broken'
         WHEN k IS NULL THEN 'dropped_no_type'
         WHEN course_key IS NULL THEN 'dropped_no_course'
         WHEN user_id IS NULL THEN 'dropped_no_user'
         WHEN source = 'task' AND event_type <> 'problem_rescore' THEN 'dropped_task'
         WHEN ts_us IS NULL THEN 'dropped_time' END AS reason,
    course_key, user_id,
    CASE WHEN coalesce(payload_user_id, envelope_user_id, 0) = coalesce(envelope_user_id, 0)
              AND other_name IS NULL THEN envelope_name END AS username,
    ts_us, event_type, source, family,
    -- implicit requests count; the actor must be the learner
    NOT coalesce(source = 'task' OR type_family = 'enr' OR other_name IS NOT NULL
                 OR payload_user_id IS DISTINCT FROM envelope_user_id
                    AND payload_user_id IS NOT NULL
                 OR NOT is_url AND type_number IS NULL AND $team_prefix, false) AS is_activity,
    spot, CASE WHEN known_user_id IS NULL THEN learner_name END AS learner_name,
    finite(coalesce(p.currentTime, p.current_time)) AS current_seconds,
    finite(p.old_time) AS old_seconds,
    finite(p.new_time) AS new_seconds,
    finite(p.duration) AS duration_seconds,
    CASE WHEN type_family = 'prob' THEN lower(clean(p.success)) END AS success,
    finite(coalesce(p.grade, p.new_score, p.weighted_earned)) AS grade,
    finite(coalesce(p.max_grade, p.new_total, p.weighted_possible)) AS max_grade,
    whole(p.attempts) AS attempt,
    CASE WHEN type_family = 'enr' THEN clean(p.mode) END AS mode,
    CASE WHEN is_move THEN whole(coalesce(p.old, p.current_tab)) END AS old_position,
    tab AS new_position,
    whole(p.hint_index) AS hint_index,
    whole(p.hint_len) AS hint_len,
    CASE type_family
         WHEN 'forum' THEN nullif(p.id, '')
         WHEN 'split' THEN coalesce(p.partition_id || ':' || p.group_id, p.child_id)
         WHEN 'video' THEN p.old_speed || '>' || p.new_speed END AS object_id,
    told_course IS NULL AS course_from_url,
    hash(payload, k, source) AS fingerprint,
    $staged::INTEGER AS staged, file_index::INTEGER AS text_index, _place AS place
FROM named
""")
