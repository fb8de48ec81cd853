from __future__ import annotations

import json

import pytest

from courselens.errors import SourceMalformed
from loaders.datasets import FORUM_POSTS
from loaders.files.forum import read_forum

COMMON = {
    "course_id": "O/C/R",
    "author_id": "7",
    "author_username": "someone",
    "body": "secret words",
    "created_at": {"$date": "1970-01-01T00:00:01Z"},
    "updated_at": {"$date": 2_000},
    "anonymous": False,
    "anonymous_to_peers": False,
    "votes": {"up": ["1", "2"], "down": [], "up_count": 2, "down_count": 0},
}
THREAD = {
    **COMMON,
    "_id": {"$oid": "t1"},
    "_type": "CommentThread",
    "thread_type": "question",
    "commentable_id": "topic",
    "title": "secret title",
}
RESPONSE = {
    **COMMON,
    "_id": {"$oid": "r1"},
    "_type": "Comment",
    "comment_thread_id": {"$oid": "t1"},
    "parent_ids": [],
    "endorsed": True,
    "anonymous_to_peers": True,
}
COMMENT = {
    **RESPONSE,
    "_id": {"$oid": "c1"},
    "parent_id": {"$oid": "r1"},
    "parent_ids": [{"$oid": "r1"}],
    "endorsed": False,
    "anonymous_to_peers": False,
}


@pytest.fixture
def read(tmp_path):
    def read_text(text, **options):
        path = tmp_path / "forum.mongo"
        path.write_text(text)
        return read_forum(path, **options)

    return read_text


def as_lines(*posts):
    return "\n".join(json.dumps(post) for post in posts)


def test_threads_responses_and_comments_are_told_apart(read):
    forum = read(as_lines(THREAD, RESPONSE, COMMENT))

    assert forum.table.schema == FORUM_POSTS.schema
    thread, response, comment = forum.table.to_pylist()
    assert thread == {
        "course_key": "O/C/R",
        "post_id": "t1",
        "kind": "thread",
        "thread_id": "t1",
        "parent_id": None,
        "thread_type": "question",
        "commentable_id": "topic",
        "user_id": 7,
        "anonymous": False,
        "endorsed": None,
        "votes_up": 2,
        "votes_down": 0,
        "created_us": 1_000_000,
        "updated_us": 2_000_000,
    }
    assert (response["kind"], response["thread_id"], response["parent_id"]) == (
        "response", "t1", None,
    )  # fmt: skip
    assert (response["anonymous"], response["endorsed"]) == (True, True)
    assert (comment["kind"], comment["parent_id"]) == ("comment", "r1")


def test_no_text_and_no_name_is_kept(read):
    forum = read(as_lines(THREAD, RESPONSE))

    assert "secret" not in str(forum.table.to_pylist())
    assert "someone" not in str(forum.table.to_pylist())


def test_votes_are_counted_where_the_count_is_missing(read):
    counted = {**THREAD, "votes": {"up": ["1"], "down": None}}
    unknown = {**THREAD, "_id": "x", "votes": None}
    forum = read(as_lines(counted, unknown))

    assert forum.table["votes_up"].to_pylist() == [1, None]
    assert forum.table["votes_down"].to_pylist() == [None, None]


def test_rows_and_rejects_are_all_the_lines(read):
    forum = read(
        as_lines(THREAD, {"_type": "User", "_id": "u"}, {**THREAD, "course_id": None})
        + "\n\n{broken\n"
        + as_lines(RESPONSE)
    )

    assert (forum.lines, forum.rejects, forum.table.num_rows) == (5, 3, 2)
    assert [problem.line for problem in forum.problems] == [2, 3, 5]


def test_only_the_first_rejects_are_named(read):
    forum = read("{}\n" * 5, max_problems=2)

    assert forum.rejects == 5
    assert [problem.reason for problem in forum.problems][2:] == ["3 more lines were left out"]


def test_an_array_of_posts_is_read_too(read):
    forum = read(json.dumps([THREAD, RESPONSE], indent=1))

    assert forum.table["post_id"].to_pylist() == ["t1", "r1"]


def test_a_broken_array_is_malformed(read):
    with pytest.raises(SourceMalformed, match="broken JSON"):
        read("[{},\n")


def test_an_empty_file_has_no_posts(read):
    assert read("").table.num_rows == 0
