"""docs/reference/access.md, cell by cell, and nothing beyond it through any door."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.cursors import write_id
from indicators.contract import Privacy
from tests.data.canaries import Canary, canaries_in, own_canaries, team_canaries
from tests.data.doors import DOORS, FILES, OWN_FILES, Door, question
from tests.data.guarded_api import Clock, guarded_schema, send, serve_guarded, viewers
from tests.data.guarded_courses import (
    CLASSMATE,
    HERE,
    LEFT,
    ME,
    NOWHERE,
    OTHERS,
    PRINCIPALS,
    STUDENTS,
    THERE,
    Principal,
)
from tests.data.served_courses import Served
from tests.streaming import events, socket

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "access.md"


@pytest.fixture(scope="module")
async def guarded(postgres_url: str) -> AsyncIterator[Served]:
    async with serve_guarded(postgres_url, Clock()) as served:
        yield served


BY_LEVEL = {
    "course": "{ course(key: $c) { key indicators { %s } } }",
    "group": '{ course(key: $c) { cohort(name: "Blue") { size indicators { %s } } } }',
    "oneself": "{ course(key: $c) { student(userId: $me) { userId indicators { %s } } } }",
    "another student": "{ course(key: $c) { student(userId: $u) { userId indicators { %s } } } }",
}
OBJECT = {
    "course": ("course",),
    "group": ("course", "cohort"),
    "oneself": ("course", "student"),
    "another student": ("course", "student"),
}


def table() -> dict[str, dict[str, str]]:
    """Grants by principal and column."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    head, _, *rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines)
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def test_table_and_fixture_have_the_same_principals() -> None:
    assert set(table()) == set(PRINCIPALS)
    assert all(len(row) == len(BY_LEVEL) * (1 + len(Privacy)) for row in table().values())


@pytest.mark.parametrize("name", PRINCIPALS)
async def test_every_cell_of_the_table_is_what_the_api_does(guarded: Served, name: str) -> None:
    principal = PRINCIPALS[name]
    is_student = principal.user_id in STUDENTS
    for level, text in BY_LEVEL.items():
        is_person = level in ("oneself", "another student")
        asked = "seconds" if is_person else "activeLearners n minimum"
        fields = " ".join(f"{_field(privacy)} {{ {asked} }}" for privacy in Privacy)
        used = " _u: course(key: $c) @skip(if: true) { student(userId: $u) { userId } }"
        used += " _m: course(key: $c) @skip(if: true) { student(userId: $me) { userId } }"
        query = f"query($c: ID!, $u: Int!, $me: Int!) {text[:-1] % fields}{used} }}"
        other = STUDENTS[5]
        answer = (
            await send(guarded, query, principal.token, c=HERE, u=other, me=principal.user_id)
        ).json()
        found: Any = answer["data"]
        for step in OBJECT[level]:
            found = found and found.get(step)
        expected = {
            column.removeprefix(f"{level}: "): grant
            for column, grant in table()[name].items()
            if column.startswith(f"{level}: ")
        }
        if level == "oneself" and not is_student:
            assert found is None  # what the team sees of oneself, if one were a student
            continue
        told = {"facts": "exact" if found else ""}
        for privacy in Privacy:
            value = found and found["indicators"][_field(privacy)]
            told[privacy.value] = _grant(value, is_person=is_person) if value else ""
        assert told == expected, (level, answer.get("errors"))


def _field(privacy: Privacy) -> str:
    return f"for{privacy.value.capitalize()}"


def _grant(value: dict[str, Any], *, is_person: bool) -> str:
    """Exact, or protected: the least value is nobody's business."""
    return "exact" if is_person or value["minimum"] is not None else "protected"


def allowed(principal: Principal | None) -> set[Canary]:
    """All that a viewer may be told of any course, worked out without the policy."""
    if principal is None or not principal.sees:
        return set()
    if principal.sees == "student":
        return own_canaries(principal.user_id)
    told = team_canaries((*STUDENTS, LEFT))
    if principal.is_global:
        told |= team_canaries(OTHERS)
    return told


FOR_TEAMS = {("Course", name) for name in ("cohorts", "cohort", "group", "compare", "students")}
TITLES = {HERE: "title-of-Uni", THERE: "title-of-Other"}


