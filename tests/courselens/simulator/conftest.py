"""One small simulation that the tests of the simulator read, and readers of its files."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from courselens.simulator import SimulationReport, simulate

Row = dict[str, str | None]
Event = dict[str, Any]
_UNESCAPED = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


@dataclass(frozen=True)
class Simulated:
    """A folder that `simulate` wrote, and its report."""

    folder: Path
    report: SimulationReport

    @cached_property
    def lines(self) -> list[bytes]:
        """All lines of all logs, in the order of the files."""
        found: list[bytes] = []
        for path in sorted(self.folder.glob("*.log.gz")):
            found += gzip.decompress(path.read_bytes()).split(b"\n")[:-1]
        return found

    @cached_property
    def events(self) -> list[Event]:
        """Lines that are JSON, both envelopes in one shape, payloads decoded, by time."""
        found = []
        for line in self.lines:
            try:
                record = json.loads(line[line.index(b"{") :])
            except ValueError:
                continue
            found.append(_one_shape(record))
        return sorted(found, key=lambda event: event["time"])

    def table(self, name: str) -> list[Row]:
        """Rows of a package table, unescaped, NULL as None."""
        (path,) = self.folder.glob(f"*-{name}-prod-analytics.sql")
        head, *rows = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        names = head.split("\t")
        return [
            dict(zip(names, (_unescape(value) for value in row.split("\t")), strict=True))
            for row in rows
        ]

    def structure(self) -> dict[str, dict[str, Any]]:
        """The course structure file."""
        (path,) = self.folder.glob("*-course_structure-prod-analytics.json")
        return json.loads(path.read_text(encoding="utf-8"))


def _one_shape(record: Event) -> Event:
    context = record["context"]
    payload = record["data"] if "data" in record else record["event"]
    if isinstance(payload, str) and payload.startswith("{"):
        payload = json.loads(payload)
    return {
        "type": record["name"] if "data" in record else record["event_type"],
        "payload": payload,
        "source": record.get("event_source") or context.get("event_source"),
        "time": record.get("time") or record["timestamp"],
        "user_id": context.get("user_id"),
        "username": record.get("username", context.get("username")),
        "context": context,
    }


def _unescape(text: str) -> str | None:
    if text == "NULL":
        return None
    found, rest = "", iter(text)
    for letter in rest:
        found += _UNESCAPED[next(rest)] if letter == "\\" else letter
    return found


@pytest.fixture(scope="session")
def simulated(tmp_path_factory) -> Simulated:
    folder = tmp_path_factory.mktemp("simulated") / "out"
    return Simulated(folder, simulate(folder, students=150, weeks=4, seed=7))
