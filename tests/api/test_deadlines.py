"""A question that takes too long is ended, in the database too."""

from __future__ import annotations

import asyncio

from api.documents.limits import Limits
from tests.data.served_courses import STAFF, big_course, serve

RUNNING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND state = 'active' AND query LIKE 'SELECT%FROM courses%'"
)


async def test_late_statement_is_cancelled(postgres_url: str) -> None:
    async with serve(postgres_url, [big_course()], limits=Limits(deadline_seconds=0.5)) as served:
        async with served.database.session() as other, other.transaction():
            await other.execute("LOCK TABLE courses IN ACCESS EXCLUSIVE MODE")
            answer = await served.ask("{ courses { nodes { key } } }", user_id=STAFF)
            async with asyncio.timeout(2):  # the driver's word to the server takes a moment
                while await other.fetchval(RUNNING):
                    await asyncio.sleep(0.02)
                    await other.execute("SELECT pg_stat_clear_snapshot()")
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "DEADLINE_EXCEEDED"
        assert error["extensions"]["retryable"] is True
        assert answer["data"] is None
        answer = await served.ask("{ courses { nodes { key } } }", user_id=STAFF)
        assert len(answer["data"]["courses"]["nodes"]) == 1
