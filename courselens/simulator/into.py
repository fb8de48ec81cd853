"""Which databases a simulation is written into, told by their URLs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from courselens.errors import BadParameter
from courselens.simulator.into_mongo import write_into_mongo
from courselens.simulator.into_mysql import write_into_mysql
from courselens.simulator.run import Progress

_ALLOWED = "mysql://user:password@host/database or mongodb://user:password@host/database, one each"

_KINDS = {"mysql": "mysql", "mariadb": "mysql", "mongodb": "mongo", "mongodb+srv": "mongo"}


@dataclass(frozen=True, slots=True)
class Databases:
    """URLs of the platform's databases; None: not written."""

    mysql: str | None = None
    mongo: str | None = None
    history: str | None = None

    @property
    def names(self) -> list[str]:
        """The kinds that are written."""
        known = (("MySQL", self.mysql), ("MongoDB", self.mongo))
        return [name for name, url in known if url is not None]

    @classmethod
    def parse(cls, urls: Sequence[str], history: str | None = None) -> Databases:
        """Tell by their schemes which is which.

        Raises:
            BadParameter: a URL of another kind or without a database, or two of the same kind.
        """
        found: dict[str, str] = {}
        for url in urls:
            parts = urlsplit(url)
            kind = _KINDS.get(parts.scheme)
            if kind is None or kind in found or not parts.path.strip("/"):
                # The URL itself holds a password and is not shown.
                raise BadParameter("into", f"{parts.scheme or '...'}://...", _ALLOWED)
            found[kind] = url
        if history is not None and "mysql" not in found:
            raise BadParameter("history-into", "...", "a second database beside --into mysql://...")
        return cls(found.get("mysql"), found.get("mongo"), history)


def write_into(
    databases: Databases,
    *,
    students: int,
    weeks: int,
    courses: int,
    seed: int,
    forum_database: str,
    progress: Progress | None = None,
) -> list[str]:
    """Write simulated courses in the place of those of an earlier simulation.

    The forum is in MySQL, as on newer sites, or in MongoDB where that is the only database.

    Args:
        databases: that may be written to.
        students: enrolments per course, beside the course team.
        weeks: length of the courses.
        courses: how many courses.
        seed: of all random numbers.
        forum_database: MongoDB database of the forum.
        progress: called as `(step, done, total)`.

    Returns:
        The course keys.

    Raises:
        BadParameter: an argument is out of its range.
        SourceRefused: a server refuses, or the database is a real platform's.
        SourceUnavailable: a server does not answer.
    """
    keys: list[str] = []
    if databases.mysql is not None:
        report = write_into_mysql(
            databases.mysql,
            students=students,
            weeks=weeks,
            courses=courses,
            seed=seed,
            history_url=databases.history,
            enrollment_history=True,
            progress=progress,
        )
        keys = [course.course_key for course in report.courses]
    if databases.mongo is not None:
        keys = asyncio.run(
            write_into_mongo(
                databases.mongo,
                students=students,
                weeks=weeks,
                courses=courses,
                seed=seed,
                database=unquote(urlsplit(databases.mongo).path.strip("/")),
                forum_database=forum_database,
                forum=databases.mysql is None,
                progress=progress,
            )
        )
    return keys
