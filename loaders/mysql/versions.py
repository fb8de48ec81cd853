"""Which structure of each course run is published, as newer sites keep it in MySQL."""

from __future__ import annotations

from loaders.mysql.connection import Deadline, MySQL

TABLE = "split_modulestore_django_splitmodulestorecourseindex"


def page_sql(limit: int) -> str:
    """Runs and their published structures, after an id: one row a run, read as a whole."""
    return (
        f"SELECT id, course_id, published_version FROM {TABLE} FORCE INDEX (PRIMARY)"
        f" WHERE id > %(after_0)s ORDER BY id LIMIT {limit}"
    )


async def read_published_versions(
    connection: MySQL, *, page_rows: int = 5000, deadline: Deadline | None = None
) -> dict[str, str]:
    """Id of the published structure by course key, empty where a run was never published.

    Args:
        connection: of the database that has the table.
        page_rows: rows of a page.
        deadline: for all of it; that of the bounds for each statement if not given.

    Raises:
        SourceUnavailable: the server does not answer.
    """
    found: dict[str, str] = {}
    after_id = 0
    while True:
        rows = await connection.fetch(page_sql(page_rows), {"after_0": after_id}, deadline=deadline)
        for row_id, course_key, version in rows:
            found[(course_key or b"").decode()] = (version or b"").decode()
            after_id = int(row_id or 0)
        if len(rows) < page_rows:
            return found


COURSE_SQL = f"SELECT course_id, published_version FROM {TABLE} WHERE course_id = %(course_key)s"
"""The row of one run."""


async def read_published_version(connection: MySQL, course_key: str) -> str | None:
    """Id of the published structure of a run, empty where it was never published.

    None where the table does not know the run: an older site keeps the id in MongoDB.

    Raises:
        SourceUnavailable: the server does not answer.
    """
    rows = await connection.fetch(COURSE_SQL, {"course_key": course_key})
    # MySQL takes keys as equal that differ in case.
    found = {(key or b"").decode(): (version or b"").decode() for key, version in rows}
    return found.get(course_key)
