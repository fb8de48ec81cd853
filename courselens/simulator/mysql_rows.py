"""Rows of tables that only a running installation has, from the truth about a course."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import orjson
import pyarrow as pa

from courselens.domain import from_us
from courselens.simulator.columns import cohort_id
from courselens.simulator.course import COHORTS, Course
from courselens.simulator.events import Kind
from courselens.simulator.forum import COMMENT, RESPONSE, THREAD, Posts
from courselens.simulator.package import post_id
from courselens.simulator.people import People
from courselens.simulator.roster import MODES, Roster
from courselens.simulator.truth import Truth

Row = dict[str, object]
CONTENT_TYPES = {"commentthread": 71, "comment": 72}
"""Ids that the forum's models happen to have in `django_content_type`."""

_EXTENDED_WEEK = timedelta(weeks=1)
_MADE_BEFORE = timedelta(weeks=26)
_CHANGES = {Kind.ACTIVATED: True, Kind.MODE_CHANGED: True, Kind.DEACTIVATED: False}


def overview(course: Course) -> Row:
    """The course's row of `course_overviews_courseoverview`."""
    # Before anybody signed up: events from before a course was made do not count.
    made = _instant(course.start_us - _MADE_BEFORE // timedelta(microseconds=1))
    return {
        "created": made,
        "modified": made,
        "version": 19,
        "id": course.key,
        "_location": course.block_key(course.blocks[0]),
        "org": course.org,
        "display_name": course.name,
        "display_number_with_default": course.course,
        "display_org_with_default": course.org,
        "start": _instant(course.start_us),
        "end": _instant(course.end_us),
        "lowest_passing_grade": min(cutoff for _, cutoff in course.cutoffs),
        "mobile_available": 0,
        "visible_to_staff_only": 0,
        "invitation_only": 0,
        "self_paced": 0,
        "catalog_visibility": "both",
    }


def published_version(course: Course, version: str) -> Row:
    """The course's row of `split_modulestore_django_splitmodulestorecourseindex`.

    Args:
        course: the course.
        version: id of its published structure in MongoDB.
    """
    at = _instant(course.start_us)
    return {
        "objectid": _digest(course.key)[:24],
        "course_id": course.key,
        "org": course.org,
        "draft_version": version,
        "published_version": version,
        "library_version": "",
        "wiki_slug": course.course,
        "base_store": "mongodb",
        "edited_on": at,
        "last_update": at,
    }


def videos(course: Course) -> tuple[list[Row], list[Row]]:
    """Rows of `edxval_video` and `edxval_coursevideo`; ids are counted within the course."""
    blocks = [block for block in course.blocks if block.type == "video"]
    first = course.number * 10_000 + 1
    known: list[Row] = [
        {
            "id": first + nth,
            "created": _instant(course.start_us),
            "edx_video_id": block.block_id,
            "client_video_id": f"{block.name}.mp4",
            "duration": block.duration_ms / 1000,
            "status": "file_complete",
        }
        for nth, block in enumerate(blocks)
    ]
    used: list[Row] = [
        {"id": row["id"], "course_id": course.key, "is_hidden": 0, "video_id": row["id"]}
        for row in known
    ]
    return known, used


def cohort_members(course: Course, members: pa.Table) -> tuple[list[Row], list[Row]]:
    """Rows of `..._cohortmembership` and `..._courseusergroup_users` from the cohort export."""
    ids = {name: int(cohort_id(course.number, nth)) for nth, name in enumerate(COHORTS)}
    found = [(ids[row["name"]], row["user_id"]) for row in members.to_pylist()]
    return (
        [
            {"course_id": course.key, "course_user_group_id": group, "user_id": user}
            for group, user in found
        ],
        [{"courseusergroup_id": group, "user_id": user} for group, user in found],
    )


def enrollment_changes(truth: Truth, people: People, ids: dict[int, int]) -> list[Row]:
    """Rows of `student_courseenrollment_history`: one per save of an enrolment.

    Args:
        truth: the chunk.
        people: the accounts.
        ids: id of the enrolment by user.
    """
    key = truth.outline.course.key
    kinds = np.isin(truth.events["kind"], list(_CHANGES))
    seen: set[int] = set()
    rows: list[Row] = []
    for event in np.sort(truth.events[kinds], order=["at_us", "who", "kind"]):
        user = int(people.user_id[event["who"]])
        at = _instant(int(event["at_us"]))
        rows.append(
            {
                "id": ids[user],
                "is_active": int(_CHANGES[Kind(event["kind"])]),
                "mode": MODES[event["a"]],
                "history_id": _digest(f"{key}/{user}/{at}/{event['kind']}"),
                "history_date": at,
                "history_type": "~" if user in seen else "+",
                "course_id": key,
                "user_id": user,
            }
        )
        seen.add(user)
    return rows


def saved_states(
    truth: Truth, people: People, ids: dict[tuple[int, str], int]
) -> tuple[list[Row], list[Row]]:
    """Rows of the history of problem states: one per submission.

    Args:
        truth: the chunk.
        people: the accounts.
        ids: id of the state by user and block key.

    Returns:
        Rows of `courseware_studentmodulehistory` (the first week) and of the extended table.
    """
    course = truth.outline.course
    keys = [course.block_key(block) for block in course.blocks]
    until = _instant(course.start_us + _EXTENDED_WEEK // timedelta(microseconds=1))
    rows: list[Row] = []
    for check in truth.rows[truth.rows["kind"] == Kind.CHECK]:
        at = _instant(int(check["at_us"]))
        who = int(people.user_id[truth.roster.who[check["who"]]])
        state = {"attempts": int(check["a"]), "done": True, "seed": 1, "last_submission_time": at}
        rows.append(
            {
                "created": at,
                "state": orjson.dumps(state).decode(),
                "grade": float(check["b"]),
                "max_grade": float(truth.outline.inputs[check["block"]]),
                "student_module_id": ids[who, keys[check["block"]]],
            }
        )
    early = [row for row in rows if str(row["created"]) < until]
    return early, [row for row in rows if str(row["created"]) >= until]


def posts_of(
    course: Course, posts: Posts, roster: Roster, people: People, *, first_id: int, migrated: bool
) -> Iterator[tuple[str, list[Row]]]:
    """Rows of the new forum's tables, by table.

    Args:
        course: the course.
        posts: its posts.
        roster: who wrote them.
        people: the accounts.
        first_id: id of the first post; the others follow.
        migrated: whether the posts came from the old forum, whose ids are then kept.
    """
    ids = {number: first_id + nth for nth, number in enumerate(posts.number.tolist())}
    threads: list[Row] = []
    comments: list[Row] = []
    votes: list[Row] = []
    origins: list[Row] = []
    for nth, number in enumerate(posts.number.tolist()):
        level = int(posts.level[nth])
        kind = CONTENT_TYPES["commentthread" if level == THREAD else "comment"]
        author = int(roster.who[posts.author[nth]])
        written = _instant(int(posts.at_us[nth]) // 1000 * 1000)
        row: Row = {
            "id": ids[number],
            "author_username": people.table_username[author],
            "course_id": course.key,
            "body": "Could someone explain?\n\tI do not see it \\o/ … thank you",
            "visible": 1,
            "endorsed": int(posts.endorsed[nth]),
            "anonymous": int(posts.anonymous[nth]),
            "anonymous_to_peers": 0,
            "created_at": written,
            "updated_at": written,
            "author_id": int(people.user_id[author]),
        }
        if level == THREAD:
            threads.append(row | _thread(course, posts, nth))
        else:
            parent = int(posts.parent[nth]) if level == COMMENT else None
            comments.append(
                row
                | {
                    "endorsement": "{}",
                    "child_count": 0,
                    "depth": int(level != RESPONSE),
                    "comment_thread_id": ids[int(posts.thread[nth])],
                    "parent_id": None if parent is None else ids[parent],
                }
            )
        votes += [
            {
                "content_object_id": ids[number],
                "vote": 1,
                "content_type_id": kind,
                "user_id": int(people.user_id[roster.who[voter]]),
            }
            for voter in posts.votes[nth]
        ]
        origins.append(
            {
                "content_object_id": ids[number],
                "content_type_id": kind,
                "mongo_id": post_id(number, course.number),
            }
        )
    yield "forum_commentthread", threads
    yield "forum_comment", comments
    yield "forum_uservote", votes
    if migrated:
        yield "forum_mongocontent", origins


def _thread(course: Course, posts: Posts, nth: int) -> Row:
    return {
        "title": "About this",
        "thread_type": "question" if posts.is_question[nth] else "discussion",
        "context": "course",
        "closed": 0,
        "commentable_id": course.blocks[int(posts.topic[nth])].block_id,
    }


def _instant(at_us: int) -> str:
    return from_us(at_us).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
