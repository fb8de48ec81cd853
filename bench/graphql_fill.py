"""The course that the GraphQL benchmark asks about, stored once."""

from __future__ import annotations

import asyncio
import shutil
import statistics
from pathlib import Path
from typing import Any

from aggregates.embedded import EmbeddedPostgres
from aggregates.store import Store
from bench.graphql_data import COURSE, FIELDS, FIRST_USER, STAFF, STUDENTS, bench_registry
from indicators.result import COURSE_GROUP
from tests.data.stored_course import Person, build_course, build_result


def fill(folder: Path) -> None:
    """Store the course in an embedded PostgreSQL below the folder, once."""
    done = folder / "filled-2"
    if done.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with EmbeddedPostgres(folder / "postgres") as server:
        asyncio.run(_fill(server.url))
    done.touch()


async def _fill(url: str) -> None:
    registry = bench_registry()
    users = range(FIRST_USER, FIRST_USER + STUDENTS)
    people = [Person(user, cohort=f"Group {user % 20}") for user in users]
    rows = {
        "time": [(user, user % 90_000, user % 40, user % 60) for user in users],
        "video": [(user, user % 30, user % 100 / 97, user % 300) for user in users],
        "problems": [(user, user % 80, user % 71, user % 50 / 7) for user in users],
        "grade": [(user, user % 101 / 103, user % STUDENTS, _instant(user)) for user in users],
    }
    results = [
        build_result(
            registry.indicator(key),
            student={
                "values": [dict(zip(("user_id", *FIELDS[key]), row, strict=True)) for row in found]
            },
            summaries=[_summary(name, found, place) for place, name in _numeric(key)],
            course_key=COURSE,
        )
        for key, found in rows.items()
    ]
    course = build_course(
        people,
        results,
        course_key=COURSE,
        roles=[{"user_id": STAFF, "org": "Bench", "course_key": COURSE, "role": "staff"}],
    )
    store = await Store.connect(url, registry=registry, deadline_seconds=60)
    await store.migrate()
    await store.write(course, input_digest="1", cursors={})
    await store.close()


def _numeric(key: str) -> list[tuple[int, str]]:
    """The numbers of an indicator and their places in its rows."""
    return [(place, name) for place, name in enumerate(FIELDS[key], 1) if name != "changed_at"]


def _summary(name: str, rows: list[tuple[Any, ...]], place: int) -> dict[str, Any]:
    numbers = sorted(float(row[place]) for row in rows)
    quarter = len(numbers) // 4
    return {
        "group_id": COURSE_GROUP,
        "field": name,
        "n": len(numbers),
        "n_null": 0,
        "mean": statistics.fmean(numbers),
        "sd": statistics.pstdev(numbers),
        "median": numbers[2 * quarter],
        "p25": numbers[quarter],
        "p75": numbers[3 * quarter],
        "sum": sum(numbers),
        "minimum": numbers[0],
        "maximum": numbers[-1],
        "histogram": [len(numbers) // 20] * 20,
    }


def _instant(user: int) -> int | None:
    """Microseconds since 1970, missing for every tenth."""
    return None if user % 10 == 0 else 1_770_000_000_000_000 + user * 1_000_003