def teams_of(principal: Principal | None) -> set[str]:
    """Courses whose team a viewer belongs to."""
    if principal is None or principal.sees != "team":
        return set()
    return {HERE, THERE} if principal.is_global else {HERE}


def known_courses(principal: Principal | None) -> set[str]:
    """Courses that a viewer may know of."""
    return teams_of(principal) | ({HERE} if principal and principal.sees else set())


TARGETS = [
    (course, user_id)
    for course, users in ((HERE, (ME, CLASSMATE, LEFT)), (THERE, (OTHERS[0],)), (NOWHERE, (ME,)))
    for user_id in users
]


def leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    if isinstance(value, list):
        return sum(map(leaves, value))
    return 1


async def test_no_door_tells_anybody_what_is_not_theirs(guarded: Served) -> None:
    cases = [
        (who, door, target)
        for who, door, target in itertools.product(viewers(), DOORS, TARGETS)
        if target == TARGETS[0] or "$" in DOORS[door]
    ]
    seed = random.randrange(1_000_000)
    print("seed", seed)
    random.Random(seed).shuffle(cases)  # neighbours on a connection are different viewers
    seen: dict[str, set[Canary]] = {name: set() for name, _, _ in viewers()}
    told = 0

    async def knock(
        who: tuple[str, Principal | None, str | None], door: Door, target: tuple[str, int]
    ) -> None:
        nonlocal told
        name, principal, token = who
        course, user = target
        answer = await send(
            guarded,
            question(guarded_schema(), door),
            token,
            "GET" if told % 2 else "POST",
            course=course,
            user=user,
            id=write_id("Student", course, user),
        )
        # An entity tag is a digest: any six digits may be in it by chance.
        headers = [header for header in answer.headers.raw if header[0].lower() != b"etag"]
        bytes_out = answer.content + repr(headers).encode()
        found = canaries_in(bytes_out)
        # Ids that were asked for come back in errors: what one knows already.
        asked = {Canary(user, "both")} if b'"errors"' in answer.content else set()
        if principal is not None and door == ("Query", "viewer"):
            asked.add(Canary(principal.user_id, "both"))  # as the token says
        assert found - asked <= allowed(principal), (name, door, target)
        if name in ("expired", "forged"):
            assert answer.status_code == 401
        body = answer.json()
        data = body.get("data") or {}
        if door in FOR_TEAMS and course not in teams_of(principal):
            assert not (data.get("course") or {}).get(door[1]), (name, door, target)
        if door[0] in ("Mutation", "Subscription"):
            may = teams_of(principal) if door[0] == "Mutation" else known_courses(principal)
            assert bool(data.get(door[1])) == (course in may), (name, door, target)
        for key, title in TITLES.items():
            assert key in known_courses(principal) or title not in answer.text
        assert b"canary" not in orjson.dumps(body.get("errors"))
        assert token is None or token.rpartition(".")[2].encode() not in bytes_out
        seen[name] |= found
        told += leaves(body.get("data"))

    for start in range(0, len(cases), 8):
        await asyncio.gather(*(knock(*case) for case in cases[start : start + 8]))
    # Each is told something where something is theirs: the doors were open, not broken.
    for name, principal, _ in viewers():
        if principal is not None:
            assert bool(principal.sees) == bool(seen[name] & allowed(principal)), name
    assert told > 100_000


async def test_every_way_in_tells_the_same(guarded: Served) -> None:
    """By POST, as an event, and over a WebSocket."""

    def told(errors: Any) -> list[Any]:
        return sorted((each["message"], each["extensions"]["code"]) for each in errors or ())

    asking = {"nobody", "student of the course", "not enrolled", "`staff` of the course"}
    for name, _, token in viewers():
        if name not in asking:
            continue
        headers = {"authorization": f"JWT {token}"} if token else {}
        async with socket(guarded.app) as talk:
            await talk.open(**({"Authorization": f"JWT {token}"} if token else {}))
            for door in DOORS:
                if door[0] in ("Mutation", "Subscription"):
                    continue
                query = question(guarded_schema(), door)
                variables = {"course": HERE, "user": ME, "id": write_id("Student", HERE, ME)}
                by_post = (await send(guarded, query, token, **variables)).json()
                async with events(guarded.app, query, headers=headers, **variables) as stream:
                    event = await stream.next()
                assert event is not None
                talk.subscribe("1", query, **variables)
                over_socket = (await talk.receive())["payload"]
                await talk.receive()
                for other in (event.data, over_socket):
                    assert other["data"] == by_post["data"], (name, door)
                    assert told(other.get("errors")) == told(by_post.get("errors")), (name, door)


