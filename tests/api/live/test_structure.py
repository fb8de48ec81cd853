"""Values of the course come from the structure that is published now, wherever that is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from bson import ObjectId

from courselens.simulator.into_mysql import table_statements
from loaders.mongo import split
from loaders.mysql.versions import TABLE
from tests.data.platform import LiveServed

COUNTS = """
query($c: ID!) { course(key: $c) { indicators {
  courseModuleCounts { rows { blockType blocks } meta { missingSource status asOf computedAt } }
} } }
"""


@pytest.fixture
def structures(live: LiveServed) -> Iterator[Any]:
    """The database of the modulestore, to publish in; afterwards it is as before."""
    with pymongo.MongoClient(live.platform.mongo.url) as client:
        database = client["openedx"]
        (active,) = database[split.ACTIVE_VERSIONS].find()
        yield database
        database[split.ACTIVE_VERSIONS].replace_one({"_id": active["_id"]}, active)


@pytest.fixture
def course_index(live: LiveServed) -> Iterator[None]:
    """The table in which newer sites keep what is published."""
    live.platform.on_mysql(dict(table_statements())[TABLE])
    yield
    live.platform.heal()
    live.platform.on_mysql(f"DROP TABLE {TABLE}")


def publish(database: Any, block_type: str) -> str:
    """Publish a structure in which there is nothing of a type."""
    (active,) = database[split.ACTIVE_VERSIONS].find()
    version = active["versions"][split.PUBLISHED]
    structure = database[split.STRUCTURES].find_one({"_id": version})
    gone = {
        (block["block_type"], block["block_id"])
        for block in structure["blocks"]
        if block["block_type"] == block_type
    }
    for block in structure["blocks"]:
        children = block["fields"].get("children")
        if children:
            block["fields"]["children"] = [one for one in children if tuple(one) not in gone]
    structure["blocks"] = [
        block for block in structure["blocks"] if block["block_type"] != block_type
    ]
    structure["_id"] = ObjectId()
    database[split.STRUCTURES].insert_one(structure)
    active["versions"][split.PUBLISHED] = structure["_id"]
    database[split.ACTIVE_VERSIONS].replace_one({"_id": active["_id"]}, active)
    return str(version)


async def counts(live: LiveServed) -> dict[str, int]:
    answer = await live.ask(COUNTS)
    assert "errors" not in answer, answer["errors"]
    rows = answer["data"]["course"]["indicators"]["courseModuleCounts"]["rows"]
    return {row["blockType"]: row["blocks"] for row in rows}


def tell_version(live: LiveServed, version: str) -> None:
    """Let MySQL say which structure of the course is published."""
    live.platform.on_mysql(
        f"REPLACE INTO {TABLE} (objectid, course_id, org, draft_version, published_version,"
        " library_version, wiki_slug, base_store, edited_on, last_update) VALUES"
        f" ('{'0' * 24}', '{live.platform.course_key}', 'SimX', '', '{version}', '', '', '',"
        " NOW(), NOW())"
    )


async def test_what_is_published_counts_at_once(live: LiveServed, structures: Any) -> None:
    before = await counts(live)
    assert before["html"] > 0
    publish(structures, "html")
    after = await counts(live)
    assert after == {kind: blocks for kind, blocks in before.items() if kind != "html"}


async def test_a_newer_site_tells_in_mysql_what_is_published(
    live: LiveServed, structures: Any, course_index: None
) -> None:
    older = publish(structures, "html")
    tell_version(live, older)
    assert "html" in await counts(live)
    assert split.ACTIVE_VERSIONS not in live.commands.finds


async def test_a_run_that_was_never_published_has_no_counts(
    live: LiveServed, course_index: None
) -> None:
    tell_version(live, "")
    answer = await live.ask(COUNTS)
    assert "errors" not in answer
    value = answer["data"]["course"]["indicators"]["courseModuleCounts"]
    assert value["rows"] is None
    assert value["meta"]["missingSource"] == ["blocks"]
    assert value["meta"]["status"] == "READY"


async def test_without_mysql_a_newer_site_cannot_tell(live: LiveServed, course_index: None) -> None:
    assert await counts(live)  # the table does not know the run, MongoDB does
    live.platform.mysql_proxy.is_refusing = True
    live.platform.mysql_proxy.reset()
    answer = await live.ask(COUNTS)
    assert answer["data"]["course"]["indicators"]["courseModuleCounts"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["SOURCE_UNAVAILABLE"]
