"""PostGraphile as the peer of the GraphQL benchmark: installed from npm, on the same database."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_type_hints

import asyncpg

from api.schema.records import camel
from bench.data import FOLDER
from bench.graphql_clients import Client, Server
from bench.graphql_data import FIELDS, SHAPES, Served
from bench.graphql_servers import POOL
from bench.graphql_shapes import Shape

PEER = "postgraphile"
NODE_MAJOR = 22
_SOURCE = Path(__file__).parent / "peers" / "postgraphile"
_CHECKED = 50

_NAMES = {(key, name): camel(f"{key}_{name}") for key, names in FIELDS.items() for name in names}
_STUDENT = " ".join(["username", *_NAMES.values()])
_PAGE = (
    "query Page($course: String!, $first: Int!) {"
    " allStudents(condition: { courseKey: $course }, first: $first, orderBy: USER_ID_ASC) {"
    f" nodes {{ {_STUDENT} }} pageInfo {{ hasNextPage }} }} }}"
)
_DOCUMENTS = {
    "S": (
        "query One($course: String!, $user: BigInt!) {"
        " studentByCourseKeyAndUserId(courseKey: $course, userId: $user)"
        f" {{ {_STUDENT} }} }}"
    ),
    "L100": _PAGE,
    "L1000": _PAGE,
}


class PostGraphile(Server):
    """PostGraphile's own command in one process, for production."""

    def __init__(self, program: Sequence[str], served: Served) -> None:
        self._program = program
        production = {"NODE_ENV": "production", "GRAPHILE_ENV": "production", "POOL": str(POOL)}
        environment = os.environ | production | {"DATABASE_URL": served.database_url}
        super().__init__(PEER, served, environment=environment)

    def _command(self, name: str, served: Served) -> list[str]:
        return [*self._program, "--host", "127.0.0.1", "--port", str(self.port)]


def install() -> list[str] | None:
    """The program and its first arguments; None, with the reason printed, where it cannot be."""
    npm = shutil.which("npm")
    if npm is None:
        print("PostGraphile is left out: npm is not installed")
        return None
    folder = FOLDER / "peers" / "postgraphile"
    folder.mkdir(parents=True, exist_ok=True)
    lock = _SOURCE / "package-lock.json"
    installed = folder / "installed.json"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        for name in (".npmrc", "package.json", "package-lock.json"):
            shutil.copy(_SOURCE / name, folder)
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder,
            check=True,
            timeout=600,
        )
        shutil.copy(lock, installed)
    shutil.copy(_SOURCE / "graphile.config.mjs", folder)
    modules = (folder / "node_modules").resolve()
    own = modules / ".bin" / "node"
    node = str(own) if own.exists() else shutil.which("node") or "node"
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    if int(re.findall(r"\d+", version)[0]) < NODE_MAJOR:
        print(f"PostGraphile is left out: it needs Node.js {NODE_MAJOR}, this is {version.strip()}")
        return None
    told = json.loads((modules / "postgraphile" / "package.json").read_text())["version"]
    print(f"PostGraphile {told} on Node.js {version.strip()}")
    config = str(modules.parent / "graphile.config.mjs")
    return [node, str(modules / "postgraphile" / "dist" / "cli-run.js"), "--config", config]


async def expose(database_url: str) -> None:
    """Give PostGraphile the students with their 12 values as one flat view, in a schema apart.

    Whole numbers are cast, as it sends `bigint` as text.
    """
    columns = []
    for key, name in _NAMES:
        is_whole = get_type_hints(SHAPES[key])[name] == int | None
        columns.append(f'w."{key}__{name}"{"::integer" if is_whole else ""} AS {key}_{name}')
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "DROP SCHEMA IF EXISTS peer CASCADE; CREATE SCHEMA peer; CREATE VIEW peer.students AS"
        f" SELECT c.course_key, s.user_id, s.username, {', '.join(columns)}"
        " FROM courses c JOIN students s USING (course_id)"
        " JOIN student_values_courselens w USING (course_id, user_id) WHERE s.in_l;"
        " COMMENT ON VIEW peer.students IS '@primaryKey course_key,user_id'"
    )
    await connection.close()


def peer_shape(shape: Shape) -> Shape | None:
    """The same question in PostGraphile's schema; None for what it cannot be asked."""
    document = _DOCUMENTS.get(shape.name)
    return replace(shape, document=document, document_id=None) if document else None


async def check_peer(shape: Shape, asked: Shape, ours: Client, peer: Client) -> None:
    """Stop unless PostGraphile tells the same of the same students, in the same order."""
    requests = min(_CHECKED, shape.requests)
    expected = await ours.ask(shape.asked("ours", 1, requests), 1)
    found = await peer.ask(asked.asked(PEER, 1, requests), 1)
    for mine, theirs in zip(expected, found, strict=True):
        if _told_by_us(json.loads(mine)) != _told_by_peer(json.loads(theirs)):
            raise SystemExit(f"{shape.name}: PostGraphile answers {theirs!r}, not {mine!r}"[:4000])


Told = tuple[list[dict[str, Any]], bool | None]
"""Students as flat rows, and whether there are more."""


def _told_by_us(answer: dict[str, Any]) -> Told:
    course = answer["data"]["course"]
    if "student" in course:
        return [_flat(course["student"])], None
    page = course["students"]
    return [_flat(each) for each in page["nodes"]], page["pageInfo"]["hasNextPage"]


def _flat(student: dict[str, Any]) -> dict[str, Any]:
    values = {
        shown: student["indicators"][key][camel(name)] for (key, name), shown in _NAMES.items()
    }
    return _timed({"username": student["username"], **values})


def _told_by_peer(answer: dict[str, Any]) -> Told:
    data = answer["data"]
    if "allStudents" not in data:
        return [_timed(data["studentByCourseKeyAndUserId"])], None
    page = data["allStudents"]
    return [_timed(each) for each in page["nodes"]], page["pageInfo"]["hasNextPage"]


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its instant read, which the two write differently."""
    at = row["gradeChangedAt"]
    return {**row, "gradeChangedAt": at and datetime.fromisoformat(at)}
