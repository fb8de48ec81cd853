"""Connections to MySQL or MariaDB: a bounded pool, deadlines, retries, a circuit."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import aiomysql  # type: ignore[import-untyped]
import stamina

from courselens.errors import BadParameter, SourceRefused, SourceUnavailable
from loaders.circuit import Circuit

Row = tuple[bytes | None, ...]
"""Values as the server writes them: text in UTF-8, None for NULL."""

# Lost or refused connections, deadlocks, lock waits, a server that starts, stops or is full.
_TRANSIENT = frozenset(
    {1040, 1053, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1927, 2002, 2003, 2006, 2013}
    | {2014, 2055, 3169}
)
_STATEMENT_TIMEOUT = frozenset({1969, 3024})
_FORBIDDEN = frozenset({1044, 1045, 1049, 1142, 1143, 1698, 1820})


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a source may be asked to bear, and for how long we wait.

    `deadline_seconds` is for one statement with its retries, waiting for a connection included;
    `statement_seconds` is the limit that the server itself keeps; `connections` is the most at
    any time.
    """

    connections: int = 4
    connect_seconds: float = 3.0
    statement_seconds: float = 10.0
    deadline_seconds: float = 15.0
    attempts: int = 4
    failures: int = 3
    cool_down_seconds: float = 10.0


class Deadline:
    """An instant by which something asked now must be answered, whatever it takes."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that remain, 0 when it has passed."""
        return max(self._until - time.monotonic(), 0.0)


class _Fault(Exception):
    """The source did not answer; never leaves this module."""


class _Lost(_Fault):
    """A fault that may pass by itself, so it is worth another attempt."""


class _PageCursor(aiomysql.Cursor):  # type: ignore[misc]
    """Takes a whole page, in one loop: a cursor that gives row after row costs a fifth more."""

    async def _show_warnings(self, conn: Any) -> None:
        """Say nothing: the driver would ask the server and print the answer."""


