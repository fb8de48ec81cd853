"""What reaches a client: live code, and the answer of the API over a real store."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pyarrow as pa

from aggregates.embedded import EmbeddedPostgres
from aggregates.store import Store
from api.access.auth import TokenAuth
from api.app import create_app
from api.schema.assembled import assemble
from api.schema.records import Column, Record, camel
from api.schema.shapes import Value, read_values
from courselens.testing.checks.subject import Finding, NotApplicable, Subject
from courselens.testing.live import run_live_course, run_live_students
from courselens.tokens import issue_token, make_key
from indicators.contract import Privacy
from indicators.result import COURSE_GROUP, CourseResults
from indicators.shape import VALUES, Field, Kind, Part
from loaders.datasets import COURSE_ROLES

_TEAM = 2_000_000_001
_DATABASE = "courselens_kit"
_PAGE = 10


def live_values(subject: Subject) -> Iterator[Finding]:
    """Live code gives what the table expression gives for the same facts."""
    one = subject.indicator
    if one.live_student is None and one.live_course is None:
        raise NotApplicable("it has no live code")
    result = subject.result
    options: dict[str, Any] = {
        "registry": subject.registry,
        "now": datetime.fromtimestamp(result.envelope.as_of_us / 1_000_000, UTC),
    }
    if one.live_student is not None:
        users = _known(subject.results)[:_PAGE]
        found = asyncio.run(run_live_students(one.key, subject.course, users, **options))
        for user_id in users:
            yield from _compare_live(subject, "user_id", user_id, found.get(user_id))
    if one.live_course is not None:
        value = asyncio.run(run_live_course(one.key, subject.course, **options))
        yield from _compare_live(subject, "group_id", COURSE_GROUP, value)


def _compare_live(subject: Subject, by: str, who: object, value: object) -> Iterator[Finding]:
    for subject_column, part, table in subject.parts(subject.result):
        if subject_column != by:
            continue
        stored = [_without(row, by) for row in table.to_pylist() if row[by] == who]
        now = [_plain(one, part) for one in _live_rows(value, part)]
        if stored != now:
            yield Finding(
                f"live code says {part.name} {now} of {by} {who}, the table expression {stored}",
                "let both read the same columns, and give both the same order and nulls",
            )
            return


def _live_rows(value: object, part: Part) -> list[object]:
    if part.name == VALUES:
        return [value]
    if part.many:
        rows: list[object] = getattr(value, part.name, [])
        return list(rows)
    return [getattr(value, part.name, None)]


def _plain(value: object, part: Part) -> dict[str, Any]:
    return {field.name: _as_stored(getattr(value, field.attribute, None)) for field in part.fields}


def _as_stored(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_as_stored(one) for one in value]
    return getattr(value, "value", value)


def graphql(subject: Subject) -> Iterator[Finding]:
    """What was computed comes back unchanged from the API, at every level."""
    refused = assemble(subject.registry).refused
    for problem in refused:
        if problem.problem.startswith(f"{subject.key}:"):
            yield Finding(problem.problem, problem.fix)
            return
    with _database(subject.database_url) as url:
        yield from asyncio.run(_ask(subject, url))


async def _ask(subject: Subject, url: str) -> list[Finding]:
    role = {"user_id": _TEAM, "org": None, "course_key": None, "role": "global_staff"}
    team = pa.Table.from_pylist([role], schema=COURSE_ROLES.schema)
    results = replace(subject.results, roles=team)
    values = read_values(subject.registry, subject.indicator)
    store = await Store.connect(url, registry=subject.registry)
    try:
        await store.migrate()
        await store.write(results, input_digest="kit", cursors={})
        with tempfile.TemporaryDirectory() as keys:
            key = make_key(Path(keys))
            app = create_app(subject.registry, store, TokenAuth.of(key))
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://kit") as client:

                async def ask(user_id: int, text: str) -> dict[str, Any]:
                    token = issue_token(key, user_id=user_id, username="kit", now=datetime.now(UTC))
                    answer = await client.post(
                        "/graphql",
                        json={"query": text, "variables": {"c": results.course_key}},
                        headers={"authorization": f"JWT {token}"},
                    )
                    body: dict[str, Any] = answer.json()
                    return body

                found: list[Finding] = []
                if values.student:
                    found += await _students(subject, results, values.student, ask)
                if values.group and set(subject.indicator.privacy) - {Privacy.SELF}:
                    found += await _course(subject, results, values.group, ask)
                return found
    finally:
        await store.close()


async def _students(
    subject: Subject, results: CourseResults, value: Value, ask: Any
) -> list[Finding]:
    field, wanted = camel(subject.key), _selection(value.record)
    answers: dict[int, Any] = {}
    if set(subject.indicator.privacy) - {Privacy.SELF}:
        body = await ask(
            _TEAM,
            f"query($c: ID!) {{ course(key: $c) {{ students(first: {_PAGE}) {{ nodes {{ userId "
            f"indicators {{ {field} {{ {wanted} }} }} }} }} }} }}",
        )
        if body.get("errors"):
            return [_failed(body)]
        nodes = body["data"]["course"]["students"]["nodes"]
        answers = {node["userId"]: node["indicators"][field] for node in nodes}
    else:
        for user_id in _known(results)[:_PAGE]:
            body = await ask(
                user_id,
                "query($c: ID!) { viewer { student(course: $c) { indicators "
                f"{{ {field} {{ {wanted} }} }} }} }} }}",
            )
            if body.get("errors"):
                return [_failed(body)]
            answers[user_id] = body["data"]["viewer"]["student"]["indicators"][field]
    return [
        finding
        for user_id, answer in answers.items()
        for finding in _compare(subject, value, "user_id", user_id, answer)
    ][:1]


async def _course(
    subject: Subject, results: CourseResults, value: Value, ask: Any
) -> list[Finding]:
    field, wanted = camel(subject.key), _selection(value.record)
    body = await ask(
        _TEAM,
        f"query($c: ID!) {{ course(key: $c) {{ indicators {{ {field} {{ {wanted} }} }} }} }}",
    )
    if body.get("errors"):
        return [_failed(body)]
    answer = body["data"]["course"]["indicators"][field]
    found = list(_compare(subject, value, "group_id", COURSE_GROUP, answer))
    for row in results.results[0].summaries.to_pylist():
        if row["group_id"] == COURSE_GROUP:
            place = answer if value.inline else answer[camel(row["field"])]
            if (place["n"], place["mean"]) != (row["n"], row["mean"]):
                found.append(
                    Finding(
                        f"the summary of {row['field']} came back as {place}, it is {row}",
                        "rename the field: it meets one of the summary's",
                    )
                )
    return found[:1]


def _compare(
    subject: Subject, value: Value, by: str, who: object, answer: Any
) -> Iterator[Finding]:
    for subject_column, part, table in subject.parts(subject.result):
        is_shown = part in value.parts or (part.name == VALUES and part.values == value.scalars)
        if subject_column != by or not is_shown:
            continue
        stored = [_without(row, by) for row in table.to_pylist() if row[by] == who]
        expected = [
            {camel(f.name): _as_answered(f, row[f.name]) for f in part.fields} for row in stored
        ]
        given = answer if part.name == VALUES else (answer or {}).get(camel(part.name))
        rows = given if part.many else [given]
        found = [{camel(f.name): (row or {}).get(camel(f.name)) for f in part.fields}
                 for row in rows or []]  # fmt: skip
        if found != expected:
            yield Finding(
                f"the API says {part.name} {found} of {by} {who}, computed was {expected}",
                "keep to values that GraphQL can carry: 32-bit whole numbers, finite floats, text",
            )
            return


def _as_answered(field: Field, value: Any) -> Any:
    if isinstance(value, list):
        return [_as_answered(field, one) for one in value]
    if value is None:
        return None
    if field.kind is Kind.BLOCK:
        return {"key": value}
    if field.enum_type is not None:
        return field.enum_type(value).name.upper()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value


def _selection(record: Record) -> str:
    return " ".join(
        camel(field.name)
        if isinstance(field, Column)
        else "{} {{ {} }}".format(
            camel(field.name), "key" if field.record.name == "Block" else _selection(field.record)
        )
        for field in record.fields
    )


def _failed(body: dict[str, Any]) -> Finding:
    error = body["errors"][0]
    return Finding(f"the API answers with an error: {error['message']}", "see its log above")


def _without(row: dict[str, Any], by: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != by}


def _known(results: CourseResults) -> list[int]:
    students = results.roster.students
    return sorted(students.filter(students.column("in_l")).column("user_id").to_pylist())


@contextmanager
def _database(server: str | None) -> Iterator[str]:
    """URL of an empty database, gone at the end of the block."""
    if server is None:
        with (
            tempfile.TemporaryDirectory(prefix="courselens-kit-") as folder,
            EmbeddedPostgres(Path(folder) / "pg") as embedded,
        ):
            yield embedded.url
        return
    name = f"{_DATABASE}_{datetime.now(UTC):%H%M%S%f}"
    asyncio.run(_execute(server, f"CREATE DATABASE {name}"))
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        asyncio.run(_execute(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement, timeout=30)
    finally:
        await connection.close()
