"""What the probe says about a site's MongoDB."""

from __future__ import annotations

from loaders.mongo.source import MongoSource
from tests.mongo_server.process import fail_commands

STRUCTURE = ("courses", "blocks", "block_access", "grading_policy")


def notes(capabilities, dataset):
    return capabilities.datasets[dataset].notes


async def test_an_empty_server_can_give_nothing(open_source, database):
    async with open_source() as source:
        capabilities = await source.probe()

    assert capabilities.modulestores == ()
    assert capabilities.available == frozenset()
    for dataset in STRUCTURE:
        expected = f"{database.name} has no collection modulestore.structures"
        assert notes(capabilities, dataset) == (expected,)
    assert notes(capabilities, "forum_posts") == (f"{database.name} has no collection contents",)


async def test_a_site_with_all_collections_can_give_everything(open_source, database):
    for collection in ("active_versions", "structures", "definitions"):
        database[f"modulestore.{collection}"].insert_one({})
    database["contents"].insert_one({})

    async with open_source() as source:
        capabilities = await source.probe()

    assert capabilities.modulestores == ("split",)
    assert capabilities.available == {*STRUCTURE, "forum_posts"}
    assert all(each.notes == () for each in capabilities.datasets.values())


async def test_the_old_store_alone_gives_courses(open_source, database):
    database["modulestore"].insert_one({})

    async with open_source() as source:
        capabilities = await source.probe()

    assert capabilities.modulestores == ("draft",)
    assert capabilities.available == frozenset(STRUCTURE)


async def test_without_versions_and_definitions_there_are_still_structures(open_source, database):
    database["modulestore.structures"].insert_one({})

    async with open_source() as source:
        capabilities = await source.probe()

    assert capabilities.available == {"courses", "blocks", "block_access"}
    assert notes(capabilities, "blocks") == (
        f"{database.name} has no collection modulestore.active_versions: the courses and their "
        "versions must come from the site's MySQL",
    )
    assert notes(capabilities, "grading_policy") == (
        f"{database.name} has no collection modulestore.definitions",
    )


async def test_a_database_that_may_not_be_listed_is_noted(mongo_process, driver):
    fail_commands(mongo_process.url, "listCollections", times=2, errorCode=13)

    async with MongoSource(mongo_process.url, driver=driver) as source:
        capabilities = await source.probe()

    assert capabilities.available == frozenset()
    assert "openedx was refused" in notes(capabilities, "blocks")[0]
    assert "cs_comments_service was refused" in notes(capabilities, "forum_posts")[0]
