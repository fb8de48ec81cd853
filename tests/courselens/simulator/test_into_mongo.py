"""Simulated courses in MongoDB."""

from __future__ import annotations

from urllib.parse import urlsplit

import pymongo
import pytest

from courselens.errors import BadParameter, SourceRefused, SourceUnavailable
from courselens.simulator.into_mongo import MongoWriter, write_into_mongo
from courselens.simulator.split_store import SplitDocuments
from tests.mongo_server.process import fail_commands

SIZE = {"students": 40, "weeks": 2, "courses": 2, "seed": 3}


def read_all(url):
    with pymongo.MongoClient(url) as client:
        database = client[urlsplit(url).path.strip("/")]
        return {
            name: sorted(database[name].find(), key=lambda each: str(each["_id"]))
            for name in database.list_collection_names()
        }


async def write(url, **options):
    name = urlsplit(url).path.strip("/")
    return await write_into_mongo(url, **{**SIZE, **options}, database=name, forum_database=name)


async def test_writing_twice_gives_the_documents_of_writing_once(mongo_url):
    steps = []
    await write(mongo_url, progress=lambda *step: steps.append(step))
    once = read_all(mongo_url)
    keys = await write(mongo_url)

    assert read_all(mongo_url) == once
    assert keys == ["course-v1:SimX+SIM101+2025_02", "course-v1:SimX+SIM102+2025_02"]
    assert [step for step in steps if step[1] == step[2]] == [(key, 1, 1) for key in keys]
    assert set(once) == {
        "modulestore.active_versions",
        "modulestore.structures",
        "modulestore.definitions",
        "contents",
    }
    assert len(once["modulestore.structures"]) == 4


async def test_a_smaller_simulation_leaves_nothing_of_the_larger_and_all_of_others(mongo_url):
    with pymongo.MongoClient(mongo_url) as client:
        database = client[urlsplit(mongo_url).path.strip("/")]
        database["modulestore.active_versions"].insert_one({"org": "X", "course": "Y", "run": "Z"})
        database["contents"].insert_one({"_id": 1, "course_id": "course-v1:X+Y+Z"})
    await write(mongo_url)
    (key,) = await write(mongo_url, courses=1)

    found = read_all(mongo_url)
    assert {each["org"] for each in found["modulestore.active_versions"]} == {"X", "SimX"}
    assert len(found["modulestore.active_versions"]) == 2
    assert {each["course_id"] for each in found["contents"]} == {key, "course-v1:X+Y+Z"}


async def test_posts_of_all_courses_have_ids_of_their_own(mongo_url):
    keys = await write(mongo_url)

    posts = read_all(mongo_url)["contents"]
    assert {post["course_id"] for post in posts} == set(keys)
    assert {type(post["_id"]).__name__ for post in posts} == {"ObjectId"}
    threads = {post["_id"] for post in posts if post["_type"] == "CommentThread"}
    answers = [post for post in posts if post["_type"] == "Comment"]
    assert {post["comment_thread_id"] for post in answers} <= threads


async def test_a_newer_site_has_no_forum_in_mongodb(mongo_url):
    await write(mongo_url, forum=False)

    assert read_all(mongo_url).get("contents", []) == []


async def test_arguments_are_checked_before_anything_is_written(mongo_url):
    with pytest.raises(BadParameter):
        await write(mongo_url, students=0)

    assert read_all(mongo_url) == {}


async def test_an_account_that_may_not_write_is_refused(mongo_process):
    fail_commands(mongo_process.url, "createIndexes", errorCode=13)

    with pytest.raises(SourceRefused, match="the writing of a simulation"):
        await write(mongo_process.url + "/x")


async def test_a_server_that_is_not_there_is_unavailable():
    empty = SplitDocuments({"_id": 1}, (), ())
    with pytest.raises(SourceUnavailable):
        async with MongoWriter(
            "mongodb://127.0.0.1:1", database="a", forum_database="b", deadline_seconds=0.2
        ) as writer:
            await writer.write_course(empty)
