"""Ingestion against the bare copy of the same logs: DuckDB's `read_ndjson` of the eight columns."""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb

from bench.data import Prepared
from bench.measure import interleave, report, show, verdict
from loaders.events.ingest import ingest
from loaders.events.lake import Lake
from loaders.events.structure import Structure

GOAL_RATIO = 0.4
GOAL_PEAK_MB = 3000
_COLUMNS = """{username: 'VARCHAR', event_type: 'VARCHAR', name: 'VARCHAR', time: 'VARCHAR',
    event_source: 'VARCHAR', page: 'VARCHAR', event: 'VARCHAR',
    context: 'STRUCT(course_id VARCHAR, user_id VARCHAR)'}"""


def run(prepared: Prepared, *, rounds: int) -> bool:
    """Compare and print; whether the goals are reached."""
    plain = prepared.lake.parent / "plain"
    if not plain.exists():
        unpack(prepared.source, plain)
    size = sum(path.stat().st_size for path in plain.iterdir())
    measured = interleave(
        {name: ["bench.ingest", name, str(plain)] for name in ("ours", "bare")}, rounds=rounds
    )
    ours, bare = measured["ours"], measured["bare"]
    ratio = bare.seconds / ours.seconds
    goals = [ratio >= GOAL_RATIO, ours.peak_mb <= GOAL_PEAK_MB]
    show(
        f"ingestion of {prepared.events:,} events, {size / 1e9:.1f} GB: {ours.seconds:.1f} s, "
        f"{prepared.events / ours.seconds:,.0f} events/s; bare copy {bare.seconds:.1f} s",
        [
            ("speed / bare copy", f"{ratio:.2f}", f">= {GOAL_RATIO}", verdict(goals[0])),
            ("peak memory, MB", f"{ours.peak_mb:.0f}", f"<= {GOAL_PEAK_MB}", verdict(goals[1])),
        ],
    )
    return all(goals)


def unpack(source: Path, plain: Path) -> None:
    """Open the compressed logs of a folder, so that both programs read the same plain files."""
    unfinished = plain.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for path in sorted([*source.glob("**/*.log.gz"), *source.glob("**/*.log")]):
        reader = gzip.open if path.suffix == ".gz" else open
        with reader(path, "rb") as packed, (unfinished / path.stem).open("wb") as out:
            shutil.copyfileobj(packed, out)
    unfinished.rename(plain)


def copy_bare(logs: Sequence[Path], folder: Path) -> None:
    """The eight columns of every line, as they are, to one Parquet file."""
    with duckdb.connect(config={"memory_limit": "2GB"}) as engine:
        engine.execute(
            f"""COPY (FROM read_ndjson($logs, columns = {_COLUMNS}, ignore_errors = true))
                TO '{folder / "bare.parquet"}' (FORMAT parquet, COMPRESSION zstd)""",
            {"logs": [str(path) for path in logs]},
        )


def measure(name: str, logs: Sequence[Path]) -> None:
    """One of the two programs, once, into a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="courselens-bench-") as scratch:
        folder = Path(scratch)
        if name == "bare":
            report(lambda: copy_bare(logs, folder))
        else:
            report(lambda: ingest(logs, Lake(folder / "lake"), structure=Structure()))


if __name__ == "__main__":
    measure(sys.argv[1], sorted(Path(sys.argv[2]).iterdir()))
