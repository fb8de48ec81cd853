"""Posts of the forum's document store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId, json_util

from courselens.errors import BadCursor
from loaders.datasets import FORUM_POSTS
from loaders.files.forum import read_forum
from loaders.mongo import forum

KEY = "course-v1:O+C+R"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def post(number, *, updated_seconds=0, **changes):
    at = EPOCH + timedelta(seconds=updated_seconds or number)
    return {
        "_id": ObjectId(f"{number:024x}"),
        "_type": "CommentThread",
        "course_id": KEY,
        "author_id": str(number),
        "author_username": "someone",
        "title": "secret title",
        "body": "secret words",
        "thread_type": "question",
        "commentable_id": "topic",
        "anonymous": False,
        "anonymous_to_peers": False,
        "votes": {"up": ["1", "2"], "down": [], "up_count": 2, "down_count": 0},
        "created_at": at,
        "updated_at": at,
        **changes,
    }


def comment(number, thread, *parents, **changes):
    return post(
        number,
        _type="Comment",
        comment_thread_id=ObjectId(f"{thread:024x}"),
        parent_ids=[ObjectId(f"{parent:024x}") for parent in parents],
        endorsed=True,
        **changes,
    )


def numbers(table):
    return [int(post_id, 16) for post_id in table["post_id"].to_pylist()]


async def test_threads_responses_and_comments_are_read_without_their_text(open_source, database):
    database["contents"].insert_many(
        [
            post(1),
            comment(2, 1),
            comment(3, 1, 2, anonymous_to_peers=True),
            post(4, course_id="course-v1:O+C+other"),
            {**post(5), "_type": "Something"},
        ]
    )

    async with open_source() as source:
        posts = await source.forum_posts(KEY)

    assert posts.schema == FORUM_POSTS.schema
    assert posts["kind"].to_pylist() == ["thread", "response", "comment"]
    assert posts["thread_id"].unique().to_pylist() == [f"{1:024x}"]
    assert posts["parent_id"].to_pylist() == [None, None, f"{2:024x}"]
    assert posts["anonymous"].to_pylist() == [False, False, True]
    assert posts["endorsed"].to_pylist() == [None, True, True]
    assert posts["votes_up"].to_pylist() == [2, 2, 2]
    assert posts["created_us"].to_pylist() == [1_000_000, 2_000_000, 3_000_000]
    assert {"body", "title", "author_username"}.isdisjoint(forum.PROJECTION)


async def test_the_rows_are_those_of_the_same_documents_in_a_file(open_source, database, tmp_path):
    documents = [post(1), comment(2, 1), comment(3, 1, 2), post(4, votes={"up": ["9"]})]
    database["contents"].insert_many(documents)
    path = tmp_path / "forum.mongo"
    lines = [json.dumps(each, default=json_util.default) for each in documents]
    path.write_text("\n".join(lines))

    async with open_source() as source:
        posts = await source.forum_posts(KEY)

    assert posts == read_forum(path).table


async def test_a_post_that_cannot_be_read_is_a_problem(open_source, database):
    database["contents"].insert_many([post(1), post(2, created_at="yesterday"), post(3, votes=4)])

    async with open_source() as source:
        loaded = await source.load_forum(KEY)

    assert numbers(loaded.posts) == [1]
    assert [problem.reason[:40] for problem in loaded.problems] == [
        f"no forum post: {2:024x}:",
        f"no forum post: {3:024x}:",
    ]


async def test_every_page_is_read_once(open_source, database, monkeypatch):
    monkeypatch.setattr(forum, "PAGE", 3)
    database["contents"].insert_many([post(number) for number in range(1, 8)])

    async with open_source() as source:
        posts = await source.forum_posts(KEY)
        changes = await source.forum_changes_since(KEY, None)

    assert numbers(posts) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(changes.posts) == [1, 2, 3, 4, 5, 6, 7]


async def test_the_changes_since_a_cursor_are_the_later_ones(open_source, database):
    database["contents"].insert_many(
        [post(1, updated_seconds=50), post(2, updated_seconds=40), post(3, updated_seconds=40)]
    )

    async with open_source() as source:
        first = await source.forum_changes_since(KEY, None)
        nothing = await source.forum_changes_since(KEY, first.cursor)
        # One in the same millisecond as the last, one edited, one written.
        database["contents"].insert_one(post(9, updated_seconds=50))
        database["contents"].update_one(
            {"_id": ObjectId(f"{2:024x}")},
            {"$set": {"updated_at": EPOCH + timedelta(seconds=60)}},
        )
        database["contents"].insert_one(post(4, updated_seconds=55))
        later = await source.forum_changes_since(KEY, json.loads(json.dumps(first.cursor)))

    assert numbers(first.posts) == [2, 3, 1]
    assert first.cursor == {"updated_us": 50_000_000, "id": f"{1:024x}"}
    assert numbers(nothing.posts) == []
    assert nothing.cursor == first.cursor
    assert numbers(later.posts) == [9, 4, 2]
    assert later.cursor == {"updated_us": 60_000_000, "id": f"{2:024x}"}


async def test_changes_after_the_limit_are_left_for_the_next_time(open_source, database):
    database["contents"].insert_many([post(1), post(2), post(3)])

    async with open_source() as source:
        first = await source.forum_changes_since(KEY, None, until_us=2_000_000)
        second = await source.forum_changes_since(KEY, first.cursor)

    assert numbers(first.posts) == [1, 2]
    assert numbers(second.posts) == [3]


async def test_a_forum_without_posts_has_no_cursor(open_source):
    async with open_source() as source:
        changes = await source.forum_changes_since(KEY, None)

    assert changes.posts == FORUM_POSTS.empty()
    assert changes.cursor is None


@pytest.mark.parametrize("cursor", [{}, {"updated_us": "1", "id": "a"}, {"id": "a"}])
async def test_a_cursor_of_something_else_is_refused(open_source, cursor):
    async with open_source() as source:
        with pytest.raises(BadCursor):
            await source.forum_changes_since(KEY, cursor)
