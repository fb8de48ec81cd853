"""Runs the demo: simulate, load, compute, serve; or ask one question and stop."""

from __future__ import annotations

import asyncio
import json
import shutil
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from courselens.installed import load_installed
from courselens.serving import running_server
from courselens.settings import Settings
from courselens.simulator import Account, SimulatedCourse, simulate
from courselens.storage import open_store
from courselens.tokens import issue_token, make_key
from workers.ledger import Ledger
from workers.worker import Worker

Report = Callable[[str, int, int], None]

_QUERIES = Path(__file__).parent
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class DemoCourse:
    """The simulated course and tokens of two people who may look at it."""

    course: SimulatedCourse
    team_token: str
    student_token: str


def sample_query() -> str:
    """The README's sample query, for a member of the course team."""
    return (_QUERIES / "sample_query.graphql").read_text(encoding="utf-8")


def student_query() -> str:
    """The sample query of a student about themselves."""
    return (_QUERIES / "student_query.graphql").read_text(encoding="utf-8")


def demo_settings(settings: Settings, folder: Path) -> Settings:
    """Settings of a demo below `folder`, whose only source is the simulated one."""
    changes = {
        "home": folder / "home",
        "source_paths": (folder / "source",),
        "mysql_url": None,
        "mongo_url": None,
        "tracking_table": False,
    }
    return settings.model_copy(update=changes)


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Settings]:
    """A worker in this process, so that a refresh that is asked for is done.

    Yields:
        Settings with the database that it works on, which ends with the block if it is embedded.

    Raises:
        StoreError: the database cannot be opened.
    """
    registry = await asyncio.to_thread(load_installed, settings)
    async with open_store(settings, registry) as store:
        url = SecretStr(store.database.url)
        shared = settings.model_copy(update={"database_url": url})
        stop = asyncio.Event()
        ledger = Ledger(store.database, lease_seconds=settings.lease_seconds)
        worker = asyncio.create_task(Worker(shared, ledger, url.get_secret_value()).run(stop))
        try:
            yield shared
        finally:
            stop.set()
            await worker


def prepare_source(
    folder: Path, *, students: int, weeks: int, seed: int, progress: Report | None = None
) -> SimulatedCourse:
    """Simulate a course into a folder, once for the same numbers.

    The same seed gives the same bytes, so a folder that was finished is taken as it is.
    """
    note = folder / "demo.json"
    asked = {"students": students, "weeks": weeks, "seed": seed}
    if note.exists():
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["asked"] == asked:
            return SimulatedCourse(
                course_key=known["course_key"],
                team_member=Account(**known["team_member"]),
                student=Account(**known["student"]),
            )
        shutil.rmtree(folder)
    report = simulate(
        folder / "source", students=students, weeks=weeks, seed=seed, progress=progress
    )
    course = report.courses[0]
    known = {
        "asked": asked,
        "course_key": course.course_key,
        "team_member": asdict(course.team_member),
        "student": asdict(course.student),
    }
    note.write_text(json.dumps(known), encoding="utf-8")
    return course


def sign_in(settings: Settings, course: SimulatedCourse) -> DemoCourse:
    """Tokens for the demo's course-team member and student."""
    key = make_key(settings.keys_path)
    team, student = (
        issue_token(
            key,
            user_id=account.user_id,
            username=account.username,
            now=datetime.now(UTC),
            rules=settings.token_rules,
        )
        for account in (course.team_member, course.student)
    )
    return DemoCourse(course, team, student)


async def ask_once(settings: Settings, question: str, variables: dict[str, Any], token: str) -> Any:
    """Serve, ask one question over HTTP, stop, and give the answer."""
    async with running_server(settings) as server:
        return await asyncio.to_thread(_post, server.address, question, variables, token)


def _post(address: str, question: str, variables: dict[str, Any], token: str) -> Any:
    request = urllib.request.Request(  # noqa: S310 the address is our own server's
        f"{address}/graphql",
        data=json.dumps({"query": question, "variables": variables}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"JWT {token}"},
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as response:  # noqa: S310
        return json.load(response)
