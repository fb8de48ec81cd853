"""Simulated courses and their forums, written into MongoDB as a site keeps them there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

from bson import json_util

from courselens.errors import SourceError
from courselens.simulator.course import Course, build_course
from courselens.simulator.forum import Posts
from courselens.simulator.olx import course_structure, grading_policy
from courselens.simulator.options import ORG, Options
from courselens.simulator.outline import outline_course
from courselens.simulator.package import forum_lines
from courselens.simulator.people import People, make_people
from courselens.simulator.roster import CHUNK, Roster, members
from courselens.simulator.run import Progress
from courselens.simulator.split_store import Document, SplitDocuments, split_documents
from courselens.simulator.truth import imagine
from loaders.mongo import split
from loaders.mongo.client import BATCH, Driver, connect, disconnect, translate_errors
from loaders.mongo.forum import COLLECTION as CONTENTS
from loaders.tree import RawBlock, RawCourse

_TYPED_JSON = json_util.JSONOptions(tz_aware=False, tzinfo=None)


def course_documents(course: Course) -> SplitDocuments:
    """Documents of a simulated course."""
    entries = course_structure(course)
    blocks = {}
    for block in course.blocks:
        key = course.block_key(block)
        entry = entries[key]
        blocks[key] = RawBlock(key, block.type, entry["metadata"], tuple(entry["children"]))
    return split_documents(
        RawCourse(
            course_key=course.key,
            path="simulated",
            blocks=blocks,
            root_key=course.block_key(course.blocks[0]),
            grading_policy=grading_policy(course),
        )
    )


def video_durations(course: Course) -> dict[str, float]:
    """Seconds that the videos of a course last, by `edx_video_id`, as `edxval_video` has them."""
    return {
        block.block_id: block.duration_ms / 1000 for block in course.blocks if block.type == "video"
    }


def forum_documents(course: Course, posts: Posts, roster: Roster, people: People) -> list[Document]:
    """Documents of the posts of a chunk of learners."""
    lines = forum_lines(course, posts, roster, people)
    return [json_util.loads(line, json_options=_TYPED_JSON) for line in lines]


async def write_into_mongo(
    url: str,
    *,
    students: int = 500,
    weeks: int = 8,
    courses: int = 1,
    seed: int = 1,
    start: date = date(2025, 2, 3),
    database: str,
    forum_database: str,
    forum: bool = True,
    driver: Driver = Driver.MOTOR,
    progress: Progress | None = None,
) -> list[str]:
    """Write the courses, and the forums, of the facts that `simulate` writes into files.

    They take the place of those of an earlier simulation; nothing else is touched.

    Args:
        url: a server that may be written to.
        students: enrolments per course, beside the course team.
        weeks: length of the courses.
        courses: how many courses.
        seed: of all random numbers.
        start: first day of the courses, UTC.
        database: of the modulestore.
        forum_database: of the forum.
        forum: whether the forum is in MongoDB, as on older sites.
        driver: which driver writes.
        progress: called as `(step, done, total)`.

    Returns:
        The course keys.

    Raises:
        BadParameter: an argument is out of its range.
        SourceRefused: the server refuses to write, or the URL cannot be used.
        SourceUnavailable: the server does not answer.
    """
    options = Options(students=students, weeks=weeks, courses=courses, seed=seed, start=start)
    people = make_people(options)
    built = [build_course(options, nth) for nth in range(options.courses)]
    tell = progress or (lambda _step, _done, _total: None)
    async with MongoWriter(
        url, database=database, forum_database=forum_database, driver=driver
    ) as writer:
        await writer.remove_simulated()
        first_block = 0
        for course in built:
            await writer.write_course(course_documents(course))
            chunks = -(-len(members(options, people, course.number)) // CHUNK) if forum else 0
            for nth in range(chunks):
                tell(course.key, nth, chunks)
                truth = await asyncio.to_thread(
                    imagine, options, people, outline_course(course), nth, first_block
                )
                await writer.write_posts(forum_documents(course, truth.posts, truth.roster, people))
            tell(course.key, 1, 1)
            first_block += len(course.blocks)
    return [course.key for course in built]


class MongoWriter:
    """Writes documents in place of those with the same ids; made inside the event loop."""

    def __init__(
        self,
        url: str,
        *,
        database: str,
        forum_database: str,
        driver: Driver = Driver.MOTOR,
        deadline_seconds: float = 60.0,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._client = connect(url, driver=driver, deadline_seconds=deadline_seconds)
        self._store = self._client[database]
        self._contents = self._client[forum_database][CONTENTS]

    async def __aenter__(self) -> MongoWriter:
        try:
            with self._translating():
                await self._store[split.ACTIVE_VERSIONS].create_index(
                    [("org", 1), ("course", 1), ("run", 1)], unique=True
                )
                await self._contents.create_index(
                    [("_type", 1), ("course_id", 1), ("pinned", 1), ("created_at", 1)]
                )
        except SourceError:
            await disconnect(self._client)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await disconnect(self._client)

    async def remove_simulated(self) -> None:
        """Remove the simulated courses and their posts; structures that none points to stay."""
        posts = {"course_id": {"$regex": f"^course-v1:{ORG}[+]"}}
        with self._translating():
            await self._store[split.ACTIVE_VERSIONS].delete_many({"org": ORG})
            await self._contents.delete_many(posts)

    async def write_course(self, course: SplitDocuments) -> None:
        """Write a course; its entry last, so that it never points to what is not there yet."""
        await self._replace(self._store[split.STRUCTURES], course.structures)
        await self._replace(self._store[split.DEFINITIONS], course.definitions)
        await self._replace(self._store[split.ACTIVE_VERSIONS], [course.active_version])

    async def write_posts(self, posts: Iterable[Document]) -> None:
        """Write posts of forums."""
        await self._replace(self._contents, posts)

    async def _replace(self, collection: Any, documents: Iterable[Document]) -> None:
        waiting = list(documents)
        for first in range(0, len(waiting), BATCH):
            batch = waiting[first : first + BATCH]
            with self._translating():
                await collection.delete_many({"_id": {"$in": [each["_id"] for each in batch]}})
                await collection.insert_many(batch)

    def _translating(self) -> AbstractContextManager[None]:
        return translate_errors("the writing of a simulation", self._deadline_seconds)
