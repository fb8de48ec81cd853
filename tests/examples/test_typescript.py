"""The TypeScript client: generated, compiled, run against a served course, shown in a browser."""

from __future__ import annotations

import html
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.examples.conftest import COURSE, STAFF, TITLE, Installation
from tests.examples.programs import (
    browse,
    chromium_or_skip,
    run,
)

MISSING = "\N{EN DASH}"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def registered(typescript: Path, installation: Installation) -> Installation:
    """The installation, with the manifest that the generator wrote registered."""
    manifest = typescript / "src" / "gql" / "persisted-documents.json"
    assert len(json.loads(manifest.read_text())) == len(list(typescript.glob("src/documents/*")))
    installation.register(manifest)
    return installation


def test_its_own_tests_pass(typescript: Path, registered: Installation) -> None:
    environment = {**registered.environment(STAFF), "COURSELENS_REGISTERED": "1"}
    tested = run(["npm", "test"], typescript, environment)
    assert tested.returncode == 0, tested.stdout
    assert "# skipped 0" in tested.stdout
    assert int(re.findall(r"# pass (\d+)", tested.stdout)[0]) >= 10


def test_it_prints_the_class_and_all_students_by_time(
    typescript: Path, installation: Installation
) -> None:
    printed = run(["node", "dist/src/print.js"], typescript, installation.environment(STAFF))
    assert printed.returncode == 0, printed.stderr
    title, time, *students = printed.stdout.splitlines()
    assert title == TITLE
    assert time == "39 students, median 3 h 20 min on the course"
    assert len(students) == 40
    assert students[0] == "1\tlearner-39\t6 h 30 min\t39 %"
    assert students[38] == "39\tlearner-1\t10 min\t1 %"
    assert students[39] == f"40\tlearner-40\t{MISSING}\t{MISSING}"


def test_a_document_that_does_not_fit_the_schema_is_not_generated(typescript: Path) -> None:
    wrong = typescript / "src" / "documents" / "wrong.graphql"
    wrong.write_text("query Wrong($course: ID!) { course(key: $course) { titel } }")
    try:
        generated = run(["npm", "run", "generate"], typescript)
    finally:
        wrong.unlink()
    assert generated.returncode != 0
    assert 'Cannot query field "titel"' in generated.stdout + generated.stderr


def test_a_field_that_was_not_asked_for_does_not_compile(typescript: Path) -> None:
    wrong = typescript / "src" / "wrong.ts"
    wrong.write_text(
        "import type { RosterRow } from './roster.js'\n"
        "export const mode = (row: RosterRow) => row.mode\n"
        "export const hours = (row: RosterRow) => row.indicators.timeOnCourse.seconds / 3600\n"
    )
    try:
        compiled = run(["npx", "--no-install", "tsc", "--noEmit"], typescript)
    finally:
        wrong.unlink()
    assert compiled.returncode != 0
    assert "Property 'mode' does not exist" in compiled.stdout
    assert "'row.indicators' is possibly 'null'" in compiled.stdout


@contextmanager
def page_of(typescript: Path, installation: Installation) -> Iterator[str]:
    """The address of the page, while a development server serves it."""
    vite = subprocess.Popen(
        ["node", "node_modules/vite/bin/vite.js", "--port", "0", "--clearScreen", "false"],
        cwd=typescript,
        env={**installation.environment(STAFF), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    patience = threading.Timer(60, vite.kill)
    patience.start()
    try:
        yield _address(vite)
    finally:
        patience.cancel()
        vite.terminate()
        vite.communicate(timeout=30)


def _address(vite: subprocess.Popen[str]) -> str:
    assert vite.stdout is not None
    said = ""
    for line in vite.stdout:
        said += line
        found = re.search(r"Local:\s+(http://\S+)", line)
        if found:
            return found[1]
    raise AssertionError(said)


def cells_of(page: str) -> list[list[str]]:
    """Texts of the table's rows."""
    body = page.partition('<tbody id="rows">')[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body)
    return [[html.unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", row)] for row in rows]


def test_the_page_shows_the_roster_by_time(
    typescript: Path, installation: Installation, tmp_path: Path
) -> None:
    chromium = chromium_or_skip()
    with page_of(typescript, installation) as address:
        signed_in = urlencode({"token": installation.token(STAFF), "course": COURSE})
        page = browse(chromium, f"{address}#{signed_in}", tmp_path)
        refused = browse(chromium, f"{address}#token=x&course={COURSE}", tmp_path)
    rows = cells_of(page)
    assert len(rows) == 25
    assert rows[0] == ["1", "learner-39", "Blue", "6 h 30 min", "99", "39 %"]
    assert rows[24] == ["25", "learner-15", MISSING, "2 h 30 min", "37", "15 %"]
    assert cells_of(refused) == []
    assert "paste a new one" in refused


def test_the_page_can_be_built(typescript: Path) -> None:
    built = run(["node", "node_modules/vite/bin/vite.js", "build"], typescript)
    assert built.returncode == 0, built.stdout + built.stderr
    page = (typescript / "dist" / "page" / "index.html").read_text()
    (script,) = re.findall(r'src="/(assets/[^"]+\.js)"', page)
    assert "TIME_ON_COURSE" in (typescript / "dist" / "page" / script).read_text()
