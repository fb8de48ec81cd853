"""A refresh of all indicators against the slowest single one, and its peak memory."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.data import Prepared, read_course
from bench.measure import interleave, report, show, verdict
from courselens.computing import Limits, compute_course
from courselens.domain import to_us
from indicators.context import Times
from indicators.registry import load_registry

GOAL_RATIO, GOAL_PEAK_MB = 3.0, 3000


def run(prepared: Prepared, *, rounds: int) -> bool:
    """Compare and print; whether all goals are reached."""
    keys = list(load_registry().indicators)
    arguments = [str(prepared.lake), str(prepared.tables), prepared.course_key]
    singles = interleave({key: ["bench.refresh", key, *arguments] for key in keys}, rounds=1)
    slowest = max(singles.values(), key=lambda measured: measured.seconds).name
    measured = interleave(
        {name: ["bench.refresh", name, *arguments] for name in ("all", slowest)}, rounds=rounds
    )
    everything, single = measured["all"], measured[slowest]
    ratio = everything.seconds / single.seconds
    goals = [ratio <= GOAL_RATIO, everything.peak_mb <= GOAL_PEAK_MB]
    show(
        f"refresh of {len(keys)} indicators, {prepared.events:,} events: "
        f"{everything.seconds:.2f} s; slowest single {slowest} {single.seconds:.2f} s; "
        f"all singles {sum(one.seconds for one in singles.values()):.2f} s",
        [
            ("all / slowest single", f"{ratio:.2f}", f"<= {GOAL_RATIO}", verdict(goals[0])),
            (
                "peak memory, MB",
                f"{everything.peak_mb:.0f}",
                f"<= {GOAL_PEAK_MB}",
                verdict(goals[1]),
            ),
        ],
    )
    return all(goals)


def refresh(name: str, lake: Path, tables: Path, course_key: str) -> None:
    """Compute one indicator, or all, at every level."""
    registry = load_registry()
    data = read_course(lake, tables, course_key)
    keys = list(registry.indicators) if name == "all" else [name]
    now = Times(now_us=to_us(datetime.now(UTC)))
    report(lambda: compute_course(registry, keys, data, times=now, limits=Limits("2GB", None)))


if __name__ == "__main__":
    refresh(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
