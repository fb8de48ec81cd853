from __future__ import annotations

import json

import pytest

from courselens.errors import MissingSource
from loaders.mysql.source import MySQLSource
from loaders.mysql.versions import read_published_versions
from tests.mariadb import run_on_mysql

COURSE = "course-v1:O+C+R"
ENROL = "INSERT INTO student_courseenrollment (id, course_id, is_active, mode, user_id) VALUES "


@pytest.fixture
async def source(empty_installation):
    async with MySQLSource.at(empty_installation) as opened:
        opened.url = empty_installation
        yield opened


def save_state(url, number, modified, grade=1):
    run_on_mysql(
        url,
        "REPLACE INTO courseware_studentmodule (id, module_type, module_id, student_id, course_id,"
        f" grade, done, created, modified) VALUES ({number}, 'problem', 'b', {number}, '{COURSE}',"
        f" {grade}, 'na', NOW(6), {modified})",
    )


async def read(source, dataset, cursor=None):
    """User ids that came, in order, and the last cursor."""
    found = []
    async for batch in source.changes_since(dataset, cursor):
        cursor = json.loads(json.dumps(batch.cursor))  # as it comes back from where it is kept
        found += batch.table.column("user_id").to_pylist()
    return found, cursor


async def test_all_rows_come_once_whatever_the_size_of_a_page(installation):
    for page_rows in (10_000, 50):
        async with installation.source() as source:
            source.page_rows = page_rows
            for name in ("enrollments", "module_states", "subsection_grades", "profiles"):
                total = sum([batch.table.num_rows async for batch in source.changes_since(name)])
                assert total == installation.tables[name].num_rows


async def test_batches_hold_rows_of_all_courses(installation):
    async with installation.source() as source:
        (batch,) = [batch async for batch in source.changes_since("certificates")]
    assert set(batch.table.column("course_key").to_pylist()) == set(installation.course_keys)


async def test_new_rows_come_once(source):
    run_on_mysql(source.url, f"{ENROL} (1, '{COURSE}', 1, 'audit', 71)")
    found, cursor = await read(source, "enrollments")
    assert found == [71]
    assert await read(source, "enrollments", cursor) == ([], cursor)

    run_on_mysql(source.url, f"{ENROL} (2, '{COURSE}', 1, 'audit', 72)")
    found, cursor = await read(source, "enrollments", cursor)
    assert found == [72]


@pytest.mark.parametrize("name", ["enrollments", "module_states"])
async def test_a_present_cursor_passes_over_what_is_there_and_nothing_else(source, name):
    def add(*numbers):
        for n in numbers:
            if name == "enrollments":
                run_on_mysql(source.url, f"{ENROL} ({n}, '{COURSE}', 1, 'audit', {n})")
            else:
                save_state(source.url, n, "'2020-01-01'" if n < 6 else "UTC_TIMESTAMP(6)")

    assert json.loads(json.dumps(await source.present(name)))
    add(1, 2, 5)
    cursor = await source.present(name)
    newest = await source.newest(name)
    assert (await read(source, name, cursor))[0] == []
    assert await source.newest(name) == newest

    add(6)
    assert await source.newest(name) != newest
    found, cursor = await read(source, name, cursor)
    assert found == [6]
    if name == "enrollments":
        add(4)  # its id was drawn before
        assert (await read(source, name, cursor))[0] == [4]


async def test_published_versions_are_those_of_the_index_page_by_page(source):
    assert await source.published_versions() == {}
    table = "split_modulestore_django_splitmodulestorecourseindex"
    for n, version in enumerate(("a" * 24, "", "c" * 24), 1):
        run_on_mysql(
            source.url,
            f"INSERT INTO {table} (objectid, course_id, org, draft_version, published_version,"
            " library_version, wiki_slug, base_store, edited_on, last_update)"
            f" VALUES ('{n}', '{COURSE}{n}', '', '', '{version}', '', '', '', NOW(), NOW())",
        )
    wanted = {f"{COURSE}1": "a" * 24, f"{COURSE}2": "", f"{COURSE}3": "c" * 24}
    assert await source.published_versions() == wanted
    assert await read_published_versions(source.databases["main"], page_rows=2) == wanted

    run_on_mysql(source.url, f"DROP TABLE {table}")
    await source.capabilities(is_fresh=True)
    assert await source.published_versions() == {}


async def test_a_row_whose_id_was_drawn_before_others_is_found_when_it_is_committed(source):
    run_on_mysql(source.url, f"{ENROL} (1, '{COURSE}', 1, 'audit', 71)")
    _, cursor = await read(source, "enrollments")
    run_on_mysql(source.url, f"{ENROL} (3, '{COURSE}', 1, 'audit', 73)")
    found, cursor = await read(source, "enrollments", cursor)
    assert found == [73]

    run_on_mysql(source.url, f"{ENROL} (2, '{COURSE}', 1, 'audit', 72)")
    found, cursor = await read(source, "enrollments", cursor)
    assert found == [72]
    assert (await read(source, "enrollments", cursor))[0] == []


