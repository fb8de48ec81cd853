"""The platform's tables that are read, with the columns that are used and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loaders.tables import states


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A source table.

    `columns` maps each column that is used to its kind: int, float, bool, instant or text. A row
    without one of `key` is rejected, a file without such a column too; any other column may be
    missing. `aliases` gives names that a column has in other releases.

    `raw` columns are text that SQL works on, also as `NAME_raw`, before unescaping: `steps` are
    its intermediate results, `derived` the columns made, of `derived_kinds` (besides the kinds
    above, texts is a list), `unreadable` tells for a column whether its value was not understood.

    `telling` columns together tell the table where the file's name does not.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    telling: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    raw: tuple[str, ...] = ()
    steps: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    derived_kinds: Mapping[str, str] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)


_SUBSECTION_POINTS = ("earned_all", "possible_all", "earned_graded", "possible_graded")

TABLE_SPECS: dict[str, TableSpec] = {
    spec.name: spec
    for spec in (
        TableSpec(
            "auth_user",
            {
                "id": "int",
                "username": "text",
                "is_active": "bool",
                "is_staff": "bool",
                "is_superuser": "bool",
            },
            ("id",),
            ("username", "is_staff", "is_superuser"),
        ),
        TableSpec(
            "auth_userprofile",
            {
                "user_id": "int",
                "year_of_birth": "int",
                "gender": "text",
                "level_of_education": "text",
                "country": "text",
            },
            ("user_id",),
            ("user_id", "year_of_birth", "level_of_education"),
        ),
        TableSpec(
            "student_courseenrollment",
            {
                "user_id": "int",
                "course_id": "text",
                "created": "instant",
                "is_active": "bool",
                "mode": "text",
            },
            ("user_id", "course_id"),
            ("user_id", "course_id", "created", "is_active", "mode"),
        ),
        TableSpec(
            "student_courseenrollment_history",
            {
                "history_id": "text",
                "history_date": "instant",
                "history_type": "text",
                "user_id": "int",
                "course_id": "text",
                "is_active": "bool",
                "mode": "text",
            },
            ("history_id", "history_date", "user_id", "course_id"),
            ("history_id", "history_date", "user_id", "course_id", "is_active", "mode"),
        ),
        TableSpec(
            "student_courseaccessrole",
            {"user_id": "int", "org": "text", "course_id": "text", "role": "text"},
            ("user_id", "role"),
            ("user_id", "org", "course_id", "role"),
        ),
        TableSpec(
            "courseware_studentmodule",
            {
                "student_id": "int",
                "module_id": "text",
                "course_id": "text",
                "module_type": "text",
                "grade": "float",
                "max_grade": "float",
                "created": "instant",
                "modified": "instant",
            },
            ("student_id", "module_id", "course_id"),
            ("student_id", "module_id", "course_id", "state"),
            raw=("state",),
            steps=states.STEPS,
            derived=states.COLUMNS,
            derived_kinds=states.KINDS,
            unreadable=states.UNREADABLE,
        ),
        TableSpec(
            "grades_persistentsubsectiongrade",
            {
                "id": "int",
                "user_id": "int",
                "course_id": "text",
                "usage_key": "text",
                **dict.fromkeys(_SUBSECTION_POINTS, "float"),
                "first_attempted": "instant",
                "modified": "instant",
            },
            ("user_id", "course_id", "usage_key"),
            ("user_id", "course_id", "usage_key", "earned_graded"),
        ),
        TableSpec(
            "grades_persistentsubsectiongradeoverride",
            {
                "grade_id": "int",
                **{f"{name}_override": "float" for name in _SUBSECTION_POINTS},
                "modified": "instant",
            },
            ("grade_id",),
            ("grade_id", "earned_graded_override"),
        ),
        TableSpec(
            "grades_persistentcoursegrade",
            {
                "user_id": "int",
                "course_id": "text",
                "percent_grade": "float",
                "letter_grade": "text",
                "passed_timestamp": "instant",
                "modified": "instant",
            },
            ("user_id", "course_id"),
            ("user_id", "course_id", "percent_grade", "letter_grade"),
        ),
        TableSpec(
            "certificates_generatedcertificate",
            {
                "user_id": "int",
                "course_id": "text",
                "status": "text",
                "mode": "text",
                "created_date": "instant",
                "modified_date": "instant",
            },
            ("user_id", "course_id"),
            ("user_id", "course_id", "status", "verify_uuid", "download_url"),
        ),
        TableSpec(
            "user_api_usercoursetag",
            {"user_id": "int", "course_id": "text", "key": "text", "value": "text"},
            ("user_id", "course_id", "key"),
            ("user_id", "course_id", "key", "value"),
        ),
        TableSpec(
            "completion_blockcompletion",
            {
                "user_id": "int",
                "course_key": "text",
                "block_key": "text",
                "block_type": "text",
                "completion": "float",
                "modified": "instant",
            },
            ("user_id", "course_key", "block_key"),
            ("user_id", "block_key", "completion"),
            aliases={"context_key": "course_key"},
        ),
        TableSpec(
            "cohort_membership_export",
            {"user_id": "int", "course_id": "text", "group_type": "text", "name": "text"},
            ("user_id", "course_id", "name"),
            ("user_id", "course_id", "group_type", "name"),
        ),
        TableSpec(
            "course_groups_courseusergroup",
            {"id": "int", "name": "text", "course_id": "text", "group_type": "text"},
            ("id", "name", "course_id"),
            ("id", "name", "course_id", "group_type"),
        ),
        TableSpec(
            "course_groups_courseusergroup_users",
            {"courseusergroup_id": "int", "user_id": "int"},
            ("courseusergroup_id", "user_id"),
            ("courseusergroup_id", "user_id"),
        ),
        TableSpec(
            "course_groups_cohortmembership",
            {"course_user_group_id": "int", "user_id": "int", "course_id": "text"},
            ("course_user_group_id", "user_id", "course_id"),
            ("course_user_group_id", "user_id", "course_id"),
        ),
        TableSpec(
            "course_groups_courseusergrouppartitiongroup",
            {"course_user_group_id": "int", "partition_id": "int", "group_id": "int"},
            ("course_user_group_id", "partition_id", "group_id"),
            ("course_user_group_id", "partition_id", "group_id"),
        ),
        TableSpec(
            "course_overviews_courseoverview",
            {
                "id": "text",
                "org": "text",
                "display_name": "text",
                "start": "instant",
                "end": "instant",
                "created": "instant",
                "self_paced": "bool",
                "lowest_passing_grade": "float",
            },
            ("id",),
            ("id", "display_name", "lowest_passing_grade"),
            aliases={"start_date": "start", "end_date": "end"},
        ),
    )
}
