"""One more day of logs: its cost against its share of all days, and the same rows."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.data import Prepared
from bench.ingest import unpack
from bench.measure import show, verdict
from loaders.events.ingest import ingest
from loaders.events.lake import Lake
from loaders.events.structure import Structure

GOAL_TIMES = 2.0


def run(prepared: Prepared, *, rounds: int) -> bool:
    """Compare and print; whether the goals are reached."""
    plain = prepared.lake.parent / "plain"
    if not plain.exists():
        unpack(prepared.source, plain)
    logs = sorted(plain.iterdir())
    last = max(logs, key=lambda log: log.stat().st_size)  # a busy day comes last
    logs = logs[: logs.index(last) + 1]
    share = last.stat().st_size / sum(log.stat().st_size for log in logs)
    with tempfile.TemporaryDirectory(prefix="courselens-bench-") as name:
        whole, grown = Lake(Path(name) / "whole"), Lake(Path(name) / "grown")
        full = float("inf")
        for _ in range(rounds):
            shutil.rmtree(whole.path, ignore_errors=True)
            full = min(full, _seconds(logs, whole))
        _seconds(logs[:-1], grown)
        kept = Path(name) / "kept"
        shutil.copytree(grown.path, kept)
        more = float("inf")
        for _ in range(rounds):
            shutil.rmtree(grown.path)
            shutil.copytree(kept, grown.path)
            more = min(more, _seconds(logs, grown))
        keys = whole.course_keys()
        is_same = keys == grown.course_keys() and all(
            whole.version(key) == grown.version(key) for key in keys
        )
    times = more / full / share
    goals = [times <= GOAL_TIMES, is_same]
    show(
        f"one more of {len(logs)} logs, {share:.1%} of all text: {more:.2f} s; all {full:.1f} s",
        [
            ("time / its share", f"{times:.2f}", f"<= {GOAL_TIMES}", verdict(goals[0])),
            ("rows as in a full run", str(is_same), "True", verdict(is_same)),
        ],
    )
    return all(goals)


def _seconds(logs: Sequence[Path], lake: Lake) -> float:
    before = time.perf_counter()
    ingest(logs, lake, structure=Structure())
    return time.perf_counter() - before
