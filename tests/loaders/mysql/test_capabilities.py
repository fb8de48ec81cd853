from __future__ import annotations

import pytest

from courselens.errors import MissingSource
from loaders.mysql.source import MySQLSource
from tests.mariadb import run_on_mysql


async def capabilities_of(url, history_url=None):
    async with MySQLSource.at(url, history_url) as source:
        return await source.capabilities()


async def test_a_whole_installation_misses_nothing(installation):
    found = await capabilities_of(installation.url, installation.history_url)

    assert {name: each.notes for name, each in found.datasets.items() if each.notes} == {}
    assert found.available == frozenset(found.datasets)
    assert "MariaDB" in found.version or found.version[0] in "89"
    assert found.has_table("split_modulestore_django_splitmodulestorecourseindex")
    assert found.has_table("track_trackinglog")


async def test_an_old_installation_says_what_it_lacks(old_installation):
    run_on_mysql(old_installation, "DROP TABLE completion_blockcompletion")
    found = await capabilities_of(old_installation)

    notes = {name: each.notes for name, each in found.datasets.items() if not each.is_available}
    assert notes == {
        "completions": ("no table completion_blockcompletion, or the account may not read it",),
        "enrollment_history": (
            "no table student_courseenrollment_history, or the account may not read it",
        ),
        "forum_posts": (
            "no table forum_commentthread, or the account may not read it",
            "no table forum_uservote, or the account may not read it",
            "no table forum_comment, or the account may not read it",
        ),
        "forum_origins": ("no table forum_mongocontent, or the account may not read it",),
    }
    # The table in the main database can be read; the other one has nowhere to be.
    assert found.datasets["module_state_history"].notes == (
        "the URL of the second database, mysql_history_url, is not set",
    )


async def test_a_table_that_the_account_may_not_read_is_like_a_missing_one(installation):
    name = installation.url.rsplit("/", 1)[1]
    run_on_mysql(
        installation.url,
        "CREATE OR REPLACE USER partial@'127.0.0.1' IDENTIFIED BY 'partial'",
        f"GRANT SELECT ON {name}.student_courseenrollment TO partial@'127.0.0.1'",
    )
    port = installation.url.rsplit(":", 1)[1]
    url = f"mysql://partial:partial@127.0.0.1:{port}"
    async with MySQLSource.at(url) as source:
        found = await source.capabilities()
        rows = await source.fetch_course("enrollments", installation.course_keys[0])
        with pytest.raises(MissingSource):
            await source.fetch_course("certificates", installation.course_keys[0])
    assert found.available == {"enrollments"}
    assert rows.num_rows > 0


async def test_a_missing_column_is_null_and_named(old_installation):
    run_on_mysql(
        old_installation,
        "ALTER TABLE student_courseenrollment DROP COLUMN mode",
        "ALTER TABLE courseware_studentmodule DROP COLUMN max_grade",
    )
    async with MySQLSource.at(old_installation) as source:
        found = await source.capabilities()
        (key,) = await source.course_keys()
        enrollments = await source.fetch_course("enrollments", key)
        states = await source.fetch_for_users("module_states", key, range(10_000, 10_300))

    assert found.datasets["enrollments"].notes == (
        "no column mode in student_courseenrollment, taken as null",
    )
    assert enrollments.column("mode").null_count == enrollments.num_rows > 0
    assert states.column("max_grade").null_count == states.num_rows > 0


async def test_a_missing_key_column_closes_the_dataset(old_installation):
    run_on_mysql(old_installation, "ALTER TABLE auth_user DROP COLUMN id")
    found = await capabilities_of(old_installation)

    assert found.datasets["profiles"].notes == ("no column id in auth_user",)
    assert not found.datasets["profiles"].is_available


async def test_columns_are_found_under_the_names_of_other_releases(old_installation):
    run_on_mysql(
        old_installation,
        "ALTER TABLE course_overviews_courseoverview"
        " CHANGE start start_date datetime(6) DEFAULT NULL,"
        " CHANGE end end_date datetime(6) DEFAULT NULL",
    )
    async with MySQLSource.at(old_installation) as source:
        found = await source.capabilities()
        (row,) = (await source.fetch_everything("courses")).to_pylist()

    assert found.datasets["courses"].notes == ()
    # One week from 2025-02-03, the simulator's default start.
    assert (row["start_us"], row["end_us"]) == (1_738_540_800_000_000, 1_739_145_600_000_000)


async def test_without_overrides_grades_are_read_all_the_same(old_installation):
    run_on_mysql(old_installation, "DROP TABLE grades_persistentsubsectiongradeoverride")
    async with MySQLSource.at(old_installation) as source:
        found = await source.capabilities()
        (key,) = await source.course_keys()
        grades = await source.fetch_course("subsection_grades", key)

    assert found.datasets["subsection_grades"].notes == (
        "no table grades_persistentsubsectiongradeoverride, its columns are null",
    )
    assert set(grades.column("overridden").to_pylist()) == {False}


async def test_a_way_without_its_index_is_closed_and_another_one_taken(old_installation):
    run_on_mysql(
        old_installation,
        "ALTER TABLE user_api_usercoursetag DROP KEY user_api_usercoursetag_course_id",
        "ALTER TABLE courseware_studentmodule DROP KEY courseware_studentmodule_course_id,"
        " DROP KEY courseware_studentmodule_modified",
        "INSERT INTO user_api_usercoursetag (`key`, course_id, value, user_id)"
        " SELECT 'xblock.partition_service.partition_5', course_id, '1', MIN(user_id)"
        " FROM student_courseenrollment GROUP BY course_id",
    )
    async with MySQLSource.at(old_installation) as source:
        found = await source.capabilities()
        (key,) = await source.course_keys()
        arms = await source.fetch_course("experiment_groups", key)
        with pytest.raises(MissingSource):
            await source.fetch_course("module_states", key)
        states = await source.fetch_for_users("module_states", key, range(10_000, 10_300))
        changes = [batch async for batch in source.changes_since("module_states")]

    assert 5 in arms.column("partition_id").to_pylist()
    assert found.datasets["module_states"].notes == (
        "courseware_studentmodule has no index on course_id: a course cannot be read without a "
        "scan",
        "courseware_studentmodule has no index on modified: changed rows are found by reading a "
        "course again",
    )
    assert states.num_rows > 0
    assert sum(batch.table.num_rows for batch in changes) >= states.num_rows
