"""A small simulated source, and the command run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from courselens.cli import main
from courselens.simulator import SimulatedCourse, simulate


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> tuple[Path, SimulatedCourse]:
    folder = tmp_path_factory.mktemp("simulated") / "source"
    report = simulate(folder, students=40, weeks=2, seed=3)
    return folder, report.courses[0]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Ran]:
    """Run `courselens` with arguments; settings point into a folder of the test."""
    monkeypatch.setenv("COURSELENS_HOME", str(tmp_path / "home"))

    def run_command(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["courselens", *(str(one) for one in arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        printed = capfd.readouterr()
        return Ran(code, printed.out, printed.err)

    return run_command
