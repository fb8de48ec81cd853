"""Builders of tracking-log lines and of lakes made from them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from loaders.datasets import BLOCKS
from loaders.events.ingest import IngestReport, ingest
from loaders.events.lake import Lake
from loaders.events.structure import Structure

COURSE = "course-v1:Org+Bio+2024"
START = datetime(2024, 3, 4, 10, tzinfo=UTC)


def key(kind: str, name: str) -> str:
    """Usage key of a block of `COURSE`."""
    return f"block-v1:Org+Bio+2024+type@{kind}+block@{name}"


def record(event_type: str, seconds: float = 0, **given: Any) -> dict[str, Any]:
    """A legacy envelope, `seconds` after `START`; `given` replaces fields, `context` adds."""
    base = {
        "username": "ana",
        "event_type": event_type,
        "time": (START + timedelta(seconds=seconds)).isoformat(),
        "event_source": "server",
        "event": {},
        "page": None,
        "context": {"course_id": COURSE, "user_id": 1} | given.pop("context", {}),
    }
    return base | given


def line(event_type: str, seconds: float = 0, **given: Any) -> str:
    """`record` as a line of a log."""
    return json.dumps(record(event_type, seconds, **given))


def write_log(path: Path, lines: Iterable[str | bytes]) -> Path:
    """A log of these lines, each with its newline."""
    data = b"".join((one.encode() if isinstance(one, str) else one) + b"\n" for one in lines)
    path.write_bytes(data)
    return path


def bring_in(lake: Lake, *paths: Path, structure: Structure | None = None) -> IngestReport:
    """`ingest` with little memory and two threads; checks that every line is accounted for."""
    report = ingest(
        paths, lake, structure=structure or Structure(), memory_limit="500MB", threads=2
    )
    assert report.parsed + sum(report.rejected.values()) == report.lines
    for one in report.files.values():
        assert one.parsed + sum(one.rejected.values()) == one.lines
    assert report.stored + report.duplicates == report.events
    return report


def rows(lake: Lake, *columns: str) -> list[Any]:
    """All rows by course, learner and order: values of one column, or tuples of several."""
    tables = [
        parquet.ParquetFile(path).read()
        for course_key in lake.course_keys()
        for path in lake.files(course_key)
    ]
    if not tables:
        return []
    table = pa.concat_tables(tables).sort_by(
        [(name, "ascending") for name in ("course_key", "user_id", "ts_us", "event_id")]
    )
    chosen = [table.column(name).to_pylist() for name in columns or table.column_names]
    return chosen[0] if len(columns) == 1 else list(zip(*chosen, strict=True))


def lake_of(folder: Path, *lines: str | bytes, structure: Structure | None = None) -> Lake:
    """A lake made from one log with these lines."""
    lake = Lake(folder / "lake")
    bring_in(lake, write_log(folder / "tracking.log", lines), structure=structure)
    return lake


def tree(*blocks: tuple[str, str, str | None], course_key: str = COURSE) -> pa.Table:
    """BLOCKS from (type, name, parent's name) in preorder; names are the HTML ids."""
    keys = {name: key(kind, name) for kind, name, _ in blocks}
    leaves = {"problem", "video", "html"}
    return pa.Table.from_pylist(
        [
            {
                "course_key": course_key,
                "block_key": keys[name],
                "block_type": kind,
                "position": position,
                "parent_key": keys[parent] if parent else None,
                "html_id": name,
                "is_leaf": kind in leaves,
                "weight": 1.0 if kind == "problem" else None,
            }
            for position, (kind, name, parent) in enumerate(blocks)
        ],
        schema=BLOCKS.schema,
    )
