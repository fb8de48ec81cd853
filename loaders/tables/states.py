"""The JSON state of a learner on a block: the parts that are used, as SQL for DuckDB."""

from __future__ import annotations

_FIELDS = (
    "attempts",
    "done",
    "position",
    "saved_video_position",
    "speed",
    "last_submission_time",
)
# Package files have the JSON's own backslashes doubled, but not those of every year: unescaped
# text is tried first, then the text as it stands.
_DOCUMENT = "CASE WHEN json_valid(state) THEN state WHEN json_valid(state_raw) THEN state_raw END"
_VALUES = f"json_extract_string(state_document, {[f'$.{name}' for name in _FIELDS]})"


def _value(name: str) -> str:
    return f"state_values[{_FIELDS.index(name) + 1}]"


def _as_seconds(text: str) -> str:
    parts = f"string_split({text}, ':')"
    clock = (
        f"try_cast({parts}[1] AS DOUBLE) * 3600 + try_cast({parts}[2] AS DOUBLE) * 60"
        f" + try_cast({parts}[3] AS DOUBLE)"
    )
    return f"CASE WHEN contains({text}, ':') THEN {clock} ELSE try_cast({text} AS DOUBLE) END"


# The state names drawn children by type and id; everything else names blocks by their key.
_SELECTED = """list_filter(list_transform(
    try_cast(json_extract(state_document, '$.selected') AS VARCHAR[][]),
    lambda pair: CASE
        WHEN starts_with(course_id, 'course-v1:') THEN
            'block-v1:' || substr(course_id, 11) || '+type@' || pair[1] || '+block@' || pair[2]
        WHEN starts_with(course_id, 'ccx-v1:') THEN
            'ccx-block-v1:' || substr(course_id, 8) || '+type@' || pair[1] || '+block@' || pair[2]
        ELSE 'i4x://' || split_part(course_id, '/', 1) || '/' || split_part(course_id, '/', 2)
            || '/' || pair[1] || '/' || pair[2]
    END
), lambda key: key IS NOT NULL)"""

_SPEED = f"try_cast({_value('speed')} AS DOUBLE)"

STEPS = {"state_document": _DOCUMENT, "state_values": _VALUES}
"""Intermediate results, in the order in which they need each other."""

COLUMNS = {
    "attempts": f"try_cast(try_cast({_value('attempts')} AS DOUBLE) AS BIGINT)",
    "done": f"try_cast({_value('done')} AS BOOLEAN)",
    "position": f"try_cast(try_cast({_value('position')} AS DOUBLE) AS BIGINT)",
    "saved_video_position_seconds": _as_seconds(_value("saved_video_position")),
    "speed": f"CASE WHEN isfinite({_SPEED}) THEN {_SPEED} END",
    "selected": f"CASE WHEN module_type IN ('library_content', 'itembank') THEN {_SELECTED} END",
    "last_submission": f"epoch_us(try_cast({_value('last_submission_time')} AS TIMESTAMPTZ))",
}
"""Columns made of the state of `courseware_studentmodule`."""

KINDS = {
    "attempts": "int",
    "done": "bool",
    "position": "int",
    "saved_video_position_seconds": "float",
    "speed": "float",
    "selected": "texts",
    "last_submission": "instant",
}

UNREADABLE = {"state": "state <> '' AND state_document IS NULL"}