class MySQL:
    """One database, for the event loop that uses it first.

    Sessions are read-only, READ COMMITTED, in UTC and utf8mb4, with a time limit per statement.

    Args:
        url: of the database.
        source: its name in messages.
        bounds: how long and how often it is asked.
        clock: seconds that only grow, by which a dead server is left alone.

    Attributes:
        source: its name in messages.
        statements: how many statements were sent.
    """

    def __init__(
        self,
        url: str,
        *,
        source: str = "mysql",
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source = source
        self.bounds = bounds or Bounds()
        self.statements = 0
        self.circuit = Circuit(
            source,
            failures=self.bounds.failures,
            cool_down_seconds=self.bounds.cool_down_seconds,
            clock=clock,
        )
        self._options = _read_url(url)
        self._free = asyncio.Semaphore(self.bounds.connections)
        self._idle: list[Any] = []
        self._is_closed = False

    async def __aenter__(self) -> MySQL:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections; those in use close when they are given back."""
        self._is_closed = True
        self._drop_idle()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    async def fetch(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        deadline: Deadline | None = None,
    ) -> list[Row]:
        """Run one statement that reads.

        Args:
            sql: the statement, with `%(name)s` where parameters go.
            parameters: their values; a sequence becomes a list for `IN`.
            deadline: instead of that of the bounds, for several statements together.

        Returns:
            All rows, values as the server's text.

        Raises:
            SourceUnavailable: no answer in time, or the circuit is open.
            SourceRefused: the account may not, or the statement is wrong.
        """
        deadline = deadline or Deadline(self.bounds.deadline_seconds)
        sql, values = _expand(sql, parameters or {})
        self.circuit.check()
        has_turn = False
        try:
            async with asyncio.timeout(deadline.left):
                async with self._free:
                    has_turn = True
                    rows = await self._try(sql, values, deadline)
        except (_Fault, TimeoutError) as error:
            reason = str(error) if isinstance(error, _Fault) else ""
            if has_turn:
                self.circuit.fail()
            else:  # our own questions are in the way, which says nothing about the server
                self.circuit.give_up()
                reason = f"all {self.bounds.connections} connections were busy"
            raise SourceUnavailable(self.source, deadline.seconds, reason=reason) from error
        except SourceRefused:
            self.circuit.succeed()  # it answers, which is all that the circuit is about
            raise
        except asyncio.CancelledError:
            self.circuit.give_up()
            raise
        self.circuit.succeed()
        return rows

    async def _try(
        self, sql: str, parameters: Mapping[str, object], deadline: Deadline
    ) -> list[Row]:
        attempts = stamina.retry_context(
            on=_Lost,
            attempts=self.bounds.attempts,
            timeout=deadline.left,
            wait_initial=0.05,
            wait_max=2.0,
            wait_jitter=0.2,
        )
        async for attempt in attempts:
            with attempt:
                return await self._run(sql, parameters)
        raise AssertionError("stamina gives at least one attempt")

    async def _run(self, sql: str, parameters: Mapping[str, object]) -> list[Row]:
        connection = self._idle.pop() if self._idle else await self._connect()
        is_whole = False
        try:
            self.statements += 1
            # Never closed: that would read on from a connection in the middle of an answer.
            cursor = await connection.cursor(_PageCursor)
            await cursor.execute(sql, parameters)
            rows: list[Row] = list(await cursor.fetchall())
            is_whole = True
        except (aiomysql.MySQLError, OSError, EOFError) as error:
            raise self._explain(error) from error
        finally:
            if is_whole and not self._is_closed:
                self._idle.append(connection)
            else:
                connection.close()
        return rows

    async def _connect(self) -> Any:
        try:
            async with asyncio.timeout(self.bounds.connect_seconds):
                connection = await aiomysql.connect(
                    **self._options,
                    connect_timeout=self.bounds.connect_seconds,
                    charset="utf8mb4",
                    use_unicode=False,
                    conv={},
                    autocommit=True,
                    local_infile=False,
                    program_name="courselens",
                )
                await self._set_up(connection)
        except TimeoutError as error:
            raise _Lost(f"no connection within {self.bounds.connect_seconds:g} s") from error
        except (aiomysql.MySQLError, OSError, EOFError) as error:
            raise self._explain(error) from error
        return connection

    async def _set_up(self, connection: Any) -> None:
        is_ready = False
        try:
            await connection.query(
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY"
            )
            await connection.query(_limits(connection.server_version, self.bounds))
            is_ready = True
        finally:
            if not is_ready:
                connection.close()

    def _explain(self, error: Exception) -> Exception:
        """The error of ours that an error of the driver means."""
        code = error.args[0] if error.args and isinstance(error.args[0], int) else None
        text = str(error.args[1]) if code is not None and len(error.args) > 1 else str(error)
        if code in _STATEMENT_TIMEOUT:
            limit = self.bounds.statement_seconds
            return _Fault(f"a statement took more than its {limit:g} s")
        if code in _FORBIDDEN:
            fix = "give an account that may SELECT from the platform's tables, and its password"
            return SourceRefused(self.source, text, fix)
        if code is None or code in _TRANSIENT or isinstance(error, OSError):
            self._drop_idle()  # connections to a server that is gone are gone with it
            return _Lost(text or type(error).__name__)
        return SourceRefused(self.source, f"{text} ({code})", "see `courselens check`")


def _expand(sql: str, parameters: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Write out the sequences among the parameters, which the driver does not take."""
    values: dict[str, object] = {}
    for name, value in parameters.items():
        if not isinstance(value, list | tuple):
            values[name] = value
            continue
        items = {f"{name}_{nth}": item for nth, item in enumerate(value)}
        values |= items
        listed = ", ".join(f"%({item})s" for item in items) or "NULL"
        sql = sql.replace(f"%({name})s", f"({listed})")
    return sql, values


def _limits(version: str | bytes, bounds: Bounds) -> str:
    name = version.decode() if isinstance(version, bytes) else version
    limit = (
        f"max_statement_time = {bounds.statement_seconds:g}"
        if "MariaDB" in name
        else f"max_execution_time = {round(bounds.statement_seconds * 1000)}"
    )
    # An idle session is not kept by the server for ever, should we die without a word.
    return f"SET SESSION time_zone = '+00:00', wait_timeout = 600, {limit}"


def _read_url(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    name = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in ("mysql", "mariadb") or not parts.hostname or not name:
        # The URL itself holds a password and is not shown.
        raise BadParameter("mysql_url", "...", "mysql://user:password@host:port/database")
    unknown = query.keys() - {"ssl_ca", "ssl"}
    if unknown:
        raise BadParameter("mysql_url", "?" + "&".join(sorted(unknown)), "ssl=1, ssl_ca=<file>")
    secure = None
    if query.get("ssl_ca") or query.get("ssl") in ("1", "true"):
        secure = ssl.create_default_context(cafile=query.get("ssl_ca"))
    return {
        "host": parts.hostname,
        "port": parts.port or 3306,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "db": name,
        "ssl": secure,
    }
