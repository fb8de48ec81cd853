"""The forum of newer releases, which is in MySQL: posts without their text."""

from __future__ import annotations

from loaders import datasets
from loaders.mysql.reads import Changes, Joined, Path, Read
from loaders.tables.queries import TableQuery
from loaders.tables.specs import TableSpec

_SHARED = {
    "id": "int",
    "course_id": "text",
    "author_id": "int",
    "anonymous": "bool",
    "anonymous_to_peers": "bool",
    "endorsed": "bool",
    "created_at": "instant",
    "updated_at": "instant",
    "votes_up": "int",
    "votes_down": "int",
}
_THREAD = TableSpec(
    "forum_commentthread",
    {**_SHARED, "thread_type": "text", "commentable_id": "text"},
    ("id", "course_id"),
    (),
)
_COMMENT = TableSpec(
    "forum_comment",
    {**_SHARED, "comment_thread_id": "int", "parent_id": "int"},
    ("id", "course_id"),
    (),
)

# Both kinds of anonymity hide the name from fellow students. Threads and comments are numbered
# apart, so an id says which it is.
_SQL = """SELECT p.course_id AS course_key, {post_id} AS post_id, {kind} AS kind,
    {thread_id} AS thread_id, {parent_id} AS parent_id, {thread_type} AS thread_type,
    {commentable_id} AS commentable_id, p.author_id AS user_id,
    p.anonymous OR p.anonymous_to_peers AS anonymous, p.endorsed, p.votes_up, p.votes_down,
    p.created_at AS created_us, p.updated_at AS updated_us, p.seq
    FROM {table} AS p"""


def _read(name: str, spec: TableSpec, model: str, sql: str) -> Read:
    votes = (
        "(SELECT COUNT(*) FROM forum_uservote AS v WHERE v.content_type_id ="
        " (SELECT t.id FROM django_content_type AS t"
        f" WHERE t.app_label = 'forum' AND t.model = '{model}')"
        " AND v.content_object_id = p.id AND v.vote = {vote})"
    )
    return Read(
        name,
        TableQuery(datasets.FORUM_POSTS, ((spec.name,),), sql),
        (
            Joined(
                spec,
                "p",
                computed={"votes_up": votes.format(vote=1), "votes_down": votes.format(vote=-1)},
                looks_into=("forum_uservote", "django_content_type"),
            ),
        ),
        by_course=(
            Path(
                "p.course_id = %(course_key)s",
                ("p.anonymous", "p.anonymous_to_peers", "p.id"),
                ("course_id", "anonymous", "anonymous_to_peers"),
            ),
        ),
        by_users=(
            Path(
                "p.author_id IN %(user_ids)s AND p.course_id = %(course_key)s",
                ("p.id",),
                ("author_id", "course_id"),
            ),
        ),
        changes=Changes(Path("", ("p.id",), ("id",))),
    )


THREADS = _read(
    "forum_threads",
    _THREAD,
    "commentthread",
    _SQL.format(
        table=_THREAD.name,
        post_id="'thread/' || p.id",
        kind="'thread'",
        thread_id="'thread/' || p.id",
        parent_id="NULL",
        thread_type="p.thread_type",
        commentable_id="p.commentable_id",
    ),
)
COMMENTS = _read(
    "forum_comments",
    _COMMENT,
    "comment",
    _SQL.format(
        table=_COMMENT.name,
        post_id="'comment/' || p.id",
        kind="CASE WHEN p.parent_id IS NULL THEN 'response' ELSE 'comment' END",
        thread_id="'thread/' || p.comment_thread_id",
        parent_id="'comment/' || p.parent_id",
        thread_type="NULL",
        commentable_id="NULL",
    ),
)

# Which old posts the new ones were. No index leads from a post to its old id, so the table is
# copied in its own order and not asked by course.
_ORIGIN = TableSpec(
    "forum_mongocontent",
    {"content_object_id": "int", "mongo_id": "text", "model": "text"},
    ("content_object_id", "mongo_id", "model"),
    (),
)
_MODEL = (
    "(SELECT t.model FROM django_content_type AS t"
    " WHERE t.id = o.content_type_id AND t.app_label = 'forum')"
)

ORIGINS = Read(
    "forum_origins",
    TableQuery(
        datasets.FORUM_ORIGINS,
        ((_ORIGIN.name,),),
        """SELECT CASE model WHEN 'comment' THEN 'comment/' ELSE 'thread/' END
            || content_object_id AS post_id, mongo_id, seq
        FROM forum_mongocontent WHERE model IN ('comment', 'commentthread')""",
    ),
    (Joined(_ORIGIN, "o", computed={"model": _MODEL}, looks_into=("django_content_type",)),),
    changes=Changes(Path("", ("o.id",), ("id",))),
)

READS = (THREADS, COMMENTS, ORIGINS)