async def test_a_changed_row_comes_again_where_an_index_finds_it(source):
    save_state(source.url, 1, "NOW(6) - INTERVAL 1 DAY")
    save_state(source.url, 2, "NOW(6) - INTERVAL 1 DAY")
    found, cursor = await read(source, "module_states")
    assert found == [1, 2]
    assert (await read(source, "module_states", cursor))[0] == []

    save_state(source.url, 1, "NOW(6)", grade=2)
    found, cursor = await read(source, "module_states", cursor)
    assert found == [1]


async def test_a_row_that_is_committed_late_is_not_missed(source):
    save_state(source.url, 1, "NOW(6) - INTERVAL 1 DAY")
    _, cursor = await read(source, "module_states")
    # Dated half a minute before the cursor, visible only now.
    save_state(source.url, 2, "UTC_TIMESTAMP(6) - INTERVAL 30 SECOND")
    found, _ = await read(source, "module_states", cursor)
    assert found == [2]


async def test_rows_of_one_second_are_all_found_at_the_border_of_a_page(source):
    source.page_rows = 2
    _, cursor = await read(source, "module_states")
    run_on_mysql(source.url, "SET @at = UTC_TIMESTAMP()")
    for number in range(1, 8):
        save_state(source.url, number, "'2035-01-01 00:00:00'")
    found, cursor = await read(source, "module_states", cursor)
    assert found == [1, 2, 3, 4, 5, 6, 7]


async def test_a_date_in_the_future_does_not_hide_what_comes_after(source):
    save_state(source.url, 1, "'2099-01-01'")
    _, cursor = await read(source, "module_states")
    _, cursor = await read(source, "module_states", cursor)
    save_state(source.url, 2, "UTC_TIMESTAMP(6)")
    found, _ = await read(source, "module_states", cursor)
    assert 2 in found


async def test_a_copy_that_was_interrupted_goes_on_where_it_was(source):
    for number in range(1, 6):
        save_state(source.url, number, "'2020-01-01'")
    source.page_rows = 2
    async for batch in source.changes_since("module_states"):
        cursor = json.loads(json.dumps(batch.cursor))
        break
    assert batch.table.column("user_id").to_pylist() == [1, 2]

    # Changed while the copy stood still: found by its date after the copy is through.
    save_state(source.url, 1, "UTC_TIMESTAMP(6)", grade=2)
    found, _ = await read(source, "module_states", cursor)
    assert found == [3, 4, 5, 1]


async def test_no_change_costs_a_statement_or_two(installation):
    async with installation.source() as source:
        for name, most in (("enrollments", 1), ("module_states", 2), ("course_grades", 2)):
            cursor = None
            async for batch in source.changes_since(name):
                cursor = batch.cursor
            before = source.statements
            assert [b.table.num_rows async for b in source.changes_since(name, cursor)] in ([], [0])
            assert source.statements - before <= most


@pytest.mark.parametrize("name", ["enrollments", "certificates", "completions", "profiles"])
async def test_a_fingerprint_differs_when_a_row_changes_or_goes(installation, name):
    url, key = installation.url, installation.course_keys[0]
    table, column, value, back = {
        "enrollments": ("student_courseenrollment", "is_active", "1 - is_active", "1 - is_active"),
        "certificates": ("certificates_generatedcertificate", "status", "'x'", "'downloadable'"),
        "completions": ("completion_blockcompletion", "completion", "0.5", "1"),
        "profiles": ("auth_user", "username", "CONCAT('x', username)", "SUBSTRING(username, 2)"),
    }[name]
    async with installation.source() as source:
        first = await source.fetch_course(name, key)
        user = first.column("user_id")[0].as_py()
        if name == "certificates":
            back = repr(first.column("status")[0].as_py())
        who = "id" if name == "profiles" else "user_id"
        where = f"WHERE {who} = {user}" + ("" if name == "profiles" else " ORDER BY id LIMIT 1")
        before = await source.fingerprint(name, key)
        assert await source.fingerprint(name, key) == before
        run_on_mysql(url, f"UPDATE {table} SET {column} = {value} {where}")
        changed = await source.fingerprint(name, key)
        run_on_mysql(url, f"UPDATE {table} SET {column} = {back} {where}")
        assert await source.fingerprint(name, key) == before
    assert before is not None
    assert changed != before


async def test_a_fingerprint_of_what_a_cursor_follows_counts_rows(source):
    save_state(source.url, 1, "NOW(6)")
    before = await source.fingerprint("module_states", COURSE)
    save_state(source.url, 1, "NOW(6)", grade=2)
    assert await source.fingerprint("module_states", COURSE) == before
    run_on_mysql(source.url, "DELETE FROM courseware_studentmodule")
    assert await source.fingerprint("module_states", COURSE) != before


async def test_what_has_no_cursor_says_so(installation):
    async with installation.source() as source:
        with pytest.raises(MissingSource, match="enrollment_history by a cursor"):
            await anext(source.changes_since("enrollment_history"))
