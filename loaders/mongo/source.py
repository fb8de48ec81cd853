"""The MongoDB of an Open edX site as a source of courses and forum posts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pyarrow as pa
from bson import ObjectId
from bson.errors import InvalidId
from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import CourseKey

from courselens.errors import SourceMalformed, SourceRefused
from loaders.circuit import Circuit
from loaders.mongo import draft, forum, split
from loaders.mongo.cache import StructureCache
from loaders.mongo.capabilities import Holding, MongoCapabilities, describe
from loaders.mongo.client import BATCH, SOURCE, Document, Driver, MongoReader, decode
from loaders.mongo.course import LoadedCourse, build_course, no_course
from loaders.mongo.forum import LoadedPosts, Position

DEFAULT_DATABASE = "openedx"
DEFAULT_FORUM_DATABASE = "cs_comments_service"


class MongoSource:
    """Reads courses and posts; made inside the event loop that uses it.

    Every method raises `SourceUnavailable` where MongoDB does not answer within the deadline of a
    call, `SourceRefused` where it will not answer, and `SourceMalformed` where what it holds
    cannot be.
    """

    def __init__(
        self,
        url: str,
        *,
        database: str | None = None,
        forum_database: str = DEFAULT_FORUM_DATABASE,
        driver: Driver = Driver.MOTOR,
        deadline_seconds: float = 5.0,
        connections: int = 4,
        cache: StructureCache | None = None,
        circuit: Circuit | None = None,
    ) -> None:
        """Take what is needed to connect, which happens at the first question.

        Args:
            url: of the server; `readPreference=secondaryPreferred` in it spares the primary.
            database: of the modulestore; else the one in the URL, else `openedx`.
            forum_database: of the forum.
            driver: which driver reads.
            deadline_seconds: for each call to the server.
            connections: at most so many are open at a time.
            cache: outlives the source if it is given.
            circuit: refuses calls after failures in a row; one of its own if it is not given.
        """
        self._database = database or unquote(urlsplit(url).path.strip("/")) or DEFAULT_DATABASE
        self._forum_database = forum_database
        self._cache = cache if cache is not None else StructureCache()
        self._reader = MongoReader(
            url,
            driver=driver,
            deadline_seconds=deadline_seconds,
            connections=connections,
            circuit=circuit,
        )

    async def __aenter__(self) -> MongoSource:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._reader.close()

    async def probe(self) -> MongoCapabilities:
        """Find out which of the collections that are read are there."""
        found = await asyncio.gather(
            self._look_into(self._database), self._look_into(self._forum_database)
        )
        return describe(*found)

    async def course_keys(self) -> list[str]:
        """Keys of the published runs of both stores, sorted."""
        return sorted(await self.published_versions())

    async def published_versions(self) -> dict[str, str]:
        """Id of the published structure by course key; empty for the runs of the old store."""
        runs = await self._reader.find(
            self._database,
            split.ACTIVE_VERSIONS,
            {f"versions.{split.PUBLISHED}": {"$exists": True}},
            projection={"org": 1, "course": 1, "run": 1, f"versions.{split.PUBLISHED}": 1},
            # As in `published_version`: of several entries of a run the last one counts.
            sort=[("last_update", 1), ("_id", 1)],
        )
        roots = await self._reader.find(
            self._database, draft.COLLECTION, draft.COURSES, projection={"_id": 1}
        )
        found = {draft.course_key_of(root): "" for root in roots}
        for run in runs:
            if {"org", "course", "run"} <= run.keys():
                key = "course-v1:{org}+{course}+{run}".format_map(run)
                found[key] = str(run["versions"][split.PUBLISHED])
        return found

    async def published_version(self, course_key: str) -> str | None:
        """Id of the published structure of a run, None where there is none.

        Newer sites keep the same in MySQL, `split_modulestore_django_splitmodulestorecourseindex`.
        """
        key = _parse(course_key)
        if key is None or key.deprecated:
            return None
        active = await self._reader.find_one(
            self._database,
            split.ACTIVE_VERSIONS,
            {"org": key.org, "course": key.course, "run": key.run},
            projection={"versions": 1},
            # The index is unique only where an administrator made it so.
            sort=[("last_update", -1), ("_id", -1)],
        )
        versions = (active or {}).get("versions")
        found = versions.get(split.PUBLISHED) if isinstance(versions, dict) else None
        return str(found) if found else None

    async def course_tables(
        self, course_key: str, *, published_version: str | None = None
    ) -> dict[str, pa.Table]:
        """The tables `courses`, `blocks`, `block_access`, `grading_policy` of `load_course`."""
        return (await self.load_course(course_key, published_version=published_version)).tables

    async def load_course(
        self, course_key: str, *, published_version: str | None = None
    ) -> LoadedCourse:
        """Load the published structure of a run.

        A run that is unknown or was never published has tables without rows.

        Args:
            course_key: a new key is looked up in the split modulestore, an old one in the old.
            published_version: id of the structure as the site's MySQL has it, empty where it has
                none; None asks `active_versions`.
        """
        key = _parse(course_key)
        if key is None:
            return no_course(course_key)
        if key.deprecated:
            return await self._load_draft(key, course_key)
        version = published_version
        if version is None:
            version = await self.published_version(course_key)
        if not version:
            return no_course(course_key)
        return self._cache.get(course_key, version) or await self._load_split(course_key, version)

    async def forum_posts(self, course_key: str) -> pa.Table:
        """The posts of `load_forum`."""
        return (await self.load_forum(course_key)).posts

    async def load_forum(self, course_key: str) -> LoadedPosts:
        """Load all posts of a course, without their text, in the order of their ids."""
        documents: list[Document] = []
        while True:
            last_id = documents[-1]["_id"] if documents else None
            page = await self._posts(forum.posts_of(course_key, last_id), [("_id", 1)])
            documents += page
            if len(page) < forum.PAGE:
                break
        return await self._make_posts(documents)

    async def forum_changes_since(
        self, course_key: str, cursor: Mapping[str, Any] | None, *, until_us: int | None = None
    ) -> LoadedPosts:
        """Load the posts that were written or edited since a cursor, in the order of the changes.

        Votes do not count as edits, and a deleted post leaves nothing behind: only `load_forum`
        sees them. The clocks of a site's servers differ: with an `until_us` a little in the past
        no change is passed over that is still being written.

        Args:
            course_key: the run.
            cursor: of the call before; None begins with the first post.
            until_us: later changes are left for the next time.

        Returns:
            The posts, and the cursor for the next time: the same where nothing has changed.

        Raises:
            BadCursor: the cursor was not made here.
        """
        after = Position.read(cursor) if cursor is not None else None
        documents: list[Document] = []
        while True:
            page = await self._posts(
                forum.changes_of(course_key, after, until_us), [("updated_at", 1), ("_id", 1)]
            )
            documents += page
            if page:
                after = Position.of(page[-1])
            if len(page) < forum.PAGE:
                break
        loaded = await self._make_posts(documents)
        return replace(loaded, cursor=msgspec.to_builtins(after))

    async def _look_into(self, database: str) -> Holding:
        try:
            return Holding(database, frozenset(await self._reader.collection_names(database)))
        except SourceRefused as error:
            return Holding(database, frozenset(), str(error))

    async def _load_split(self, course_key: str, version: str) -> LoadedCourse:
        path = f"{SOURCE} {self._database}.{split.STRUCTURES}/{version}"
        try:
            structure_id = ObjectId(version)
        except InvalidId as error:
            raise SourceMalformed(path, f"{course_key}: this is no id of a structure") from error
        stored = await self._reader.find_one_raw(
            self._database,
            split.STRUCTURES,
            {"_id": structure_id},
            projection=split.STRUCTURE_PROJECTION,
        )
        if stored is None:
            raise SourceMalformed(
                path,
                f"the published structure of {course_key} does not exist",
                fix="A secondary may lag behind: try again",
            )
        # Structures reach megabytes: their parsing would hold up everybody else.
        structure = await asyncio.to_thread(decode, stored)
        wanted = split.needed_definitions(structure)
        definitions: list[Document] = []
        for first in range(0, len(wanted), BATCH):
            definitions += await self._reader.find(
                self._database,
                split.DEFINITIONS,
                {"_id": {"$in": wanted[first : first + BATCH]}},
                projection=split.DEFINITION_PROJECTION,
            )

        def build() -> tuple[LoadedCourse, bool]:
            found = split.read_split(structure, definitions, course_key, path)
            loaded = build_course(found.course, version=version, problems=found.problems)
            return loaded, found.is_complete

        loaded, is_complete = await asyncio.to_thread(build)
        if is_complete:
            self._cache.keep(loaded)
        return loaded

    async def _load_draft(self, key: Any, course_key: str) -> LoadedCourse:
        documents = await self._reader.find(
            self._database,
            draft.COLLECTION,
            draft.blocks_of(key.org, key.course),
            projection=draft.PROJECTION,
        )
        path = f"{SOURCE} {self._database}.{draft.COLLECTION}"

        def build() -> LoadedCourse:
            course = draft.read_draft(documents, course_key, path)
            if course is None:
                return no_course(course_key)
            return build_course(course, version=None)

        return await asyncio.to_thread(build)

    async def _posts(self, filter: dict[str, Any], sort: list[tuple[str, int]]) -> list[Document]:
        return await self._reader.find(
            self._forum_database,
            forum.COLLECTION,
            filter,
            projection=forum.PROJECTION,
            sort=sort,
            limit=forum.PAGE,
        )

    async def _make_posts(self, documents: list[Document]) -> LoadedPosts:
        path = f"{SOURCE} {self._forum_database}.{forum.COLLECTION}"
        return await asyncio.to_thread(forum.make_posts, documents, path)


def _parse(course_key: str) -> Any:
    try:
        key = CourseKey.from_string(course_key)
    except InvalidKeyError:
        return None
    # Libraries and custom courses have other trees, or other keys for the same one.
    return key if key.CANONICAL_NAMESPACE == "course-v1" else None
