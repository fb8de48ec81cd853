"""First pass: lines of log files to rows of what each line says, in one streaming DuckDB statement.

Nothing here looks at more than one line, and a text with few distinct values (a type name, an
address) is kept as it is: `sayings` cuts it up once, not once a row. What needs neighbours
(duplicates, carried locations) is the second pass, `finish`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from loaders.events.engine import sql_list, sql_text
from loaders.events.types import LEARNER_PREFIXES, known_types
from loaders.events.users import name_only_sql

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
    # What follows in an address may name people, and tells nothing.
    "CREATE OR REPLACE MACRO address(u) AS before(before(u, '?'), '#')",
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
    """SELECT of the rows of newline-delimited files, one row per non-blank line, in order.

    There is no join in it: a join would not keep the order of the lines, and their numbers with it.

    Args:
        texts: the files; a record may carry `_place`, its true place (see `repair`).
        staged: a number for these rows.

    Returns:
        SQL with the columns of EVENTS that are a row's own (`user_id` to `course_from_url`), and

        - `is_broken`: DuckDB could not read the line; the exact pass looks at it;
        - `type_name`, of requests the address; `course_key` as the envelope or the payload names
          it; `spot`, what the payload says of the location (see `places`);
        - `page` where it may tell course or location; `referer` and `key_course`, that of the
          block, where they may tell the course;
        - `learner_name` of a learner without an id; `is_foreign`: the actor is not the learner;
        - `word`: success, mode or object_id, as the family has it;
        - `fingerprint` of type, source and payload; `staged`; `text_index` into `texts`; `place`.

        It needs `MACROS`.
    """
    return _SQL.substitute(
        texts=sql_list(texts),
        staged=staged,
        columns=_COLUMNS,
        is_request=is_request_sql("k"),
        shape=_SHAPE,
        payload_kinds=" ".join(
            f"WHEN {sql_text(name)} THEN '{one.payload}'"
            for name, one in known_types().items()
            if one.payload is not None
        ),
        names_learner=starts_sql("k", LEARNER_PREFIXES),
        name_only=name_only_sql("learner_name"),
    )


def starts_sql(text: str, prefixes: Iterable[str]) -> str:
    """SQL condition: the expression `text` begins with one of the prefixes."""
    return "(" + " OR ".join(f"starts_with({text}, '{prefix}')" for prefix in prefixes) + ")"


def is_request_sql(name: str) -> str:
    """SQL condition: the type name of this expression is the address of a request."""
    return starts_sql(name, ("/", "http"))


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
            AND event IS NULL AND data IS NULL AND timestamp IS NULL AND _place IS NULL AS is_broken
    FROM read_ndjson($texts, columns = $columns, ignore_errors = true)
), sorted AS NOT MATERIALIZED (
    SELECT *, $is_request AS is_request FROM line
), opened AS NOT MATERIALIZED (
    SELECT
        *,
        CASE WHEN NOT is_request
             THEN coalesce(CASE k $payload_kinds END, CASE WHEN $names_learner THEN 'learner' END)
             END AS kind,
        -- a payload may be JSON in a string, twice over; `try`: a cut one is no payload
        CASE WHEN is_request THEN NULL
             WHEN starts_with(payload, '{') THEN try(json_transform(payload, '$shape'))
             WHEN starts_with(payload, '"')
             THEN try(json_transform(json_extract_string(payload, '$$'), '$shape')) END AS p
    FROM sorted
), told AS NOT MATERIALIZED (
    SELECT
        *,
        course_or_null(context.course_id) AS plain_course,
        positive(TRY_CAST(context.user_id AS BIGINT)) AS envelope_user_id,
        nullif(coalesce(clean(given_username), clean(context.username)), 'anonymous')
            AS envelope_name,
        CASE WHEN kind IN ('learner', 'enrolment', 'rescore')
             THEN coalesce(positive(TRY_CAST(p.user_id AS BIGINT)),
                           positive(TRY_CAST(p.student AS BIGINT))) END AS payload_user_id,
        CASE WHEN kind IN ('learner', 'enrolment', 'rescore')
             THEN coalesce(clean(p.student), clean(p.username)) END AS payload_name,
        coalesce(
            nullif(p.problem_id, ''),
            CASE WHEN kind IN ('video', 'block') THEN nullif(p.id, '') END,
            nullif(p.module_id, ''),
            CASE WHEN k = 'problem_show' THEN nullif(p.problem, '') END,
            nullif(context.module.usage_key, ''), nullif(p.block_id, '')
        ) AS block_id,
        CASE WHEN kind = 'move' THEN nullif(p.id, '') END AS sequence_id,
        CASE WHEN kind = 'move' THEN whole(coalesce(p.new, p.target_tab)) END AS tab,
        instant_us(time_text) AS given_us, instant_us(context.received_at) AS received_us
    FROM opened
), tried AS NOT MATERIALIZED (
    SELECT
        *,
        CASE WHEN plain_course IS NULL THEN decoded(clean(context.course_id)) END
            AS envelope_course,
        CASE WHEN plain_course IS NULL THEN decoded(clean(p.course_id)) END AS payload_course,
        CASE WHEN payload_user_id IS NULL THEN payload_name END AS other_name,
        CASE WHEN sequence_id IS NOT NULL THEN 'q|' || sequence_id || '|' || coalesce(tab, 0)
             ELSE block_id END AS spot
    FROM told
), named AS NOT MATERIALIZED (
    SELECT
        *,
        coalesce(plain_course, course_or_null(envelope_course), course_or_null(payload_course))
            AS course_key,
        coalesce(payload_user_id, CASE WHEN other_name IS NULL THEN envelope_user_id END)
            AS known_user_id
    FROM tried
), met AS NOT MATERIALIZED (
    SELECT
        *,
        CASE WHEN known_user_id IS NULL THEN coalesce(other_name, envelope_name) END
            AS learner_name
    FROM named
)
SELECT
    is_broken,
    CASE WHEN is_request THEN address(k) ELSE k END AS type_name,
    course_key, spot,
    CASE WHEN course_key IS NULL OR spot IS NULL AND NOT is_request THEN address(page) END AS page,
    CASE WHEN course_key IS NULL THEN address(referer) END AS referer,
    CASE WHEN course_key IS NULL THEN course_or_null(course_text_of_key(block_id)) END
        AS key_course,
    coalesce(known_user_id, CASE WHEN learner_name IS NOT NULL THEN $name_only END) AS user_id,
    learner_name,
    CASE WHEN coalesce(payload_user_id, envelope_user_id, 0) = coalesce(envelope_user_id, 0)
              AND other_name IS NULL THEN envelope_name END AS username,
    other_name IS NOT NULL OR payload_user_id IS NOT NULL
        AND payload_user_id IS DISTINCT FROM envelope_user_id AS is_foreign,
    CASE WHEN given_us > received_us + 300000000 THEN received_us ELSE given_us END AS ts_us,
    source,
    finite(coalesce(p.currentTime, p.current_time)) AS current_seconds,
    finite(p.old_time) AS old_seconds,
    finite(p.new_time) AS new_seconds,
    finite(p.duration) AS duration_seconds,
    finite(coalesce(p.grade, p.new_score, p.weighted_earned)) AS grade,
    finite(coalesce(p.max_grade, p.new_total, p.weighted_possible)) AS max_grade,
    whole(p.attempts) AS attempt,
    CASE WHEN kind = 'move' THEN whole(coalesce(p.old, p.current_tab)) END AS old_position,
    tab AS new_position,
    whole(p.hint_index) AS hint_index,
    whole(p.hint_len) AS hint_len,
    CASE WHEN kind IN ('attempt', 'rescore') THEN lower(clean(p.success))
         WHEN kind = 'enrolment' THEN clean(p.mode)
         WHEN kind = 'forum' THEN nullif(p.id, '')
         WHEN kind = 'split' THEN coalesce(p.partition_id || ':' || p.group_id, p.child_id)
         WHEN kind = 'video' THEN p.old_speed || '>' || p.new_speed END AS word,
    hash(payload, k, source) AS fingerprint,
    $staged::INTEGER AS staged, file_index::INTEGER AS text_index, _place AS place
FROM met
""")
