"""Verbs about raw facts: `inspect` and `ingest`."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from courselens.cli.console import err, progress_bar, show, show_json
from courselens.domain import from_day_number, from_us
from courselens.settings import Settings
from courselens.sources import load_installation
from loaders.events.ingest import IngestReport
from loaders.events.lake import Lake
from loaders.retired import RetiredList

Paths = Annotated[
    list[Path],
    typer.Argument(help="Folders, archives or files: course exports, package tables, logs."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def inspect(paths: Paths, as_json: AsJson = False) -> None:
    """Show what is in a source: datasets, rows, date range, rejects and their reasons."""
    settings = Settings()
    with tempfile.TemporaryDirectory(prefix="courselens-lake-") as folder, progress_bar() as report:
        lake = Lake(Path(folder))
        installation, ingested = load_installation(
            paths,
            lake,
            now_us=0,
            memory_limit=settings.memory_limit,
            threads=settings.threads,
            progress=report,
        )
        rows: list[dict[str, Any]] = [
            {
                "dataset": found.dataset,
                "files": found.files,
                "rows": found.rows,
                "rejects": found.rejects,
                "from": _day(found.first_us),
                "to": _day(found.last_us),
                "courses": ", ".join(found.course_keys),
            }
            for found in installation.loaded.reports
        ]
        if ingested.files:
            rows.append(_events_row(lake, ingested))
    problems = [dataclasses.asdict(problem) for problem in installation.loaded.problems]
    rejects = [
        {"reason": reason, "lines": lines} for reason, lines in sorted(ingested.rejected.items())
    ]
    other = [{"file": str(path)} for path in installation.other_files]
    if as_json:
        show_json(
            {"datasets": rows, "rejects": rejects, "problems": problems, "not_recognised": other}
        )
        return
    show(rows, title="Datasets")
    if rejects:
        show(rejects, title="Log lines left out")
    if problems:
        show(problems, title="Problems")
    if other:
        show(other, title="Not recognised")


def _events_row(lake: Lake, ingested: IngestReport) -> dict[str, Any]:
    days = lake.coverage()
    return {
        "dataset": "events",
        "files": len(ingested.files),
        "rows": ingested.stored,
        "rejects": ingested.lines - ingested.parsed,
        "from": from_day_number(days.first_day).isoformat() if days else None,
        "to": from_day_number(days.last_day).isoformat() if days else None,
        "courses": ", ".join(lake.course_keys()),
    }


def ingest(
    paths: Paths,
    lake: Annotated[
        Path | None, typer.Option(help="Folder of the lake; default from COURSELENS_LAKE.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the tracking logs of a source into the events lake; again adds nothing."""
    settings = Settings()
    with progress_bar() as report:
        _, done = load_installation(
            paths,
            Lake(lake or settings.lake_path),
            now_us=0,
            memory_limit=settings.memory_limit,
            threads=settings.threads,
            retired=RetiredList(settings.retired_path).ids,
            progress=report,
        )
    rows: list[dict[str, Any]] = [
        {
            "file": Path(path).name,
            "lines": file.lines,
            "parsed": file.parsed,
            "rejected": file.lines - file.parsed,
            "reasons": ", ".join(f"{name} {lines}" for name, lines in file.rejected.items()),
        }
        for path, file in done.files.items()
    ]
    if as_json:
        show_json(rows)
    else:
        show(rows, title="Tracking logs")
        err.print(f"{done.stored} events stored, {done.duplicates} were there already")


def _day(instant_us: int | None) -> str | None:
    return None if instant_us is None else from_us(instant_us).date().isoformat()
