from __future__ import annotations

import json

import pytest

from courselens.simulator.into_mysql import table_statements
from loaders.mysql.connection import MySQL
from loaders.mysql.registry import READS, registered_statements, table_names
from loaders.mysql.source import MySQLSource
from tests.mariadb import run_on_mysql

BIG = 1000  # rows of a table that must not be scanned
COPIES = 8
ENOUGH = 12_000
PARAMETERS = {
    "user_id": 10_001,
    "user_ids": list(range(10_001, 10_101)),
    "parents": list(range(1, 201)),
    "after_0": 10_000,
    "after_1": 0,
    "after_2": 0,
    "after_3": 0,
}


TEXT_KEYS = ("course_id", "course_key", "username", "email", "mongo_id", "edx_video_id")
DRAWN_KEYS = ("history_id", "anonymous_user_id")
ROW_KEYS = (
    *("id", "user_id", "student_id", "author_id", "student_module_id", "grade_id", "video_id"),
    *("content_date_id", "course_user_group_id", "courseusergroup_id", "content_object_id"),
    "comment_thread_id",
)
STEP = 10_000_000


def grow(url, name):
    """Add copies of a table's rows for other courses and other people, until it is big."""
    columns = [row[0] for row in run_on_mysql(url, f"SHOW COLUMNS FROM {name}")]
    is_overview = name == "course_overviews_courseoverview"
    texts = (*TEXT_KEYS, "id") if is_overview else TEXT_KEYS
    key = next((each for each in ("course_id", "course_key") if each in columns), "id")
    original = f"`{key}` < {STEP}" if key == "id" and not is_overview else f"`{key}` NOT LIKE '%.%'"
    ((size,),) = run_on_mysql(url, f"SELECT COUNT(*) FROM {name}")
    for nth in range(1, 1 + min(COPIES, ENOUGH // size + 1 if size else 0)):
        values = [
            f"CONCAT(`{column}`, '.{nth}')"
            if column in texts
            else f"MD5(CONCAT(`{column}`, '{nth}'))"
            if column in DRAWN_KEYS
            else f"`{column}` + {STEP * nth}"
            if column in ROW_KEYS
            else f"`{column}`"
            for column in columns
        ]
        names = ", ".join(f"`{column}`" for column in columns)
        run_on_mysql(
            url,
            f"INSERT IGNORE INTO {name} ({names}) SELECT {', '.join(values)} FROM {name}"
            f" WHERE {original}",
        )
    run_on_mysql(url, f"ANALYZE TABLE {name}")


@pytest.fixture(scope="module")
def big_installation(installation, mysql_url):
    """The simulated courses among many others, as an installation with statistics has them."""
    source, target = (url.rsplit("/", 1)[1] for url in (installation.url, mysql_url))
    for name, statement in table_statements():
        run_on_mysql(
            mysql_url, statement, f"INSERT INTO {target}.{name} SELECT * FROM {source}.{name}"
        )
        grow(mysql_url, name)
    run_on_mysql(
        mysql_url,
        "INSERT INTO track_trackinglog (dtcreated, username, ip, event_source, event_type, event,"
        " agent, time, host) SELECT created, '', '', '', '', '', '', created, ''"
        " FROM courseware_studentmodule",
        "ANALYZE TABLE track_trackinglog",
    )
    return mysql_url


async def test_no_statement_scans_a_big_table_or_sorts(big_installation, installation):
    sizes = {
        name: run_on_mysql(big_installation, f"SELECT COUNT(*) FROM {name}")[0][0]
        for name, _ in table_statements()
    }
    async with MySQLSource.at(big_installation, installation.history_url) as source:
        capabilities = await source.capabilities()
        statements = list(
            registered_statements(capabilities.reads, capabilities.schemas, limit=1000)
        )
        found = []
        for each in statements:
            database = source.databases[each.database]
            for step in await explain(database, each.sql, installation.course_keys[0]):
                is_big = sizes.get(step["table"], 0) > BIG or each.database == "history"
                if is_big and step["type"] in ("ALL", "index"):
                    found.append((each.name, "scans", step["table"]))
                if " next" in each.name and "filesort" in step["extra"]:
                    found.append((each.name, "sorts", step["table"]))
    assert found == [], found
    # What the test rests on: the tables that grow with learners are big, and all reads take part.
    assert min(sizes[name] for name in BIG_TABLES) > BIG
    named = " ".join(each.name for each in statements)
    assert [read.name for read in READS if read.name not in named] == []


BIG_TABLES = (
    "auth_user",
    "certificates_generatedcertificate",
    "completion_blockcompletion",
    "courseware_studentmodule",
    "grades_persistentsubsectiongrade",
    "student_courseenrollment",
    "track_trackinglog",
)


async def test_a_scan_would_be_seen(big_installation):
    sql = "SELECT m.id FROM courseware_studentmodule AS m WHERE m.done = 'x' ORDER BY m.state"
    async with MySQL(big_installation) as database:
        (step,) = await explain(database, sql, "")
    assert (step["table"], step["type"]) == ("courseware_studentmodule", "ALL")
    assert "filesort" in step["extra"]


async def explain(database: MySQL, sql: str, course_key: str) -> list[dict[str, str]]:
    """Steps of the server's plan: table, kind of access, remarks."""
    rows = await database.fetch(
        f"EXPLAIN FORMAT=JSON {sql}", {**PARAMETERS, "course_key": course_key}
    )
    plan = json.loads(rows[0][0])
    steps: list[dict[str, str]] = []
    _walk(plan, steps, "")
    aliases = dict(_aliases(sql))
    return [{**step, "table": aliases.get(step["table"], step["table"])} for step in steps]


def _aliases(sql):
    words = sql.split()
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if word == "AS":
            yield after.strip("()"), before.strip("()")


def _walk(node, steps, extra):
    if isinstance(node, list):
        for each in node:
            _walk(each, steps, extra)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "table" and isinstance(value, dict):
                steps.append(
                    {
                        "table": value.get("table_name", ""),
                        "type": value.get("access_type", ""),
                        "extra": extra,
                    }
                )
            _walk(value, steps, f"{extra} {key}")


def test_every_table_that_is_read_is_among_those_that_the_simulator_makes():
    made = {name for name, _ in table_statements()}
    made.add("coursewarehistoryextended_studentmodulehistoryextended")
    assert table_names() <= made
