from __future__ import annotations

import pyarrow.compute as pc
import pytest

from courselens.errors import MissingSource
from loaders.datasets import DATASETS
from loaders.mysql.source import MySQLSource
from tests.mariadb import run_on_mysql

SAME_AS_FILES = (
    "enrollments",
    "profiles",
    "cohort_members",
    "experiment_groups",
    "module_states",
    "subsection_grades",
    "course_grades",
    "certificates",
    "completions",
)


def rows_of(table):
    return sorted(table.to_pylist(), key=repr)


def of_course(table, course_key):
    return table.filter(pc.equal(table.column("course_key"), course_key))


@pytest.fixture(params=[0, 1], ids=["first course", "second course"])
def course_key(request, installation):
    return installation.course_keys[request.param]


@pytest.mark.parametrize("name", SAME_AS_FILES)
@pytest.mark.parametrize("page_rows", [10_000, 7])
async def test_a_course_is_the_same_from_mysql_as_from_its_files(
    installation, course_key, name, page_rows
):
    if page_rows == 7 and name in ("module_states", "completions"):
        page_rows = 101  # enough borders between pages
    async with installation.source() as source:
        source.page_rows = page_rows
        found = await source.fetch_course(name, course_key)

    assert found.schema == DATASETS[name].schema
    expected = installation.tables[name]
    if name == "profiles":  # files hold the people of all courses in one table
        enrolled = of_course(installation.tables["enrollments"], course_key).column("user_id")
        expected = expected.filter(pc.is_in(expected.column("user_id"), value_set=enrolled))
    else:
        expected = of_course(expected, course_key)
    assert rows_of(found) == rows_of(expected)
    assert found.num_rows > 0


async def test_roles_are_those_of_the_course_and_of_its_org(installation, course_key):
    async with installation.source() as source:
        found = await source.fetch_course("course_roles", course_key)

    expected = installation.tables["course_roles"]
    keys = pc.fill_null(expected.column("course_key"), "")
    own = expected.filter(pc.or_(pc.equal(keys, course_key), pc.equal(keys, "")))
    assert rows_of(found) == rows_of(own)
    assert {row["course_key"] for row in found.to_pylist()} == {course_key, ""}


async def test_posts_are_the_same_but_for_their_ids(installation):
    course_key = installation.course_keys[0]
    async with installation.source() as source:
        found = await source.fetch_course("forum_posts", course_key)
        origins = [batch.table async for batch in source.changes_since("forum_origins")]

    (origin,) = origins
    old_id = {row["post_id"]: row["mongo_id"] for row in origin.to_pylist()}
    rows = found.to_pylist()
    for row in rows:
        for name in ("post_id", "thread_id", "parent_id"):
            row[name] = old_id.get(row[name])
        if row["kind"] == "thread":
            row["endorsed"] = None  # the old forum's threads had no such field
    expected = of_course(installation.tables["forum_posts"], course_key)
    assert sorted(rows, key=repr) == rows_of(expected)


async def test_an_overview_gives_dates_and_the_lowest_passing_grade(installation):
    course_key = installation.course_keys[0]
    async with installation.source() as source:
        (row,) = (await source.fetch_course("courses", course_key)).to_pylist()
        everything = await source.fetch_everything("courses")
        keys = await source.course_keys()

    (known,) = of_course(installation.tables["courses"], course_key).to_pylist()
    shared = ("course_key", "display_name", "org", "start_us", "end_us", "self_paced")
    assert {name: row[name] for name in shared} == {name: known[name] for name in shared}
    assert row["lowest_passing_grade"] == known["pass_cutoff"]
    assert everything.num_rows == 2
    assert tuple(keys) == installation.course_keys


async def test_the_history_of_enrolments_ends_at_their_state_now(installation):
    course_key = installation.course_keys[0]
    async with installation.source() as source:
        history = (await source.fetch_course("enrollment_history", course_key)).to_pylist()
        now = (await source.fetch_course("enrollments", course_key)).to_pylist()

    last = {}
    for row in sorted(history, key=lambda row: row["changed_us"]):
        last[row["user_id"]] = (row["is_active"], row["mode"])
    assert last == {row["user_id"]: (row["is_active"], row["mode"]) for row in now}
    assert len(history) > len(now)


async def test_the_history_of_states_comes_from_both_databases(installation):
    course_key = installation.course_keys[0]
    async with installation.source() as source:
        history = (await source.fetch_course("module_state_history", course_key)).to_pylist()
        states = (await source.fetch_course("module_states", course_key)).to_pylist()

    # The last save of a problem is its state now: as many attempts, the same grade.
    last = {}
    for row in sorted(history, key=lambda row: row["saved_us"]):
        last[row["user_id"], row["block_key"]] = (row["attempts"], row["grade"])
    submitted = {
        (row["user_id"], row["block_key"]): (row["attempts"], row["grade"])
        for row in states
        if row["attempts"] is not None
    }
    assert last == submitted
    assert {row["extended"] for row in history} == {False, True}


async def test_videos_have_the_durations_of_the_course_tree(installation):
    course_key = installation.course_keys[0]
    async with installation.source() as source:
        found = await source.fetch_course("course_videos", course_key)

    blocks = of_course(installation.tables["blocks"], course_key).to_pylist()
    videos = [block["duration_seconds"] for block in blocks if block["block_type"] == "video"]
    assert sorted(found.column("duration_seconds").to_pylist()) == sorted(videos)


