"""The ledger: the table of work in PostgreSQL, which alone knows what is due, running and done.

All times are the database's clock's. Every change of a running piece of work proves its claim by
the fencing number, which a claim loses when its lease ends and the work is given to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aggregates.database import Connection, Database, Row
from aggregates.work import Ask, Kind, Priority, State, ask_for, lock_key
from aggregates.writer import Guard
from courselens.errors import LeaseLost, UnknownWork
from workers.plan import History
from workers.work import MAX_ATTEMPTS, MAX_DEATHS, STUCK_ATTEMPTS, Claim, Step

LONGEST_WAIT_SECONDS = 30
"""Longest back-off after a failure."""
_DONE_RESTS_SECONDS = 600.0
_FAILED_RESTS_SECONDS = 3600.0
_WORN_OUT_RESTS_SECONDS = 30.0
"""What failed too often for a reason that may pass is asked for again soon: it may have passed."""
_KEPT_DAYS = 30
_END = "fencing = NULL, lease_until = NULL"


class Ledger:
    """Work as one database knows it; `lease_seconds` is how long a claim lasts unrenewed."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        self._database = database
        self.lease_seconds = lease_seconds

    async def ask(self, ask: Ask, *, asked_by: str) -> int | None:
        """Have something done; asked for twice it is done once, while it runs once more after.

        Returns:
            The work's id; None if it is set aside, and so waits for somebody to look at it.
        """
        async with self._database.transaction() as connection:
            return await ask_for(connection, ask, asked_by=asked_by)

    async def claim(
        self, worker: str, *, alone: bool = True, kinds: Sequence[Kind] = tuple(Kind)
    ) -> Claim | None:
        """Take the most urgent piece of work that is due; None if there is none to be had.

        What died before is only given to a worker that does nothing else, so that it takes nobody
        with it, and whoever merely died beside it is cleared.
        """
        row = await self._database.fetch_row(
            "UPDATE work SET state = 'running', attempts = attempts + 1, worker = $1,"
            " fencing = nextval('work_fencing'), started_at = clock_timestamp(),"
            " lease_until = clock_timestamp() + make_interval(secs => $2),"
            " progress = NULL, progress_done = NULL, progress_total = NULL"
            " WHERE work_id = (SELECT work_id FROM work w WHERE state = 'due'"
            " AND due_at <= clock_timestamp() AND kind = ANY($3::text[])"
            " AND NOT EXISTS (SELECT FROM work r WHERE r.state = 'running'"
            " AND r.kind = w.kind AND r.subject = w.subject)"
            " ORDER BY priority, due_at, work_id LIMIT 1 FOR UPDATE SKIP LOCKED)"
            " AND (deaths = 0 OR $4)"
            " RETURNING work_id, kind, subject, fencing, attempts, deaths,"
            " (extract(epoch FROM started_at) * 1000000)::bigint AS now_us",
            worker,
            self.lease_seconds,
            [kind.value for kind in kinds],
            alone,
        )
        if row is None:
            return None
        return Claim(
            work_id=row["work_id"],
            kind=Kind(row["kind"]),
            subject=row["subject"],
            fencing=row["fencing"],
            attempt=row["attempts"],
            is_suspect=row["deaths"] > 0,
            now_us=row["now_us"],
        )

    async def renew(self, held: Mapping[Claim, Step | None]) -> set[Claim]:
        """Renew the leases of claims and note how far they are; gives those that are lost."""
        if not held:
            return set()
        steps = list(held.values())
        rows = await self._database.fetch(
            "UPDATE work w SET lease_until = clock_timestamp() + make_interval(secs => $1),"
            " progress = coalesce(g.name, progress),"
            " progress_done = coalesce(g.done, progress_done),"
            " progress_total = coalesce(g.total, progress_total)"
            " FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[])"
            " AS g (work_id, fencing, name, done, total)"
            " WHERE w.work_id = g.work_id AND w.fencing = g.fencing AND w.state = 'running'"
            " RETURNING w.fencing",
            self.lease_seconds,
            [claim.work_id for claim in held],
            [claim.fencing for claim in held],
            [step.name if step else None for step in steps],
            [step.done if step else None for step in steps],
            [step.total if step else None for step in steps],
        )
        mine = {row["fencing"] for row in rows}
        return {claim for claim in held if claim.fencing not in mine}

    def guard(self, claim: Claim) -> Guard:
        """What a task's transaction asks before its commit: is the claim still held?

        The row stays locked until the commit, so nobody can take the work over in between.
        """

        async def check(connection: Connection) -> None:
            row = await connection.fetchrow(
                "SELECT 1 FROM work WHERE work_id = $1 AND fencing = $2 AND state = 'running'"
                " FOR NO KEY UPDATE",
                claim.work_id,
                claim.fencing,
            )
            if row is None:
                raise LeaseLost(claim.work_id)

        return check

    async def check(self, claim: Claim) -> None:
        """The same for what is committed elsewhere, under a lock that only one can hold.

        Raises:
            LeaseLost: the work was given to another worker.
        """
        async with self._database.transaction() as connection:
            await self.guard(claim)(connection)

    async def finish(self, claim: Claim) -> bool:
        """Note that it is done; False if the claim was lost."""
        row = await self._database.fetch_row(
            f"UPDATE work SET state = 'done', finished_at = clock_timestamp(), {_END},"
            " error_code = NULL, error = NULL"
            " WHERE work_id = $1 AND fencing = $2 AND state = 'running' RETURNING work_id",
            claim.work_id,
            claim.fencing,
        )
        return row is not None

    async def fail(self, claim: Claim, *, code: str, error: str, retryable: bool) -> bool:
        """Note that it failed: due again after a while if that can help, else failed for good."""
        async with self._database.transaction() as connection:
            row = await _lock_claim(connection, claim)
            if row is None:
                return False
            if not retryable or row["attempts"] >= MAX_ATTEMPTS:
                await _end(connection, claim.work_id, State.FAILED, code, error)
                return True
            wait = min(2 ** (row["attempts"] - 1), LONGEST_WAIT_SECONDS)
            await _give_back(connection, row, wait_seconds=wait, code=code, error=error)
            return True

    async def die(self, claim: Claim, *, code: str, error: str) -> bool:
        """Note that its process died or had to be killed; the third time it is set aside."""
        async with self._database.transaction() as connection:
            row = await _lock_claim(connection, claim)
            if row is None:
                return False
            await _note_death(connection, row, code=code, error=error)
            return True

    async def hand_back(self, claims: Iterable[Claim]) -> None:
        """Give work back unharmed, because its worker was asked to stop."""
        for claim in claims:
            async with self._database.transaction() as connection:
                row = await _lock_claim(connection, claim)
                if row is not None:
                    await _give_back(connection, row, attempts=-1)

    async def expire(self) -> int:
        """Take back what was claimed by workers that give no sign of life; gives their number.

        Time in which the server was down counts for nobody: then nobody could renew.
        """
        # A clock that was set back must not keep leases alive, or work waiting, for an hour.
        await self._database.fetch(
            "UPDATE work SET lease_until = clock_timestamp() + make_interval(secs => $1)"
            " WHERE state = 'running'"
            " AND lease_until > clock_timestamp() + make_interval(secs => $1 + 1)",
            self.lease_seconds,
        )
        await self._database.fetch(
            "UPDATE work SET due_at = clock_timestamp() WHERE state = 'due'"
            " AND due_at > clock_timestamp() + make_interval(secs => $1)",
            float(LONGEST_WAIT_SECONDS + 1),
        )
        lapsed = await self._database.fetch(
            "SELECT work_id, fencing, kind, subject FROM work WHERE state = 'running' AND"
            # A start that lies ahead was noted before the clock was set back: it says nothing.
            " greatest(lease_until, CASE WHEN pg_postmaster_start_time() <= clock_timestamp()"
            " THEN pg_postmaster_start_time() + make_interval(secs => $1) END)"
            " < clock_timestamp()",
            self.lease_seconds,
        )
        taken = 0
        for found in lapsed:
            async with self._database.transaction() as connection:
                await lock_key(connection, found["kind"], found["subject"])
                # One that is just committing holds its row, and is not dead.
                row = await connection.fetchrow(
                    "SELECT * FROM work WHERE work_id = $1 AND fencing = $2"
                    " AND state = 'running' AND lease_until < clock_timestamp()"
                    " FOR UPDATE SKIP LOCKED",
                    found["work_id"],
                    found["fencing"],
                )
                if row is not None:
                    where = row["progress"] or "the beginning"
                    await _note_death(
                        connection,
                        row,
                        code="WORKER_DIED",
                        error=f"no sign of life from its worker; it was at: {where}",
                    )
                    taken += 1
        return taken

    async def retry(self, work_id: int) -> int:
        """Make parked or failed work due again, as if nothing had happened; gives its id.

        Raises:
            UnknownWork: it is neither parked nor failed.
        """
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(
                "SELECT * FROM work WHERE work_id = $1 AND state IN ('parked', 'failed')", work_id
            )
            if row is None:
                raise UnknownWork(work_id)
            await lock_key(connection, row["kind"], row["subject"])
            await _give_back(connection, row, priority=Priority.PERSON, forgiven=True)
            return work_id

    async def reject(self, digest: str, *, size: int, reason: str) -> None:
        """Count a message that nobody could read."""
        await self._database.fetch(
            "INSERT INTO rejected_messages AS r (digest, bytes, reason, times)"
            " VALUES ($1, $2, $3, 1) ON CONFLICT (digest) DO UPDATE SET"
            " times = r.times + 1, last_at = clock_timestamp()",
            digest,
            size,
            reason,
        )

    async def history(self) -> History:
        """What is under way, set aside, and ended so short a while ago that it must rest."""
        rows = await self._database.fetch(
            "SELECT kind, subject, state, input_digest,"
            " state = 'due' AND attempts >= $4 AS is_stuck"
            " FROM work WHERE state IN ('due', 'running', 'parked')"
            " OR state = 'done' AND finished_at > clock_timestamp() - make_interval(secs => $1)"
            " OR state = 'failed' AND finished_at > clock_timestamp()"
            " - make_interval(secs => CASE WHEN attempts < $5 THEN $2::float8 ELSE $6 END)"
            " UNION ALL (SELECT kind, subject, state, input_digest, false FROM work"
            " WHERE kind = $3 AND state = 'done' ORDER BY finished_at DESC LIMIT 1)",
            _DONE_RESTS_SECONDS,
            _FAILED_RESTS_SECONDS,
            Kind.INGEST_LOGS.value,
            STUCK_ATTEMPTS,
            MAX_ATTEMPTS,
            _WORN_OUT_RESTS_SECONDS,
        )
        by_state: dict[str, set[tuple[str, str]]] = {}
        for row in rows:
            by_state.setdefault(row["state"], set()).add((row["kind"], row["subject"]))
        return History(
            busy=by_state.get("due", set()) | by_state.get("running", set()),
            parked=by_state.get("parked", set()),
            ended={
                (row["kind"], row["subject"], row["input_digest"])
                for row in rows
                if row["state"] in ("done", "failed")
            },
            stuck={(row["kind"], row["subject"]) for row in rows if row["is_stuck"]},
        )

    async def now_us(self) -> int:
        """The present, by the clock that leases go by."""
        row = await self._database.fetch_row(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us"
        )
        return int(row["now_us"]) if row else 0

    async def courses(self) -> dict[str, float | None]:
        """Age in seconds of every course's stored numbers."""
        rows = await self._database.fetch(
            "SELECT course_key, extract(epoch FROM clock_timestamp() - computed_at)::float8 AS age"
            " FROM courses ORDER BY course_key"
        )
        return {row["course_key"]: row["age"] for row in rows}

    async def forget(self) -> None:
        """Delete what ended long ago."""
        await self._database.fetch(
            "DELETE FROM work WHERE state IN ('done', 'failed')"
            " AND finished_at < clock_timestamp() - make_interval(days => $1)",
            _KEPT_DAYS,
        )


