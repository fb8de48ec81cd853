"""The servers that the GraphQL benchmark compares; one of them is run as a process.

ours: the product as `courselens serve` runs it, but nothing is kept. kept: the same with answers
kept. bare: the same JSON from a hand-written endpoint, without token and access rules. stock: the
same schema and resolvers by Strawberry's own view with its two caches.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache

from aggregates.fields import FieldRef
from aggregates.records import ReleasedRecord
from aggregates.small_numbers import K_MIN
from aggregates.store import Store
from api.access.auth import TokenAuth
from api.access.roles import RoleCache
from api.app import create_app
from api.context import Context
from api.http.gate import Gate
from api.http.protocol import Deadlines, make_protocol
from api.http.rates import LocalRates
from api.kept import KEPT_BYTES
from api.live.batch import open_batch
from api.options import Options
from api.reading.released import Released
from api.schema.assembled import assemble
from api.schema.fields import strawberry_schema
from bench.graphql_data import FIELDS, SHAPES, bench_registry
from courselens.domain import BUILT_IN
from courselens.memory import search_less
from courselens.serving import new_loop
from courselens.tokens import make_key
from indicators.registry import Declaration, Registry, load_registry

POOL = 8
_COLUMNS = ", ".join(f'w."{key}__{name}"' for key in SHAPES for name in FIELDS[key])


Parts = tuple[Any, dict[str, Any]]
"""An application and what else its server is told."""


async def serve(name: str, database_url: str, port: int, keys: Path) -> None:
    """Serve until killed."""
    async with _SERVERS[name](database_url, keys) as (app, options):
        config = uvicorn.Config(
            app, port=port, log_level="warning", access_log=False, server_header=False, **options
        )
        await uvicorn.Server(config).serve()


@asynccontextmanager
async def _ours(
    database_url: str, keys: Path, kept_bytes: int = 0, registry: Registry | None = None
) -> AsyncIterator[Parts]:
    gate = Gate(64)
    async with _store(database_url) as store, store.notices.listening():
        app = create_app(
            registry or bench_registry(),
            store,
            _auth(keys),
            Options(
                roles=RoleCache(store.reader, seconds=60),
                graphiql=False,
                gate=gate,
                rates=LocalRates(10**9),
                kept_bytes=kept_bytes,
            ),
        )
        search_less()
        yield app, {"http": make_protocol(gate, Deadlines())}


@asynccontextmanager
async def _kept(database_url: str, keys: Path) -> AsyncIterator[Parts]:
    async with _ours(database_url, keys, KEPT_BYTES) as parts:
        yield parts


@asynccontextmanager
async def _plugins(database_url: str, keys: Path) -> AsyncIterator[Parts]:
    """Ours, with whatever plugins are installed beside the benchmark's indicators."""
    own = bench_registry()
    installed = load_registry()
    known = [*own.indicators.values(), *installed.intermediates.values()]
    known += (one for one in installed.indicators.values() if one.provider != BUILT_IN)
    registry = Registry(
        Declaration("", one.provider or BUILT_IN, one.provider_version, one) for one in known
    )
    async with _ours(database_url, keys, registry=registry) as parts:
        yield parts


@asynccontextmanager
async def _stock(database_url: str, keys: Path) -> AsyncIterator[Parts]:
    assembled = assemble(bench_registry())
    auth = _auth(keys)
    schema = strawberry_schema(assembled.schema)
    schema.extensions = [ParserCache, ValidationCache]
    async with _store(database_url) as store:
        roles = RoleCache(store.reader, seconds=60)

        class View(GraphQL):
            async def get_context(self, request: Any, response: Any) -> Any:
                viewer = await auth.viewer(request, roles)
                async with open_batch(None, deadline_seconds=2) as live:
                    return Context(
                        viewer,
                        store.reader,
                        roles,
                        assembled.catalog,
                        live,
                        page_limit=1_000,
                    )

        yield Starlette(routes=[Route("/graphql", View(schema))]), {}


