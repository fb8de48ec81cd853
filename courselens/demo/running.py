"""Runs the demo: simulate, load, compute, serve; or ask one question and stop."""

from __future__ import annotations

import asyncio
import json
import shutil
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from courselens.serving import running_server
from courselens.settings import Settings
from courselens.simulator import Account, SimulatedCourse, simulate
from courselens.tokens import TokenRules, issue_token, make_key

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
    rules = TokenRules(settings.token_issuer, settings.token_audience)
    team, student = (
        issue_token(
            key,
            user_id=account.user_id,
            username=account.username,
            now=datetime.now(UTC),
            rules=rules,
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
