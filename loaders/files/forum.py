"""Forum files of data packages: one document of the forum's database a line, without its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa

from courselens.errors import SourceMalformed
from loaders.block_settings import read_bool, read_int
from loaders.datasets import FORUM_POSTS
from loaders.files.open_bytes import open_bytes
from loaders.instants import parse_instant
from loaders.problem import Problem

_KINDS = {"CommentThread", "Comment"}


@dataclass(frozen=True, slots=True)
class ForumFile:
    """The posts of one file: `lines` = rows of `table` + `rejects`."""

    table: pa.Table
    lines: int
    rejects: int
    problems: tuple[Problem, ...]


class _Votes(msgspec.Struct):
    up: Any = None
    down: Any = None
    up_count: Any = None
    down_count: Any = None


class _Post(msgspec.Struct):
    """The fields that are used; bodies, titles and names are never decoded."""

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
    votes: _Votes | None = None
    created_at: Any = None
    updated_at: Any = None


def read_forum(
    path: Path, *, max_problems: int = 100, on_bytes: Callable[[int], None] | None = None
) -> ForumFile:
    """Read the posts of a forum file.

    Args:
        path: JSON documents, one a line, or one array of them; plain or gzip.
        max_problems: rejected lines that are named one by one.
        on_bytes: told how many bytes have been read.

    Returns:
        Rows of the dataset `forum_posts` in file order, and what was left out.

    Raises:
        OSError: the file cannot be read.
        SourceMalformed: the file is an array that is broken.
    """
    decoder = msgspec.json.Decoder(_Post)
    columns: dict[str, list[Any]] = {name: [] for name in FORUM_POSTS.columns}
    problems: list[Problem] = []
    lines = rejects = size = 0
    with open_bytes(path) as file:
        for number, line in enumerate(_documents(path, file), 1):
            size += len(line)
            if on_bytes is not None and number % 4096 == 0:
                on_bytes(size)
            if not line.strip():
                continue
            lines += 1
            try:
                row = _make_row(decoder.decode(line))
            except (msgspec.MsgspecError, ValueError) as error:
                rejects += 1
                if rejects <= max_problems:
                    problems.append(Problem(str(path), number, f"no forum post: {error}"))
                continue
            for name, value in row.items():
                columns[name].append(value)
    if rejects > max_problems:
        reason = f"{rejects - max_problems} more lines were left out"
        problems.append(Problem(str(path), None, reason))
    return ForumFile(pa.table(columns, schema=FORUM_POSTS.schema), lines, rejects, tuple(problems))


def _documents(path: Path, file: BinaryIO) -> Iterator[bytes]:
    first = file.readline()
    while first and not first.strip():
        yield first
        first = file.readline()
    if not first.lstrip().startswith(b"["):
        yield first
        yield from file
        return
    try:
        yield from map(bytes, msgspec.json.decode(first + file.read(), type=list[msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceMalformed(path, f"broken JSON: {error}") from error


def _make_row(post: _Post) -> dict[str, object]:
    if post.type not in _KINDS:
        raise ValueError(f"_type is {post.type!r}, neither CommentThread nor Comment")
    post_id = _read_id(post.id)
    if post_id is None or not post.course_id:
        raise ValueError("without _id or course_id")
    is_thread = post.type == "CommentThread"
    parents = post.parent_ids if isinstance(post.parent_ids, list) else []
    parent_id = _read_id(post.parent_id) or (_read_id(parents[-1]) if parents else None)
    votes = post.votes or _Votes()
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
