from __future__ import annotations

import pyarrow as pa
import pytest

from loaders.datasets import DATASETS
from loaders.tables.queries import QUERIES, build_tables
from loaders.tables.specs import TABLE_SPECS
from loaders.tables.typed import connect, empty_typed


def make(name, *rows):
    """A typed table; columns that a row does not give are null."""
    schema = empty_typed(TABLE_SPECS[name]).schema
    columns = {
        column: [dict(row).get(column) for row in rows] for column in schema.names
    }  # fmt: skip
    return pa.table(columns, schema=schema)


@pytest.fixture
def build():
    def build_rows(dataset, **tables):
        with connect() as connection:
            made = build_tables(
                connection, {name: make(name, *rows) for name, rows in tables.items()}
            )
        assert made[dataset].schema == DATASETS[dataset].schema
        return made[dataset].to_pylist()

    return build_rows


STAFF = ("is_staff", "is_superuser")


def pick(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


def test_a_dataset_without_its_table_is_absent():
    with connect() as connection:
        made = build_tables(
            connection, {"student_courseenrollment": make("student_courseenrollment")}
        )

    assert list(made) == ["enrollments"]
    assert made["enrollments"].num_rows == 0


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.dataset.name)
def test_every_dataset_can_be_built_from_tables_without_rows(query):
    for names in query.sources:
        with connect() as connection:
            made = build_tables(connection, {name: make(name) for name in names})
        assert made[query.dataset.name].schema == query.dataset.schema


def test_of_rows_with_one_key_the_last_is_kept_and_the_order_stays(build):
    rows = build(
        "enrollments",
        student_courseenrollment=[
            {"course_id": "C", "user_id": 1, "mode": "audit"},
            {"course_id": "C", "user_id": 2, "mode": "audit"},
            {"course_id": "D", "user_id": 1, "mode": "honor"},
            {"course_id": "C", "user_id": 1, "mode": "verified"},
        ],
    )

    assert pick(rows, "course_key", "user_id", "mode") == [
        ("C", 2, "audit"),
        ("D", 1, "honor"),
        ("C", 1, "verified"),
    ]


def test_the_history_of_enrolments_keeps_every_change_and_a_deleted_row_is_not_active(build):
    rows = build(
        "enrollment_history",
        student_courseenrollment_history=[
            {"history_id": str(number), "history_date": 5, "history_type": kind, "course_id": "C",
             "user_id": 1, "is_active": is_active, "mode": "audit"}
            for number, (kind, is_active) in enumerate((("+", True), ("~", False), ("-", True)))
        ],
    )  # fmt: skip

    assert pick(rows, "history_id", "user_id", "changed_us", "is_active") == [
        (0, 1, 5, True),
        (1, 1, 5, False),
        (2, 1, 5, False),
    ]


def test_profiles_join_users_and_profiles_and_miss_neither(build):
    rows = build(
        "profiles",
        auth_user=[
            {"id": 1, "username": "a", "is_active": True, "is_staff": False, "is_superuser": True},
            {"id": 2, "username": "b", "is_active": False, **dict.fromkeys(STAFF, False)},
        ],
        auth_userprofile=[
            {"user_id": 1, "year_of_birth": 1990, "gender": "", "country": "BE"},
            {"user_id": 3, "level_of_education": "b", "country": ""},
        ],
    )  # fmt: skip

    names = ["user_id", "username", "is_active", "is_staff", "year_of_birth", "gender", "country"]
    assert sorted(pick(rows, *names)) == [
        (1, "a", True, True, 1990, None, "BE"),
        (2, "b", False, False, None, None, None),
        (3, None, None, None, None, None, None),
    ]


def test_overrides_win_field_by_field(build):
    grade = {
        "course_id": "C",
        "usage_key": "s",
        "earned_all": 1.0,
        "possible_all": 4.0,
        "earned_graded": 1.0,
        "possible_graded": 4.0,
        "modified": 10,
    }
    rows = build(
        "subsection_grades",
        grades_persistentsubsectiongrade=[
            {**grade, "id": 5, "user_id": 1},
            {**grade, "id": 6, "user_id": 2},
        ],
        grades_persistentsubsectiongradeoverride=[
            {"grade_id": 5, "earned_graded_override": 2.0, "modified": 15},
            {"grade_id": 5, "earned_graded_override": 3.0, "modified": 20},
        ],
    )

    names = ["user_id", "earned_all", "earned_graded", "overridden", "modified_us"]
    assert pick(rows, *names) == [(1, 1.0, 3.0, True, 20), (2, 1.0, 1.0, False, 10)]


COHORTS = [
    {"id": 1, "course_id": "C", "name": "Blue", "group_type": "cohort"},
    {"id": 2, "course_id": "C", "name": "Red", "group_type": "cohort"},
    {"id": 3, "course_id": "C", "name": "Team", "group_type": "other"},
]
LINKS = [{"course_user_group_id": 2, "partition_id": 50, "group_id": 7}]
MEMBER_COLUMNS = ("user_id", "cohort", "partition_id", "group_id")


def test_the_cohort_of_the_membership_table_wins_over_the_old_one(build):
    rows = build(
        "cohort_members",
        course_groups_courseusergroup=COHORTS,
        course_groups_cohortmembership=[
            {"course_user_group_id": 2, "user_id": 8, "course_id": "C"},
        ],
        course_groups_courseusergroup_users=[
            {"courseusergroup_id": 1, "user_id": 8},
            {"courseusergroup_id": 1, "user_id": 9},
            {"courseusergroup_id": 3, "user_id": 10},
        ],
        course_groups_courseusergrouppartitiongroup=LINKS,
    )

    assert sorted(pick(rows, *MEMBER_COLUMNS)) == [(8, "Red", 50, 7), (9, "Blue", None, None)]


def test_cohorts_of_the_export_are_linked_by_their_name(build):
    rows = build(
        "cohort_members",
        cohort_membership_export=[
            {"user_id": 8, "course_id": "C", "group_type": "cohort", "name": "Red"},
            {"user_id": 9, "course_id": "D", "group_type": "cohort", "name": "Red"},
            {"user_id": 9, "course_id": "C", "group_type": "team", "name": "Red"},
        ],
        course_groups_courseusergroup=COHORTS,
        course_groups_courseusergrouppartitiongroup=LINKS,
    )

    assert pick(rows, "course_key", *MEMBER_COLUMNS) == [
        ("C", 8, "Red", 50, 7),
        ("D", 9, "Red", None, None),
    ]


def test_experiment_groups_are_the_tags_of_the_partition_service(build):
    rows = build(
        "experiment_groups",
        user_api_usercoursetag=[
            {"course_id": "C", "user_id": 1, "key": key, "value": "3"}
            for key in ("xblock.partition_service.partition_12", "edx.tag")
        ],
    )

    assert rows == [{"course_key": "C", "user_id": 1, "partition_id": 12, "group_id": 3}]