async def _lock_claim(connection: Connection, claim: Claim) -> Row | None:
    await lock_key(connection, claim.kind.value, claim.subject)
    return await connection.fetchrow(
        "SELECT * FROM work WHERE work_id = $1 AND fencing = $2 AND state = 'running' FOR UPDATE",
        claim.work_id,
        claim.fencing,
    )


async def _note_death(connection: Connection, row: Row, *, code: str, error: str) -> None:
    deaths = row["deaths"] + 1
    await connection.execute(
        "UPDATE work SET deaths = $2 WHERE work_id = $1", row["work_id"], deaths
    )
    if deaths < MAX_DEATHS:
        await _give_back(connection, row, wait_seconds=deaths - 1, code=code, error=error)
        return
    # Whoever asked meanwhile would only have it kill again.
    await _drop_due(connection, row)
    told = f"set aside after {deaths} deaths; the last: {error}"
    await _end(connection, row["work_id"], State.PARKED, code, told)


async def _end(connection: Connection, work_id: int, state: State, code: str, error: str) -> None:
    await connection.execute(
        f"UPDATE work SET state = $2, finished_at = clock_timestamp(), {_END},"
        " error_code = $3, error = $4 WHERE work_id = $1",
        work_id,
        state.value,
        code,
        error,
    )


