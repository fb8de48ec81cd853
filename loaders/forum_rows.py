"""Posts of the forum's document store to rows of the dataset `forum_posts`."""

from __future__ import annotations

from typing import Any

import msgspec

from loaders.block_settings import read_bool, read_int
from loaders.instants import parse_instant

POST_TYPES = ("CommentThread", "Comment")


class Votes(msgspec.Struct):
    """Votes of a post; the lists name the voters."""

    up: Any = None
    down: Any = None
    up_count: Any = None
    down_count: Any = None


class ForumPost(msgspec.Struct):
    """The fields of a post that are used; bodies, titles and names are never decoded."""

    id: Any = msgspec.field(default=None, name="_id")
    type: str | None = msgspec.field(default=None, name="_type")
    course_id: str | None = None
    author_id: Any = None
    thread_type: str | None = None
    commentable_id: str | None = None
    comment_thread_id: Any = None
    parent_id: Any = None
    parent_ids: Any = None
    anonymous: Any = None
    anonymous_to_peers: Any = None
    endorsed: Any = None
    votes: Votes | None = None
    created_at: Any = None
    updated_at: Any = None


def make_post_row(post: ForumPost) -> dict[str, object]:
    """Make the row of a post.

    Raises:
        ValueError: neither thread nor comment, without id or course, or with a date that is none.
    """
    if post.type not in POST_TYPES:
        raise ValueError(f"_type is {post.type!r}, neither CommentThread nor Comment")
    post_id = _read_id(post.id)
    if post_id is None or not post.course_id:
        raise ValueError("without _id or course_id")
    is_thread = post.type == "CommentThread"
    parents = post.parent_ids if isinstance(post.parent_ids, list) else []
    parent_id = _read_id(post.parent_id) or (_read_id(parents[-1]) if parents else None)
    votes = post.votes or Votes()
    # Both kinds of anonymity hide the name from fellow students.
    flags = [read_bool(post.anonymous), read_bool(post.anonymous_to_peers)]
    return {
        "course_key": post.course_id,
        "post_id": post_id,
        "kind": "thread" if is_thread else "comment" if parent_id else "response",
        "thread_id": post_id if is_thread else _read_id(post.comment_thread_id),
        "parent_id": None if is_thread else parent_id,
        "thread_type": post.thread_type,
        "commentable_id": post.commentable_id,
        "user_id": read_int(post.author_id),
        "anonymous": any(flags) if flags != [None, None] else None,
        "endorsed": read_bool(post.endorsed),
        "votes_up": _count_votes(votes.up_count, votes.up),
        "votes_down": _count_votes(votes.down_count, votes.down),
        "created_us": parse_instant(post.created_at),
        "updated_us": parse_instant(post.updated_at),
    }


def _read_id(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("$oid")
    return str(value) if value not in (None, "") else None


def _count_votes(count: Any, voters: Any) -> int | None:
    if count is None and isinstance(voters, list):
        return len(voters)
    return read_int(count)