def _plain(answer: httpx.Response) -> bytes:
    """What a reader of a file is told: Parquet is compressed."""
    if answer.headers["content-type"] != "application/vnd.apache.parquet":
        return answer.content
    table = pq.read_table(pa.BufferReader(answer.content))
    return repr((table.to_pylist(), table.schema.metadata)).encode()


@pytest.mark.slow
async def test_no_file_tells_anybody_what_is_not_theirs(guarded: Served) -> None:
    cases = [
        (who, file, course)
        for who, file, course in itertools.product(viewers(), FILES, (HERE, THERE, NOWHERE))
        if course == HERE or file in (*FILES[:6], *OWN_FILES[:8])
    ]
    seed = random.randrange(1_000_000)
    print("seed", seed)
    random.Random(seed).shuffle(cases)
    given: dict[str, set[str]] = {name: set() for name, _, _ in viewers()}
    seen: set[Canary] = set()

    async def fetch(who: tuple[str, Principal | None, str | None], file: str, course: str) -> None:
        name, principal, token = who
        headers = {"x-request-id": "test"} | ({"authorization": f"JWT {token}"} if token else {})
        answer = await guarded.client.get(f"/exports/{course}/{file}", headers=headers)
        # A hash has any six digits now and then.
        told = [header for header in answer.headers.raw if header[0] != b"etag"]
        bytes_out = _plain(answer) + repr(told).encode()
        found = canaries_in(bytes_out)
        assert found <= allowed(principal), (name, file, course)
        if answer.status_code == 200:
            assert course in known_courses(principal), (name, file, course)
            if "level=course" not in file and file not in OWN_FILES:
                assert course in teams_of(principal), (name, file, course)
            if file in OWN_FILES:
                assert {one.user_id for one in found} <= {principal and principal.user_id}
            given[name].add(file)
        else:
            assert answer.status_code == (403 if principal else 401) or (
                answer.status_code in (400, 404)
                and (principal is not None and (principal.sees or course == NOWHERE))
            ), (name, file, course, answer.text)
            assert b"canary" not in bytes_out
        for key, title in TITLES.items():
            assert key in known_courses(principal) or title.encode() not in bytes_out
        assert token is None or token.rpartition(".")[2].encode() not in bytes_out
        seen.update(found)

    for start in range(0, len(cases), 4):
        await asyncio.gather(*(fetch(*case) for case in cases[start : start + 4]))
    for name, principal, _ in viewers():
        assert bool(given[name]) == bool(principal and principal.sees), name
        if principal and principal.claims.get("filters") == ["user:me"]:
            assert given[name] <= set(OWN_FILES)
    assert team_canaries(STUDENTS) | own_canaries(ME) <= seen  # the doors were open


@pytest.mark.parametrize("name", PRINCIPALS)
async def test_own_rows_are_given_by_the_table_too(guarded: Served, name: str) -> None:
    """Column by column of `oneself`; one of the team who is no student has none."""
    principal, row = PRINCIPALS[name], table()[name]
    asked = {"facts": "roster.jsonl?own=true"}
    asked |= {p.value: f"for_{p}.jsonl?level=student&own=true" for p in Privacy}
    for column, file in asked.items():
        answer = await guarded.client.get(
            f"/exports/{HERE}/{file}", headers={"authorization": f"JWT {principal.token}"}
        )
        is_granted = row[f"oneself: {column}"] == "exact"
        assert answer.status_code == (200 if is_granted else 403), file
        lines = answer.text.splitlines() if is_granted else []
        own = [principal.user_id] if principal.sees == "student" and is_granted else []
        assert [orjson.loads(line)["user_id"] for line in lines] == own