async def _give_back(
    connection: Connection,
    row: Row,
    *,
    wait_seconds: float = 0,
    attempts: int = 0,
    priority: Priority | None = None,
    code: str | None = None,
    error: str | None = None,
    forgiven: bool = False,
) -> None:
    """Make it due again, together with what was asked for meanwhile."""
    asked = await _drop_due(connection, row)
    given = [row["priority"], *([asked] if asked is not None else [])]
    await connection.execute(
        f"UPDATE work SET state = 'due', {_END}, finished_at = NULL, worker = NULL,"
        " due_at = clock_timestamp() + make_interval(secs => $2), priority = $3,"
        " attempts = CASE WHEN $4 THEN 0 ELSE attempts + $5 END,"
        " deaths = CASE WHEN $4 THEN 0 ELSE deaths END,"
        " error_code = $6, error = $7 WHERE work_id = $1",
        row["work_id"],
        float(wait_seconds),
        min(*given, int(priority)) if priority is not None else min(given),
        forgiven,
        attempts,
        code,
        error,
    )


async def _drop_due(connection: Connection, row: Row) -> int | None:
    """Delete the same work's other row that is due; gives its priority."""
    found: int | None = await connection.fetchval(
        "DELETE FROM work WHERE kind = $1 AND subject = $2 AND state = 'due' AND work_id <> $3"
        " RETURNING priority",
        row["kind"],
        row["subject"],
        row["work_id"],
    )
    return found