async def test_personal_due_dates_are_absolute_or_relative(empty_installation):
    run_on_mysql(
        empty_installation,
        "INSERT INTO edx_when_contentdate (id, course_id, location, field, active, policy_id)"
        " VALUES (1, 'course-v1:O+C+R', 'block', 'due', 1, 1),"
        " (2, 'course-v1:O+C+R', 'block', 'start', 1, 1),"
        " (3, 'course-v1:O+C+R', NULL, 'due', 1, 2)",
        "INSERT INTO edx_when_userdate (id, created, modified, abs_date, rel_date, reason,"
        " content_date_id, user_id) VALUES"
        " (1, NOW(), '1970-01-01 00:00:03', '1970-01-01 00:00:09', NULL, '', 1, 7),"
        " (2, NOW(), '1970-01-01 00:00:04', NULL, 5000000, '', 1, 8),"
        " (3, NOW(), '1970-01-01 00:00:05', '1970-01-01 00:00:09', NULL, '', 2, 7),"
        " (4, NOW(), '1970-01-01 00:00:06', '1970-01-01 00:00:07', NULL, '', 1, 7)",
    )
    async with MySQLSource.at(empty_installation) as source:
        found = await source.fetch_course("personal_due_dates", "course-v1:O+C+R")
        mine = await source.fetch_for_users("personal_due_dates", "course-v1:O+C+R", [8])

    names = ("user_id", "block_key", "due_us", "relative_us", "modified_us")
    rows = [tuple(row[name] for name in names) for row in found.to_pylist()]
    # Of two dates for one learner and block the later row counts; starts are no due dates.
    assert sorted(rows) == [
        (7, "block", 7_000_000, None, 6_000_000),
        (8, "block", None, 5_000_000, 4_000_000),
    ]
    assert mine.column("user_id").to_pylist() == [8]


async def test_keys_that_differ_in_case_are_different_courses(empty_installation):
    run_on_mysql(
        empty_installation,
        "INSERT INTO student_courseenrollment (course_id, is_active, mode, user_id)"
        " VALUES ('course-v1:O+C+run', 1, 'audit', 7), ('course-v1:O+C+RUN', 1, 'audit', 8)",
    )
    async with MySQLSource.at(empty_installation) as source:
        found = await source.fetch_course("enrollments", "course-v1:O+C+run")
        live = await source.fetch_for_users("enrollments", "course-v1:O+C+run", [7, 8])

    assert found.column("user_id").to_pylist() == [7]
    assert live.column("user_id").to_pylist() == [7]


@pytest.mark.parametrize("students", [1, 10, 100])
async def test_the_number_of_statements_does_not_grow_with_the_students(installation, students):
    course_key = installation.course_keys[0]
    enrolled = of_course(installation.tables["enrollments"], course_key).column("user_id")
    ids = sorted(enrolled.to_pylist())[:students]
    async with installation.source() as source:
        await source.capabilities()
        counts = {}
        for name in (*SAME_AS_FILES, "course_roles", "forum_posts"):
            before = source.statements
            found = await source.fetch_for_users(name, course_key, ids)
            counts[name] = source.statements - before
            assert set(found.column("user_id").to_pylist()) <= set(ids)

    # One per table; cohorts and posts are in two tables each.
    assert counts == {
        **dict.fromkeys(counts, 1),
        "cohort_members": 2,
        "forum_posts": 2,
    }


@pytest.mark.parametrize("name", SAME_AS_FILES)
async def test_some_learners_have_the_rows_that_the_course_has_of_them(installation, name):
    course_key = installation.course_keys[0]
    enrolled = of_course(installation.tables["enrollments"], course_key).column("user_id")
    ids = enrolled.to_pylist()[3:40]
    async with installation.source() as source:
        whole = await source.fetch_course(name, course_key)
        found = await source.fetch_for_users(name, course_key, ids)

    assert rows_of(found) == [row for row in rows_of(whole) if row["user_id"] in ids]


async def test_more_than_500_learners_are_asked_for_in_lists_of_500(installation):
    async with installation.source() as source:
        await source.capabilities()
        before = source.statements
        found = await source.fetch_for_users(
            "enrollments", installation.course_keys[0], range(10_001, 11_002)
        )

    # 1001 ids: 500, 500 and 1.
    assert source.statements - before == 3
    assert found.num_rows > 0


async def test_nobody_needs_no_statement(installation):
    async with installation.source() as source:
        await source.capabilities()
        before = source.statements
        found = await source.fetch_for_users("enrollments", installation.course_keys[0], [])

    assert (found.num_rows, source.statements - before) == (0, 0)


async def test_a_dataset_that_mysql_does_not_hold_is_missing(installation):
    async with installation.source() as source:
        with pytest.raises(MissingSource, match="no blocks"):
            await source.fetch_course("blocks", installation.course_keys[0])


async def test_an_unknown_course_has_no_rows(installation):
    async with installation.source() as source:
        for name in SAME_AS_FILES:
            found = await source.fetch_course(name, "course-v1:No+Such+Course")
            assert found.num_rows == 0
            assert found.schema == DATASETS[name].schema
