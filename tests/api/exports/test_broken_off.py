"""Files on real sockets: broken off, left, drained; whoever reads can tell."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn

from aggregates.store import Store
from api.access.auth import TokenAuth
from api.app import create_app
from api.http.gate import Gate
from api.http.protocol import Deadlines, make_protocol
from api.metrics import Metrics
from api.options import Options
from courselens.serving import Server
from courselens.tokens import issue_token
from tests.data.large_course import STUDENTS, large_store
from tests.data.served_courses import NOW, signing_key
from tests.data.stored_course import COURSE_KEY

GLOBAL = 900_001
_EXPORTING = "pid <> pg_backend_pid() AND datname = current_database() AND xact_start IS NOT NULL"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
async def store(postgres_url: str) -> AsyncIterator[Store]:
    async with large_store(postgres_url) as store:
        yield store


class Site:
    """A server that gives two files at a time."""

    def __init__(
        self, store: Store, deadline_seconds: float = 60.0, stop_limit_seconds: float = 60.0
    ) -> None:
        self.store = store
        gate = Gate()
        self.metrics = Metrics()
        app = create_app(
            store.registry,
            store,
            TokenAuth.of(signing_key(), now=lambda: NOW),
            Options(
                roles=store.reader,
                gate=gate,
                metrics=self.metrics,
                exports_at_once=2,
                export_deadline_seconds=deadline_seconds,
                stop_limit_seconds=stop_limit_seconds,
            ),
        )
        config = uvicorn.Config(
            app,
            http=make_protocol(gate, Deadlines()),
            log_level="critical",
            timeout_graceful_shutdown=20,
        )
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = Server(config, self.listener, gate)
        token = issue_token(signing_key(), user_id=GLOBAL, username="global", now=NOW)
        host, port = self.listener.getsockname()[:2]
        self.client = httpx.AsyncClient(
            base_url=f"http://{host}:{port}",
            headers={"authorization": f"JWT {token}"},
            timeout=30,
        )

    def file(self, name: str = "roster.jsonl") -> AbstractAsyncContextManager[httpx.Response]:
        parameters = {"indicators": "all"}
        return self.client.stream("GET", f"/exports/{COURSE_KEY}/{name}", params=parameters)

    async def exporting(self) -> int:
        """Connections to the database that are inside a transaction."""
        (row,) = await self.store.database.fetch(
            f"SELECT count(*) FROM pg_stat_activity WHERE {_EXPORTING}"
        )
        return int(row[0])


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    async with serving(Site(store)) as site:
        yield site


@asynccontextmanager
async def serving(site: Site) -> AsyncIterator[Site]:
    task = asyncio.create_task(site.server.run_until_stopped())
    await site.server.is_ready.wait()
    async with site.client:
        yield site
    site.server.should_exit = True
    await task


async def until_nobody_exports(site: Site) -> None:
    async with asyncio.timeout(10):
        while await site.exporting():
            await asyncio.sleep(0.05)


async def until_counted(site: Site, **outcomes: int) -> None:
    """Files are counted a moment after their last byte."""
    async with asyncio.timeout(10):
        while sum(site.metrics.exports.values()) < sum(outcomes.values()):
            await asyncio.sleep(0.01)
    found: Counter[str] = Counter()
    for (_, outcome), count in site.metrics.exports.items():
        found[outcome] += count
    assert found == outcomes


async def lines_of(site: Site, name: str, *, is_cut: bool = False) -> AsyncIterator[int]:
    """Lines of each piece of a file; after the first one its connection may be cut."""
    async with site.file(name) as answer:
        assert int(answer.headers["courselens-rows"]) == STUDENTS
        assert answer.headers["transfer-encoding"] == "chunked"
        async for piece in answer.aiter_bytes():
            yield piece.count(b"\n")
            if is_cut:
                await site.store.database.fetch(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_EXPORTING}"
                )
                is_cut = False


async def add_up(counts: AsyncIterator[int], found: list[int]) -> None:
    async for count in counts:
        found[0] += count


@pytest.mark.parametrize("name", ["roster.csv", "roster.jsonl"])
async def test_file_that_breaks_off_never_looks_complete(site: Site, name: str) -> None:
    cut = [0]
    with pytest.raises(httpx.RemoteProtocolError):
        await add_up(lines_of(site, name, is_cut=True), cut)
    assert 0 < cut[0] < STUDENTS
    whole = [0]
    await add_up(lines_of(site, name), whole)
    assert whole[0] == STUDENTS + name.endswith("csv")
    await until_counted(site, STORE_UNAVAILABLE=1, OK=1)
    assert STUDENTS <= sum(site.metrics.export_rows.values()) < 2 * STUDENTS


async def test_client_that_leaves_leaves_nothing_behind(site: Site) -> None:
    for _ in range(5):
        async with site.file() as answer:
            assert answer.status_code == 200
            async for _piece in answer.aiter_bytes():
                break
        await until_nobody_exports(site)
    await until_counted(site, CLIENT_GONE=5)
    async with site.file() as answer:
        assert answer.status_code == 200


async def test_more_files_than_there_are_places_are_sent_away(site: Site) -> None:
    async with site.file() as first, site.file() as second:
        assert (first.status_code, second.status_code) == (200, 200)
        async with site.file() as third:
            assert third.status_code == 503
            assert third.headers["retry-after"] == "1"
        question = {"query": "{ indicators { key } }"}
        assert (await site.client.post("/graphql", json=question)).status_code == 200
    await until_nobody_exports(site)


async def test_file_under_way_is_finished_when_the_server_stops(site: Site) -> None:
    async with site.file() as answer:
        pieces = answer.aiter_lines()
        lines = [await anext(pieces)]
        site.server.should_exit = True
        lines += [line async for line in pieces]
    assert len(lines) == STUDENTS
    assert json.loads(lines[-1])["user_id"] in range(1, STUDENTS + 1)


async def slowly(site: Site, name: str, into: bytearray, *, stopping: bool = True) -> None:
    """Read a file for longer than it may take, and stop the server after the first piece."""
    async with site.file(name) as answer:
        assert answer.status_code == 200
        async for piece in answer.aiter_bytes():
            into += piece
            site.server.should_exit = stopping
            await asyncio.sleep(0.01)


async def test_reader_who_is_too_slow_is_broken_off(store: Store) -> None:
    async with serving(Site(store, deadline_seconds=1.5)) as site:
        with pytest.raises(httpx.RemoteProtocolError):
            await slowly(site, "roster.jsonl", bytearray(), stopping=False)
        await until_nobody_exports(site)
        await until_counted(site, DEADLINE_EXCEEDED=1)


@pytest.mark.parametrize("name", ["roster.csv", "roster.jsonl", "roster.parquet"])
async def test_file_that_a_stopping_server_has_no_time_for_never_looks_complete(
    store: Store, name: str
) -> None:
    part = bytearray()
    async with serving(Site(store, stop_limit_seconds=0.2)) as site:
        with pytest.raises(httpx.RemoteProtocolError):
            await slowly(site, name, part)
        await until_counted(site, OVERLOADED=1)
    assert part
    if name.endswith("parquet"):
        with pytest.raises(pa.ArrowInvalid):
            pq.read_table(pa.BufferReader(bytes(part)))


async def test_deadline_of_a_file_holds_while_the_server_stops(store: Store) -> None:
    async with serving(Site(store, deadline_seconds=1.5, stop_limit_seconds=60)) as site:
        with pytest.raises(httpx.RemoteProtocolError):
            await slowly(site, "roster.jsonl", bytearray())
        await until_counted(site, OVERLOADED=1)


async def test_file_that_has_not_begun_when_the_server_stops_is_refused(store: Store) -> None:
    async with (
        serving(Site(store, stop_limit_seconds=0.2)) as site,
        store.database.session() as other,
        other.transaction(),
    ):
        await other.execute("LOCK TABLE students")
        asked = asyncio.create_task(
            site.client.get(f"/exports/{COURSE_KEY}/roster.csv", timeout=30)
        )
        async with asyncio.timeout(10):
            while await site.exporting() < 2:  # this transaction, and the one that waits for it
                await asyncio.sleep(0.01)
        site.server.should_exit = True
        answer = await asked
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        await until_counted(site, OVERLOADED=1)


async def test_http_1_0_is_sent_chunks_too(store: Store) -> None:
    """Else the end of the connection would be that of the file; nginx asks so by default."""
    async with serving(Site(store, stop_limit_seconds=0)) as site:
        reader, writer = await asyncio.open_connection(*site.listener.getsockname()[:2])
        path = f"/exports/{COURSE_KEY}/roster.csv?indicators=all"
        token = site.client.headers["authorization"]
        writer.write(f"GET {path} HTTP/1.0\r\nauthorization: {token}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        site.server.should_exit = True
        rest = await reader.read()
        writer.close()
        assert b"transfer-encoding: chunked" in head
        assert rest
        assert not rest.endswith(b"0\r\n\r\n")
