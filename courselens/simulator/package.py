"""Files of a research data package: tables as tab-separated text, the forum as JSON lines."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from courselens.domain import from_us
from courselens.simulator.columns import TEXT
from courselens.simulator.course import Course
from courselens.simulator.forum import COMMENT, RESPONSE, THREAD, Posts
from courselens.simulator.people import People
from courselens.simulator.records import Tables
from courselens.simulator.roster import Roster

_REFERS = {"grade_id": "grades_persistentsubsectiongrade"}
_FIXED_IDS = ("auth_user", "auth_userprofile", "user_id_map", "student_courseaccessrole")
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


class PackageWriter:
    """Appends the tables of a course's chunks, in the order in which they are given.

    `numbered` counts the rows of each table over all courses: they come from one database.
    """

    def __init__(self, folder: Path, course: Course, numbered: Counter[str]) -> None:
        self._folder = folder
        self._course = course
        self._numbered = numbered
        self._begun: set[str] = set()

    def add(self, tables: Tables) -> None:
        """Append rows to the file of each table; ids go on from the chunk before."""
        before = Counter(self._numbered)
        for name, table in tables.items():
            if name not in _FIXED_IDS:
                table = _shift(table, "id", 1 + before[name])
            for column, target in _REFERS.items():
                table = _shift(table, column, 1 + before[target])
            self._write(name, table)

    def add_posts(self, posts: Posts, roster: Roster, people: People) -> None:
        """Append the posts of a chunk to the forum's file."""
        path = self._folder / f"{self._course.file_stem}-prod.mongo"
        with path.open("ab") as file:
            file.writelines(forum_lines(self._course, posts, roster, people))

    def add_course(self, tables: Tables) -> None:
        """Write tables that come whole and with their ids."""
        for name, table in tables.items():
            self._write(name, table)

    def _write(self, name: str, table: pa.Table) -> None:
        path = self._folder / f"{self._course.file_stem}-{name}-prod-analytics.sql"
        with path.open("ab") as file:
            if name not in self._begun:
                file.write(("\t".join(table.column_names) + "\n").encode())
            file.write(tab_separated(table))
        self._begun.add(name)
        self._numbered[name] += len(table)


def tab_separated(table: pa.Table) -> bytes | memoryview:
    """Rows as a data package writes them: escapes, NULL, whole seconds, no header."""
    if not len(table):
        return b""
    columns = []
    for column in table.columns:
        values = column.combine_chunks().cast(TEXT)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            for raw, escaped in _ESCAPES:
                values = pc.replace_substring(values, raw, escaped)
        columns.append(values.fill_null("NULL"))
    ends = pa.scalar("\n", TEXT)
    lines = pc.binary_join_element_wise(*columns, pa.scalar("\t", TEXT))
    lines = pc.binary_join_element_wise(lines, ends, pa.scalar("", TEXT))
    if isinstance(lines, pa.ChunkedArray):
        lines = lines.combine_chunks()
    return memoryview(lines.buffers()[2])


def _shift(table: pa.Table, column: str, by: int) -> pa.Table:
    if column not in table.column_names:
        return table
    values = table[column].to_numpy() + np.int64(by)
    return table.set_column(table.column_names.index(column), column, pa.array(values))


def forum_lines(course: Course, posts: Posts, roster: Roster, people: People) -> list[bytes]:
    """Documents of the forum's store as extended JSON, one a line."""
    first = posts.number[:1].sum()  # 0 if there are none
    answers = np.bincount(posts.thread - first)
    name = partial(post_id, course_number=course.number)
    found = []
    for nth, number in enumerate(posts.number.tolist()):
        level = int(posts.level[nth])
        author = int(roster.who[posts.author[nth]])
        written = _date(int(posts.at_us[nth]))
        up = [str(people.user_id[roster.who[who]]) for who in posts.votes[nth]]
        document: dict[str, Any] = {
            "_id": {"$oid": name(number)},
            "_type": "CommentThread" if level == THREAD else "Comment",
            "abuse_flaggers": [],
            "anonymous": bool(posts.anonymous[nth]),
            "anonymous_to_peers": False,
            "at_position_list": [],
            "author_id": str(people.user_id[author]),
            "author_username": people.table_username[author],
            "body": "Could someone explain?\n\tI do not see it \\o/ … thank you",
            "course_id": course.key,
            "created_at": written,
            "historical_abuse_flaggers": [],
            "updated_at": written,
            "visible": True,
            "votes": {
                "count": len(up), "down": [], "down_count": 0, "point": len(up), "up": up,
                "up_count": len(up),
            },
        }  # fmt: skip
        if level == THREAD:
            topic = course.blocks[int(posts.topic[nth])]
            document |= {
                "closed": False,
                "comment_count": int(answers[nth]) - 1,
                "commentable_id": topic.block_id,
                "context": "course",
                "last_activity_at": written,
                "thread_type": "question" if posts.is_question[nth] else "discussion",
                "title": "About this",
            }
        else:
            thread, parent = int(posts.thread[nth]), int(posts.parent[nth])
            over = [] if level == RESPONSE else [{"$oid": name(parent)}]
            line = [name(parent), name(number)] if level == COMMENT else [name(number)]
            document |= {
                "comment_thread_id": {"$oid": name(thread)},
                "endorsed": bool(posts.endorsed[nth]),
                "parent_ids": over,
                "sk": "-".join(line),
            }
            if over:
                document["parent_id"] = over[0]
        found.append(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
    return found


def post_id(number: int, course_number: int) -> str:
    """Forum id of a post: one store holds the posts of all courses."""
    return f"65b0c0de{course_number:08x}{number:08x}"


def _date(at_us: int) -> dict[str, str]:
    at = from_us(at_us).astimezone(UTC)
    return {"$date": datetime.isoformat(at.replace(tzinfo=None), timespec="milliseconds") + "Z"}
