"""Which courses a platform has, and what describes one: its structure, its overview, its videos."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from loaders.course_rows import merge_courses
from loaders.datasets import BLOCK_ACCESS, BLOCKS, COURSES, GRADING_POLICY
from loaders.mongo.course import no_course
from loaders.mongo.source import MongoSource
from loaders.mysql.source import MySQLSource

DESCRIBING = (COURSES.name, BLOCKS.name, BLOCK_ACCESS.name, GRADING_POLICY.name)
"""Datasets that describe a course, and are made together."""


async def read_versions(mysql: MySQLSource | None, mongo: MongoSource | None) -> dict[str, str]:
    """Id of the published structure by course key, empty for runs of the old store.

    MySQL's index goes before what MongoDB says; older sites do not have it.

    Raises:
        SourceUnavailable: a server does not answer.
    """
    stored = await mongo.published_versions() if mongo is not None else {}
    indexed = await mysql.published_versions() if mysql is not None else {}
    never = {key for key, version in indexed.items() if not version}
    return {key: version for key, version in (stored | indexed).items() if key not in never}


async def read_overviews(mysql: MySQLSource | None) -> pa.Table:
    """What the platform keeps of its courses in MySQL, one row a run.

    Raises:
        SourceUnavailable: the server does not answer.
    """
    if mysql is None or COURSES.name not in (await mysql.capabilities()).available:
        return COURSES.empty()
    return await mysql.fetch_everything(COURSES.name)


async def describe_course(
    mongo: MongoSource | None,
    course_key: str,
    version: str | None,
    *,
    overview: Mapping[str, object] | None,
    videos: pa.Table,
) -> dict[str, pa.Table]:
    """The tables of `DESCRIBING`.

    Args:
        mongo: where structures are.
        course_key: the run.
        version: id of its published structure; None: there is none.
        overview: its row in MySQL, for what the structure leaves open.
        videos: the dataset `course_videos`, for how long they are.

    Raises:
        SourceUnavailable: MongoDB does not answer.
        SourceMalformed: the structure is broken, or not there yet.
    """
    loaded = no_course(course_key)
    if mongo is not None and version is not None:
        loaded = await mongo.load_course(course_key, published_version=version)
        loaded = loaded.with_videos(videos)
    rows = loaded.tables[COURSES.name].to_pylist()
    tables = {
        **no_course(course_key).tables,
        **loaded.tables,
        COURSES.name: merge_courses([*rows, *([dict(overview)] if overview else [])]),
    }
    return {name: tables[name] for name in DESCRIBING}