@asynccontextmanager
async def _bare(database_url: str, keys: Path) -> AsyncIterator[Parts]:
    async def keep(_connection: Any) -> None:
        return None

    pool = await asyncpg.create_pool(
        database_url, min_size=1, max_size=POOL, reset=keep, init=_prepare
    )
    course_id = "(SELECT course_id FROM courses WHERE course_key = $1)"
    one = (
        f"SELECT s.username, {_COLUMNS} FROM students s JOIN student_values_courselens w"
        f" USING (course_id, user_id) WHERE s.course_id = {course_id} AND s.user_id = $2"
    )
    page = (
        f"SELECT s.username, {_COLUMNS} FROM students s JOIN student_values_courselens w"
        f" USING (course_id, user_id) WHERE s.course_id = {course_id} AND s.in_l"
        " ORDER BY s.user_id LIMIT $2"
    )

    mobile = (
        "SELECT w.time__seconds, w.video__share, w.problems__solved, w.grade__ratio"
        " FROM students s JOIN student_values_courselens w USING (course_id, user_id)"
        f" WHERE s.course_id = {course_id} AND s.user_id = $2"
    )
    told = (
        f"SELECT {', '.join(field.name for field in fields(ReleasedRecord))} FROM released"
        f" WHERE course_id = {course_id} AND indicator = ANY($2)"
    )
    users: dict[str, int] = {}

    async def answer(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        key, variables = asked["shape"], asked["variables"]
        if key == "S":
            row = await pool.fetchrow(one, variables["course"], variables["user"])
            data: dict[str, Any] = {"course": {"student": _student(row)}}
        elif key == "M":
            token = request.headers["authorization"]
            if token not in users:
                users[token] = jwt.decode(token[4:], options={"verify_signature": False})["user_id"]
            row = await pool.fetchrow(mobile, variables["course"], users[token])
            rows = await pool.fetch(told, variables["course"], ["time", "video", "problems"])
            released = Released((ReleasedRecord(*each) for each in rows), K_MIN)
            data = {"viewer": {"student": {"indicators": _mobile(row, released)}}}
        else:
            first = variables["first"]
            rows = await pool.fetch(page, variables["course"], first + 1)
            info = {"hasNextPage": len(rows) > first}
            nodes = [_student(each) for each in rows[:first]]
            data = {"course": {"students": {"nodes": nodes, "pageInfo": info}}}
        return Response(orjson.dumps({"data": data}), media_type="application/json")

    yield Starlette(routes=[Route("/graphql", answer, methods=["POST"])]), {}
    await pool.close()


def _student(row: Any) -> dict[str, Any]:
    at = row[12]
    return {
        "username": row[0],
        "indicators": {
            "time": {"seconds": row[1], "sessions": row[2], "days": row[3]},
            "video": {"watched": row[4], "share": row[5], "pauses": row[6]},
            "problems": {"attempted": row[7], "solved": row[8], "meanAttempts": row[9]},
            "grade": {
                "ratio": row[10],
                "rank": row[11],
                "changedAt": at.isoformat().replace("+00:00", "Z") if at else None,
            },
        },
    }


def _mobile(row: Any, released: Released) -> dict[str, Any]:
    def place(key: str, name: str, own: float | None) -> dict[str, Any]:
        found = released.standing(None, FieldRef(key, name), own)
        names = {"percentile": "percentile", "class_median": "classMedian", "n": "n"}
        return {shown: found[name] for name, shown in names.items()}

    return {
        "time": {"seconds": row[0], "secondsStanding": place("time", "seconds", row[0])},
        "video": {"share": row[1], "shareStanding": place("video", "share", row[1])},
        "problems": {"solved": row[2], "solvedStanding": place("problems", "solved", row[2])},
        "grade": {"ratio": row[3]},
    }


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=orjson.dumps, decoder=orjson.loads
    )


@asynccontextmanager
async def _store(database_url: str) -> AsyncIterator[Store]:
    registry = bench_registry()
    store = await Store.connect(database_url, registry=registry, deadline_seconds=30)
    try:
        yield store
    finally:
        await store.close()


def _auth(keys: Path) -> TokenAuth:
    return TokenAuth.of(make_key(keys))


_SERVERS = {
    "ours": _ours,
    "kept": _kept,
    "plugins": _plugins,
    "bare": _bare,
    "stock": _stock,
}

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))
