"""The template and the examples, from their wheels to the answer of the API, and gone again."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.plugin_kit.environment import ROOT, Environment, build_wheel

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "examples" / "plugins"
PACKAGES = {
    "my-indicators": ROOT / "plugin-template",
    "acme-tutoring": EXAMPLES / "acme-tutoring",
    "acme-rhythm": EXAMPLES / "acme-rhythm",
}
KEYS = {
    "my_indicators_weekend_share": ("my-indicators", "0.1.0"),
    "my_indicators_problems_tried": ("my-indicators", "0.1.0"),
    "acme_tutoring_hours": ("acme-tutoring", "1.0.0"),
    "acme_rhythm": ("acme-rhythm", "1.0.0"),
}
FIELDS = (
    "myIndicatorsWeekendShare",
    "myIndicatorsProblemsTried",
    "acmeTutoringHours",
    "acmeRhythm",
)
COURSE = "course-v1:SimX+SIM101+2025_02"
QUESTION = """
query($course: ID!) {
  course(key: $course) {
    indicators {
      acmeTutoringHours { n mean }
      myIndicatorsWeekendShare { n }
      myIndicatorsProblemsTried { n median }
      acmeRhythm { rows { rhythm learners } }
    }
    students(first: 20, filter: { values: { acmeTutoringHours: { gte: 0.5 } } }) {
      nodes { username indicators {
        acmeTutoringHours { hours }
        myIndicatorsWeekendShare { share }
        myIndicatorsProblemsTried { problems }
        acmeRhythm { rhythm }
      } }
    }
  }
  indicators { key chart version provider }
}
"""


@pytest.fixture(scope="module")
def installed(
    environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """The environment with all three packages."""
    folder = tmp_path_factory.mktemp("wheels")
    for source in PACKAGES.values():
        environment.pip("install", build_wheel(source, folder))
    yield environment
    environment.pip("uninstall", "--yes", *PACKAGES)


@pytest.mark.parametrize("name", ["acme-rhythm", "acme-tutoring"])  # the tutorial does the other
def test_an_example_passes_its_own_tests(installed: Environment, name: str):
    printed = installed.run(
        installed.bin / "pytest", "-q", "-p", "no:cacheprovider", cwd=PACKAGES[name]
    )
    assert " passed" in printed
    assert "skipped" not in printed


def test_from_installing_to_answering_to_leaving_nothing_behind(
    installed: Environment, postgres_url: str, tmp_path: Path
):
    installed.courselens("simulate", "--out", tmp_path / "source", "--students", 40, "--weeks", 2)
    tutored = _write_sessions(tmp_path)
    settings: dict[str, Any] = {
        "home": tmp_path / "home",
        "database_url": postgres_url,
        "plugin_acme_tutoring_sessions_file": tmp_path / "sessions.csv",
    }

    listed = json.loads(installed.courselens("indicators", "list", "--json", **settings))
    found = {row["key"]: row for row in listed if row["key"] in KEYS}
    assert {
        key: (row["distribution"], row["distribution_version"]) for key, row in found.items()
    } == KEYS
    assert {row["state"] for row in found.values()} == {"ready"}
    # Only what is looked at below: computing everything takes its time.
    settings["disabled"] = " ".join(
        row["key"] for row in listed if row["distribution"] == "courselens"
    )

    (done,) = json.loads(installed.courselens("refresh", tmp_path / "source", "--json", **settings))
    assert (done["course"], done["indicators"], done["failed"]) == (COURSE, len(KEYS), "")
    schema = installed.courselens("schema", **settings)
    assert all(f"{field}: " in schema for field in FIELDS)
    _check_answer(_ask(installed, settings), tutored)

    installed.pip("uninstall", "--yes", *PACKAGES)
    schema = installed.courselens("schema", **settings)
    assert not any(field in schema for field in FIELDS)
    left = json.loads(
        installed.courselens("indicators", "prune", "--dry-run", "--json", **settings)
    )
    assert any(row["rows"] for row in left)
    installed.courselens("indicators", "prune", "--yes", **settings)
    assert json.loads(installed.courselens("indicators", "prune", "--json", **settings)) == []


def _write_sessions(folder: Path) -> dict[str, float]:
    """The tutoring centre's file: hours by username."""
    (accounts,) = (folder / "source").rglob("*-auth_user-prod-analytics.sql")
    with accounts.open(encoding="utf-8", newline="") as file:
        names = [row["username"] for row in csv.DictReader(file, delimiter="\t")][-30:]
    hours = {name: 0.5 + number / 60 for number, name in enumerate(names)}
    with (folder / "sessions.csv").open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["session", "course_key", "username", "minutes", "room"])
        for number, name in enumerate(names):
            sheet.writerow([f"{number}a", COURSE, name, 30, "B12"])
            sheet.writerow([f"{number}b", COURSE, name, number, ""])
            sheet.writerow([f"{number}c", "course-v1:SimX+Other+1", name, 600, ""])
    return hours


def _ask(installed: Environment, settings: dict[str, Any]) -> Any:
    token = installed.courselens("token", "--user-id", 4, "--username", "staff", **settings).strip()
    server = subprocess.Popen(
        [str(installed.bin / "courselens"), "serve", "--port", "0"],
        env=installed.variables(**settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        said = next(line for line in server.stderr if "serving at" in line)
        answer = httpx.post(
            said.split()[-1],
            json={"query": QUESTION, "variables": {"course": COURSE}},
            headers={"authorization": f"JWT {token}"},
            timeout=30,
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


def _check_answer(data: Any, tutored: dict[str, float]) -> None:
    course = data["course"]
    assert course["indicators"]["acmeTutoringHours"]["n"] > 30
    rows = course["indicators"]["acmeRhythm"]["rows"]
    assert [row["rhythm"] for row in rows] == ["DAILY", "REGULAR", "RARE", "AWAY"]
    assert sum(row["learners"] for row in rows) == course["indicators"]["acmeTutoringHours"]["n"]
    nodes = course["students"]["nodes"]
    assert len(nodes) == 20
    for node in nodes:
        values = node["indicators"]
        assert values["acmeTutoringHours"]["hours"] == pytest.approx(tutored[node["username"]])
        assert values["acmeRhythm"]["rhythm"] in {"DAILY", "REGULAR", "RARE", "AWAY"}
        assert values["myIndicatorsProblemsTried"]["problems"] >= 0
    assert any(node["indicators"]["myIndicatorsWeekendShare"]["share"] for node in nodes)
    about = {one["key"]: one for one in data["indicators"]}
    assert json.loads(about["acme_rhythm"]["chart"])["mark"] == "bar"
    assert about["acme_tutoring_hours"]["chart"] is None
    assert about["acme_tutoring_hours"]["provider"].startswith("acme-tutoring")
