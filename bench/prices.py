"""What a point of a question's price takes of processor time, here and in PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aggregates.embedded import EmbeddedPostgres
from bench.data import FOLDER
from bench.graphql_clients import Client, Server
from bench.graphql_data import COURSE, FIRST_USER, STAFF, Served
from bench.graphql_fill import fill
from bench.measure import show, verdict
from courselens.tokens import issue_token

POINT_US = 4.0
"""What a point stands for (decision 0115)."""
MOST = 3.0
"""No question may take so many times its price."""
REQUESTS = 40
_SUMMARY = "indicators { time { seconds { n mean sd median p25 p75 histogram { lower count } } } }"
_STUDENT = (
    "username indicators { time { seconds } video { share } problems { solved } grade { ratio } }"
)
_COURSE = {
    "a course": "title",
    "one student": f"student(userId: $u) {{ {_STUDENT} }}",
    "a page of 25": f"students {{ nodes {{ {_STUDENT} }} }}",
    "a page of 100": f"students(first: 100) {{ nodes {{ {_STUDENT} }} }}",
    "a page, sorted": "students(orderBy: { indicator: TIME_SECONDS }) { nodes { userId } }",
    "a page, filtered": (
        "students(filter: { values: { timeSeconds: { gt: 9 } } }) { nodes { userId } }"
    ),
    "a count": "students(first: 0) { totalCount }",
    "the class": _SUMMARY,
    "a group": f"group(filter: {{}}) {{ size {_SUMMARY} }}",
    "ten groups": "compare(groups: [" + '{ label: "a" } ' * 10 + f"]) {{ size {_SUMMARY} }}",
}
QUESTIONS = {
    "the viewer": "{ viewer { userId } }",
    **{name: f"{{ course(key: $c) {{ {fields} }} }}" for name, fields in _COURSE.items()},
}


def run(*, rounds: int) -> bool:
    """Measure and print; whether every question takes at most `MOST` times its price."""
    folder = FOLDER / "graphql"
    fill(folder)
    with EmbeddedPostgres(folder / "postgres") as database:
        served = Served(database.url, folder / "keys")
        served.key()
        server = Server("ours", served)
        try:
            server.wait()
            return asyncio.run(_measure(server, served, folder / "postgres", rounds))
        finally:
            server.process.kill()
            server.process.wait()


async def _measure(server: Server, served: Served, database: Path, rounds: int) -> bool:
    key = served.key()

    def token_of(user_id: int) -> str:
        return issue_token(key, user_id=user_id, username=f"u{user_id}", now=datetime.now(UTC))

    client = Client(server.port, token_of)
    asked = {name: (STAFF, _body(query)) for name, query in QUESTIONS.items()}
    points: dict[str, int] = {}
    for name, one in asked.items():
        (answer,) = await client.ask([one], 1)
        told: Any = json.loads(answer)
        if "errors" in told:
            raise SystemExit(f"{name}: {told['errors']}")
        points[name] = told["extensions"]["cost"]["requested"]
        await client.ask([one] * REQUESTS, 1)
    taken: dict[str, list[float]] = {name: [] for name in asked}
    for turn in range(rounds):
        for name in asked if turn % 2 == 0 else reversed(asked):
            before = server.cpu_seconds() + _cpu_of_postgres(database)
            await client.ask([asked[name]] * REQUESTS, 1)
            seconds = server.cpu_seconds() + _cpu_of_postgres(database) - before
            taken[name].append(seconds / REQUESTS)
    rows, reached = [], True
    for name, found in taken.items():
        microseconds = statistics.median(found) * 1e6
        ratio = microseconds / points[name] / POINT_US
        reached &= ratio <= MOST
        said = f"{microseconds:,.0f} µs for {points[name]:,} points: {ratio:.2f}"
        rows.append((name, said, f"<= {MOST:g}", verdict(ratio <= MOST)))
    show(f"Processor time over price, a point being {POINT_US:g} µs", rows)
    return reached


def _body(query: str) -> bytes:
    used = [text for name, text in (("$c", "$c: ID!"), ("$u", "$u: Int!")) if name in query]
    head = f"query({', '.join(used)}) " if used else ""
    variables = {"c": COURSE, "u": FIRST_USER}
    known = {name: value for name, value in variables.items() if f"${name}" in query}
    return json.dumps({"query": head + query, "variables": known}).encode()


def _cpu_of_postgres(folder: Path) -> float:
    """Seconds of all backends so far, their parent's dead ones left out: connections stay open."""
    parent = (folder / "postmaster.pid").read_text().split()[0]
    found = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            is_child = stat.read_text().rpartition(")")[2].split()[1] == parent
            if is_child:
                found += int((stat.parent / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            continue  # it has just ended
    return found
