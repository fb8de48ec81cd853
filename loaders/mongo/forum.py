"""The forum's document store: which posts to ask for, and how far one has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
from bson import ObjectId

from courselens.domain import EPOCH, from_us
from courselens.errors import BadCursor
from loaders.datasets import FORUM_POSTS
from loaders.forum_rows import POST_TYPES, ForumPost, make_post_row
from loaders.instants import parse_instant
from loaders.mongo.client import Document
from loaders.problem import Problem

COLLECTION = "contents"
PAGE = 2000
PROJECTION = dict.fromkeys(ForumPost.__struct_encode_fields__, 1)
"""The fields that are used: no bodies, titles or names leave the server."""


@dataclass(frozen=True, slots=True)
class LoadedPosts:
    """Posts in the order of their ids or of their change, and those that were left out.

    `cursor` is a plain JSON value: what to begin after the next time, None where nothing was seen.
    """

    posts: pa.Table
    problems: tuple[Problem, ...]
    cursor: dict[str, Any] | None = None


class Position(msgspec.Struct, forbid_unknown_fields=True):
    """The last change that was seen."""

    updated_us: int
    id: str

    @classmethod
    def of(cls, document: Document) -> Position:
        """Position of a document that has a date of change."""
        return cls(parse_instant(document["updated_at"]) or 0, str(document["_id"]))

    @classmethod
    def read(cls, cursor: Mapping[str, Any]) -> Position:
        """The position of a cursor.

        Raises:
            BadCursor: it was not made here.
        """
        try:
            return msgspec.convert(cursor, cls)
        except msgspec.ValidationError as error:
            raise BadCursor(f"is not one of forum posts ({error})") from error


def posts_of(course_key: str, after_id: Any = None) -> dict[str, Any]:
    """Filter for a page of a course in the order of `_id`."""
    # Both fields first: the indexes of the collection begin with them.
    filter: dict[str, Any] = {"_type": {"$in": list(POST_TYPES)}, "course_id": course_key}
    return filter if after_id is None else {**filter, "_id": {"$gt": after_id}}


def changes_of(course_key: str, after: Position | None, until_us: int | None) -> dict[str, Any]:
    """Filter for a page of a course's changes in the order of (`updated_at`, `_id`)."""
    since = _stored(after.updated_us) if after is not None else EPOCH.replace(tzinfo=None)
    span: dict[str, Any] = {"$gte": since}
    if until_us is not None:
        span["$lte"] = _stored(until_us)
    filter = {**posts_of(course_key), "updated_at": span}
    if after is None:
        return filter
    last_id = ObjectId(after.id) if ObjectId.is_valid(after.id) else after.id
    later = [{"updated_at": {"$gt": since}}, {"_id": {"$gt": last_id}}]
    return {**filter, "$or": later}


def make_posts(documents: Iterable[Document], path: str) -> LoadedPosts:
    """Make the rows of documents that `PROJECTION` has cut."""
    rows: list[dict[str, object]] = []
    problems: list[Problem] = []
    for document in documents:
        try:
            rows.append(make_post_row(msgspec.convert(document, ForumPost)))
        except (msgspec.ValidationError, ValueError) as error:
            reason = f"no forum post: {document.get('_id')}: {error}"
            problems.append(Problem(path, None, reason))
    return LoadedPosts(pa.Table.from_pylist(rows, schema=FORUM_POSTS.schema), tuple(problems))


def _stored(at_us: int) -> datetime:
    return from_us(at_us).replace(tzinfo=None)
