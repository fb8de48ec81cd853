"""Rows of datasets from the platform's tables, joined and brought to the datasets' columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from loaders import datasets
from loaders.dataset import Dataset
from loaders.tables.specs import TABLE_SPECS, TableSpec
from loaders.tables.typed import empty_typed


@dataclass(frozen=True, slots=True)
class TableQuery:
    """How a dataset comes from tables: present when any of `sources` is there as a whole.

    The tables in `sql` have their typed columns and `seq`, the order in which rows were read.
    """

    dataset: Dataset
    sources: tuple[tuple[str, ...], ...]
    sql: str

    @property
    def tables(self) -> frozenset[str]:
        """Names of the tables that give rows."""
        return frozenset(name for names in self.sources for name in names)


_LAST_SUBSECTION_OVERRIDE = """
    SELECT * FROM grades_persistentsubsectiongradeoverride
    QUALIFY row_number() OVER (PARTITION BY grade_id ORDER BY seq DESC) = 1
"""

QUERIES = (
    TableQuery(
        datasets.ENROLLMENTS,
        (("student_courseenrollment",),),
        """SELECT course_id AS course_key, user_id, is_active, mode, created AS created_us, seq
        FROM student_courseenrollment""",
    ),
    TableQuery(
        datasets.ENROLLMENT_HISTORY,
        (("student_courseenrollment_history",),),
        # Ids are UUIDs in hexadecimal: their first 60 bits, or the number that an export has.
        """SELECT course_id AS course_key, CASE WHEN length(history_id) >= 32
                THEN try_cast('0x' || left(replace(history_id, '-', ''), 15) AS BIGINT)
                ELSE try_cast(history_id AS BIGINT) END AS history_id,
            user_id, history_date AS changed_us,
            is_active AND history_type IS DISTINCT FROM '-' AS is_active, mode, seq
        FROM student_courseenrollment_history""",
    ),
    TableQuery(
        datasets.PROFILES,
        (("auth_user",), ("auth_userprofile",)),
        """SELECT coalesce(u.id, p.user_id) AS user_id, u.username, u.is_active,
            u.is_staff OR u.is_superuser AS is_staff, p.year_of_birth,
            nullif(p.gender, '') AS gender,
            nullif(p.level_of_education, '') AS level_of_education,
            nullif(p.country, '') AS country,
            coalesce(u.seq, p.seq) AS seq
        FROM (
            SELECT * FROM auth_user
            QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1
        ) AS u FULL JOIN (
            SELECT * FROM auth_userprofile
            QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY seq DESC) = 1
        ) AS p ON p.user_id = u.id""",
    ),
    TableQuery(
        datasets.COURSE_ROLES,
        (("student_courseaccessrole",),),
        """SELECT course_id AS course_key, org, user_id, role, seq
        FROM student_courseaccessrole""",
    ),
    TableQuery(
        datasets.COHORT_MEMBERS,
        (
            ("cohort_membership_export",),
            ("course_groups_courseusergroup", "course_groups_cohortmembership"),
            ("course_groups_courseusergroup", "course_groups_courseusergroup_users"),
        ),
        # The platform keeps at most one cohort per user and course in cohortmembership; old
        # installations have only the _users table filled, so the former is read as the later.
        """WITH cohort AS (
            SELECT g.id, g.course_id, g.name, any_value(l.partition_id) AS partition_id,
                any_value(l.group_id) AS group_id
            FROM course_groups_courseusergroup AS g
            LEFT JOIN course_groups_courseusergrouppartitiongroup AS l
                ON l.course_user_group_id = g.id
            WHERE coalesce(g.group_type, 'cohort') = 'cohort'
            GROUP BY g.id, g.course_id, g.name
        ), member AS (
            SELECT 0 AS source, seq, user_id, courseusergroup_id AS id
            FROM course_groups_courseusergroup_users
            UNION ALL
            SELECT 2, seq, user_id, course_user_group_id FROM course_groups_cohortmembership
        ), named AS (
            SELECT e.course_id AS course_key, e.user_id, e.name AS cohort, c.partition_id,
                c.group_id, 1 AS source, e.seq
            FROM cohort_membership_export AS e
            LEFT JOIN cohort AS c ON c.course_id = e.course_id AND c.name = e.name
            WHERE coalesce(e.group_type, 'cohort') = 'cohort'
            UNION ALL
            SELECT c.course_id, m.user_id, c.name, c.partition_id, c.group_id, m.source, m.seq
            FROM member AS m JOIN cohort AS c USING (id)
        )
        SELECT * EXCLUDE (source, seq), row_number() OVER (ORDER BY source, seq) AS seq
        FROM named""",
    ),
    TableQuery(
        datasets.EXPERIMENT_GROUPS,
        (("user_api_usercoursetag",),),
        """SELECT course_id AS course_key, user_id,
            try_cast(split_part("key", 'partition_service.partition_', 2) AS BIGINT)
                AS partition_id,
            try_cast("value" AS BIGINT) AS group_id, seq
        FROM user_api_usercoursetag
        WHERE regexp_full_match("key", 'xblock\\.partition_service\\.partition_[0-9]+')""",
    ),
    TableQuery(
        datasets.MODULE_STATES,
        (("courseware_studentmodule",),),
        """SELECT course_id AS course_key, student_id AS user_id, module_id AS block_key,
            module_type AS block_type, grade, max_grade, attempts, done, position,
            saved_video_position_seconds, speed, selected,
            last_submission AS last_submission_us, created AS created_us,
            modified AS modified_us, seq
        FROM courseware_studentmodule""",
    ),
    TableQuery(
        datasets.SUBSECTION_GRADES,
        (("grades_persistentsubsectiongrade",),),
        f"""SELECT g.course_id AS course_key, g.user_id, g.usage_key AS block_key,
            coalesce(o.earned_all_override, g.earned_all) AS earned_all,
            coalesce(o.possible_all_override, g.possible_all) AS possible_all,
            coalesce(o.earned_graded_override, g.earned_graded) AS earned_graded,
            coalesce(o.possible_graded_override, g.possible_graded) AS possible_graded,
            g.first_attempted AS first_attempted_us, o.grade_id IS NOT NULL AS overridden,
            greatest(g.modified, coalesce(o.modified, g.modified)) AS modified_us, g.seq
        FROM grades_persistentsubsectiongrade AS g
        LEFT JOIN ({_LAST_SUBSECTION_OVERRIDE}) AS o ON o.grade_id = g.id""",
    ),
    TableQuery(
        datasets.COURSE_GRADES,
        (("grades_persistentcoursegrade",),),
        """SELECT course_id AS course_key, user_id, percent_grade, letter_grade,
            passed_timestamp AS passed_us, modified AS modified_us, seq
        FROM grades_persistentcoursegrade""",
    ),
    TableQuery(
        datasets.CERTIFICATES,
        (("certificates_generatedcertificate",),),
        """SELECT course_id AS course_key, user_id, status, mode, created_date AS created_us,
            modified_date AS modified_us, seq
        FROM certificates_generatedcertificate""",
    ),
    TableQuery(
        datasets.COMPLETIONS,
        (("completion_blockcompletion",),),
        """SELECT course_key, user_id, block_key, block_type, completion,
            modified AS modified_us, seq
        FROM completion_blockcompletion""",
    ),
    TableQuery(
        datasets.COURSES,
        (("course_overviews_courseoverview",),),
        """SELECT id AS course_key, display_name, nullif(org, '') AS org, start AS start_us,
            "end" AS end_us, created AS created_us, self_paced,
            CAST(NULL AS DOUBLE) AS pass_cutoff, lowest_passing_grade, seq
        FROM course_overviews_courseoverview""",
    ),
)

QUERY_OF = {query.dataset.name: query for query in QUERIES}
"""How each dataset comes from tables that files and servers both have."""


def build_tables(
    connection: duckdb.DuckDBPyConnection, typed: Mapping[str, pa.Table]
) -> dict[str, pa.Table]:
    """Make the datasets that the given tables hold.

    Of rows with the same key the one that was read last is kept.

    Args:
        connection: from `connect`.
        typed: typed tables by the platform's name, rows in the order of reading.

    Returns:
        Tables by dataset name, of exactly the datasets' schemas.
    """
    made: dict[str, pa.Table] = {}
    for query in QUERIES:
        if any(all(name in typed for name in names) for names in query.sources):
            made[query.dataset.name] = build_dataset(connection, query, typed)
    return made


def build_dataset(
    connection: duckdb.DuckDBPyConnection,
    query: TableQuery,
    typed: Mapping[str, pa.Table],
    specs: Mapping[str, TableSpec] = TABLE_SPECS,
) -> pa.Table:
    """Make one dataset; tables that are not given have no rows.

    Args:
        connection: from `connect`.
        query: how the dataset comes from tables.
        typed: typed tables by the platform's name, rows in the order of reading.
        specs: the tables that the query may name.

    Returns:
        A table of exactly the dataset's schema, one row a key.
    """
    used = [name for name in specs if name in query.sql]
    for name in used:
        table = typed.get(name)
        if table is None:
            table = empty_typed(specs[name])
        order = pa.array(np.arange(table.num_rows, dtype=np.int64))
        connection.register(name, table.append_column("seq", order))
    try:
        return keep_last(connection, query.sql, query.dataset)
    finally:
        for name in used:
            connection.unregister(name)


def keep_last(connection: duckdb.DuckDBPyConnection, sql: str, dataset: Dataset) -> pa.Table:
    """Rows of a query in the order of its column `seq`, the last one of each key."""
    columns = ", ".join(f'"{name}"' for name in dataset.columns)
    key = ", ".join(f'"{name}"' for name in dataset.key)
    # Sorting out duplicates costs several times the memory of finding that there are none; two
    # keys with one hash only lead to the long way.
    ((may_repeat,),) = connection.execute(
        f"SELECT count(*) <> count(DISTINCT hash({key})) FROM ({sql})"
    ).fetchall()
    if may_repeat:
        sql = (
            f"SELECT * FROM ({sql})"
            f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY seq DESC) = 1"
        )
    rows = connection.sql(f"SELECT {columns} FROM ({sql}) ORDER BY seq")
    return rows.to_arrow_table().cast(dataset.schema)
