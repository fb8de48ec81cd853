"""Run programs in turn, each in a process of its own, and compare medians."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Measured:
    """Median of a program's runs: wall seconds, and peak resident memory of its process in MB."""

    name: str
    seconds: float
    peak_mb: float


def interleave(programs: dict[str, Sequence[str]], *, rounds: int) -> dict[str, Measured]:
    """Run every program once a round, the order reversed every other round.

    A program is the arguments of a `python -m` call whose last output line is JSON with `seconds`
    and `peak_mb`.
    """
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
    for turn in range(rounds):
        names = list(programs) if turn % 2 == 0 else list(reversed(programs))
        for name in names:
            done = subprocess.run(
                [sys.executable, "-m", *programs[name]], check=True, stdout=subprocess.PIPE
            )
            runs[name].append(json.loads(done.stdout.splitlines()[-1]))
    return {
        name: Measured(
            name,
            statistics.median(run["seconds"] for run in measured),
            statistics.median(run["peak_mb"] for run in measured),
        )
        for name, measured in runs.items()
    }


def report(work: Callable[[], object]) -> None:
    """Time some work in this process and print seconds and peak memory as JSON."""
    before = time.perf_counter()
    work()
    seconds = time.perf_counter() - before
    print(json.dumps({"seconds": seconds, "peak_mb": peak_memory_mb()}))


def peak_memory_mb() -> float:
    """Peak resident memory of this process; `getrusage` would count its parent's before exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM; the benchmarks need Linux")


def show(title: str, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Print a table of measurement, value, goal, and whether it was reached."""
    table = Table(title=title, title_justify="left")
    for name in ("measured", "value", "goal", "reached"):
        table.add_column(name, justify="left" if name == "measured" else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def verdict(is_reached: bool) -> str:
    """A word for a goal."""
    return "yes" if is_reached else "NO"
