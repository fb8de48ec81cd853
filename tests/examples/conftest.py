"""A course with numbers that can be checked by hand, served as an installation serves it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from aggregates.database import Database
from aggregates.layout import Layout
from aggregates.store import Store
from courselens.settings import Settings
from courselens.tokens import issue_token, make_key
from indicators.registry import load_registry
from indicators.result import COURSE_GROUP, CourseResults
from tests.data.served_courses import summary
from tests.data.stored_course import (
    Person,
    build_course,
    build_result,
)
from tests.examples.programs import find_npm, install_packages, run
from tests.programs import required
from tests.serving import ServerProcess, listen

ROOT = Path(__file__).parents[2]
TYPESCRIPT = ROOT / "examples" / "typescript"
COURSE = "course-v1:Uni+Clients+2026"
TITLE = "Clients & <friends>"
STAFF = 900
STUDENTS = tuple(range(1, 41))
"""Student `n` spent `10 * n` minutes and has `n` percent, but for the last, who has no numbers."""


def clients_course() -> CourseResults:
    """40 students, so that medians and quartiles are told to students too."""
    indicator = load_registry().indicator
    counted = STUDENTS[:-1]
    seconds = [600.0 * number for number in counted]
    ratios = [number / 100 for number in counted]
    percentiles = [100 * (place + 0.5) / len(counted) for place in range(len(counted))]
    return build_course(
        [
            Person(user_id, username=f"learner-{user_id}", cohort="Blue" if user_id > 20 else None)
            for user_id in STUDENTS
        ],
        [
            build_result(
                indicator("time_on_course"),
                student={
                    "values": [
                        {"user_id": user_id, "seconds": value}
                        for user_id, value in zip(counted, seconds, strict=True)
                    ]
                },
                group={"values": [{"group_id": COURSE_GROUP, "active_learners": len(counted)}]},
                summaries=[summary(COURSE_GROUP, "seconds", seconds)],
                standing=[
                    {"user_id": user_id, "field": "seconds", "percentile": percentile}
                    for user_id, percentile in zip(counted, percentiles, strict=True)
                ],
                course_key=COURSE,
            ),
            build_result(
                indicator("course_grade"),
                student={
                    "values": [
                        {"user_id": user_id, "ratio": ratio, "passed": ratio >= 0.3}
                        for user_id, ratio in zip(counted, ratios, strict=True)
                    ]
                },
                group={
                    "values": [
                        {
                            "group_id": COURSE_GROUP,
                            "n": len(counted),
                            "mean": 0.2,
                            "passed_learners": 10,
                        }
                    ]
                },
                course_key=COURSE,
            ),
        ],
        course_key=COURSE,
        roles=[{"user_id": STAFF, "org": "Uni", "course_key": COURSE, "role": "staff"}],
        display_name=TITLE,
    )


@dataclass(frozen=True, slots=True)
class Installation:
    """A served course; `environment` is what the examples read of it."""

    address: str
    home: Path
    database_url: str

    def token(self, user_id: int) -> str:
        """A token of a user."""
        key = make_key(Settings(home=self.home).keys_path)
        return issue_token(key, user_id=user_id, username=f"user-{user_id}", now=datetime.now(UTC))

    def environment(self, user_id: int) -> dict[str, str]:
        """Variables of a program of this user."""
        return {
            **os.environ,
            "COURSELENS_URL": self.address,
            "COURSELENS_TOKEN": self.token(user_id),
            "COURSELENS_COURSE": COURSE,
        }

    def register(self, manifest: Path) -> None:
        """Register a manifest of documents, as operators do."""
        done = subprocess.run(
            [Path(sys.executable).parent / "courselens", "documents", "register", manifest],
            env={
                **os.environ,
                "COURSELENS_HOME": str(self.home),
                "COURSELENS_DATABASE_URL": self.database_url,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def installation(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One server for the examples of all languages."""
    home = tmp_path_factory.mktemp("clients")
    name = f"courselens_examples_{os.getpid()}"
    url = urlunsplit(urlsplit(postgres_server)._replace(path=f"/{name}"))
    asyncio.run(_execute(postgres_server, f"CREATE DATABASE {name}"))
    asyncio.run(store_course(url, clients_course()))
    with listen() as listener:
        Installation("", home, url).token(STAFF)  # makes the key that the server accepts
        server = ServerProcess(listener, home, database_url=url, points_per_minute=0)
        server.wait_until_started()
        yield Installation(server.address, home, url)
        server.stop()
    asyncio.run(_execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """The TypeScript example, generated and compiled, beside the schema as in the repository."""
    npm = required(find_npm(), "Node.js 20.19 or newer with npm is not installed")
    assert pytestconfig.cache is not None
    packages = install_packages(npm, TYPESCRIPT, pytestconfig.cache.mkdir("npm"))
    root = tmp_path_factory.mktemp("typescript")
    shutil.copy(ROOT / "schema.graphql", root)
    folder = root / "examples" / "typescript"
    made = shutil.ignore_patterns("node_modules", "dist", "gql")
    shutil.copytree(TYPESCRIPT, folder, ignore=made)
    (folder / "node_modules").symlink_to(packages)
    built = run([npm, "run", "build"], folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def store_course(url: str, course: CourseResults, *, input_digest: str = "1") -> None:
    """Store the course, as a refresh commits it."""
    database = await Database.connect(url, pool_size=2, deadline_seconds=30)
    store = Store(database, Layout(load_registry()), write_deadline_seconds=60)
    try:
        await store.migrate()
        await store.write(course, input_digest=input_digest, cursors={})
    finally:
        await store.close()
