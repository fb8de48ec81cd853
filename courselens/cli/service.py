"""Verbs of the service: `refresh`, `serve`, `token` and `check`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from aggregates.switched_off import read_off
from api.schema.assembled import assemble
from courselens.cli.console import Report, err, out, progress_bar, show, show_json
from courselens.cli.data import AsJson
from courselens.cli.platform import check_platform
from courselens.computing import Limits, Refreshed, refresh_course
from courselens.domain import to_us
from courselens.errors import CourselensError
from courselens.installed import load_installed, open_apart
from courselens.own_data import load_all_own, missing_settings
from courselens.settings import Settings
from courselens.sources import Facts, load_installation
from courselens.storage import open_store
from courselens.tokens import issue_token, make_key
from loaders.events.lake import Lake
from loaders.retired import RetiredList, leave_out_everywhere
from workers.keeping_up import keep_up


def refresh(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders, archives or files: course exports, package tables, logs; the configured "
            "sources if none is given."
        ),
    ] = None,
    course: Annotated[
        list[str] | None, typer.Option(help="Course key; every course of the source by default.")
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Compute again even where nothing has changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load a source, ingest its logs and store the numbers of its courses.

    Without paths: what is new in COURSELENS_MYSQL_URL, COURSELENS_MONGO_URL and
    COURSELENS_SOURCE_PATHS, as a worker does it.
    """
    settings = Settings()
    if not paths and not settings.has_sources:
        raise typer.BadParameter(
            "give paths, or set COURSELENS_SOURCE_PATHS or COURSELENS_MYSQL_URL"
        )
    with progress_bar() as report:
        done = asyncio.run(refresh_all(settings, paths or [], course, force=force, progress=report))
    rows: list[dict[str, Any]] = [
        {
            "course": one.course_key,
            "changed": one.changed,
            "people": one.students,
            "indicators": one.indicators,
            "failed": ", ".join(one.failed),
        }
        for one in done
    ]
    if as_json:
        show_json(rows)
    else:
        show(rows, title="Refreshed")
    if any(one.failed for one in done):
        raise typer.Exit(1)


async def refresh_all(
    settings: Settings,
    paths: list[Path],
    course_keys: list[str] | None = None,
    *,
    force: bool = False,
    progress: Report | None = None,
) -> list[Refreshed]:
    """Load, ingest, compute and store; all courses of the source unless some are named."""
    registry = await asyncio.to_thread(load_installed, settings)
    now_us = to_us(datetime.now(UTC))
    tell = progress or (lambda name, done, total: None)
    retired = RetiredList(settings.retired_path).ids

    def read() -> Facts:
        if not paths:
            return keep_up(settings, registry, now_us=now_us, progress=tell)
        found, _ = load_installation(
            paths,
            Lake(settings.lake_path),
            now_us=now_us,
            memory_limit=settings.memory_limit,
            threads=settings.threads,
            retired=retired,
            progress=tell,
        )
        own = load_all_own(registry, found.course_keys, settings, apart)
        return found.with_tables(leave_out_everywhere(own, retired()))

    with open_apart(settings) as apart:
        facts = await asyncio.to_thread(read)
        async with open_store(settings, registry) as store:
            return [
                await refresh_course(
                    registry,
                    store,
                    facts,
                    course_key,
                    now_us=now_us,
                    limits=Limits(settings.memory_limit, settings.threads),
                    force=force,
                    progress=progress,
                    apart=apart,
                    retired=retired,
                )
                for course_key in course_keys or facts.course_keys
            ]


def token(
    user_id: Annotated[int, typer.Option(help="`auth_user.id` of the person.")],
    username: Annotated[str, typer.Option(help="Username of the person.")],
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 365, help="Life in hours.")] = 24,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="Narrow it: `content_org:<org>` or `user:me`; several."),
    ] = None,
) -> None:
    """Print a token of the local key, for trying the API; roles come from the stored data."""
    settings = Settings()
    out.print(
        issue_token(
            make_key(settings.keys_path),
            user_id=user_id,
            username=username,
            now=datetime.now(UTC),
            rules=settings.token_rules,
            lifetime_seconds=int(hours * 3600),
            filters=filters or (),
        ),
        soft_wrap=True,
        highlight=False,
    )


def check(as_json: AsJson = False) -> None:
    """Check plugins, lake, database, MySQL and MongoDB; exit code 1 if something is wrong.

    What a platform does not have is no fault: it is listed with the indicators that rest on it.
    """
    rows = asyncio.run(_checks(Settings()))
    if as_json:
        show_json(rows)
    else:
        show([row for row in rows if "dataset" not in row], title="Checks")
        missing = [row for row in rows if "dataset" in row]
        if missing:
            show([_in_words(row) for row in missing], title="What the platform lacks")
    if not all(row["ok"] for row in rows):
        err.print("something is wrong, see above")
        raise typer.Exit(1)


async def _checks(settings: Settings) -> list[dict[str, Any]]:
    registry = await asyncio.to_thread(load_installed, settings)
    problems = [*registry.errors, *assemble(registry).refused]
    rows = [_row("plugin", ok=False, detail=str(error)) for error in problems]
    rows += [
        _row(f"dataset {name}", ok=False, detail=f"set {', '.join(missing)}")
        for name, one in registry.own_datasets.items()
        if (missing := missing_settings(one, settings))
    ]
    rows.append(_row("indicators", ok=True, detail=f"{len(registry.indicators)} registered"))
    lake = Lake(settings.lake_path)
    try:
        courses = await asyncio.to_thread(lake.course_keys)
        rows.append(_row("lake", ok=True, detail=f"{settings.lake_path}: {len(courses)} courses"))
    except CourselensError as error:
        rows.append(_row("lake", ok=False, detail=str(error)))
    try:
        async with open_store(settings, registry) as store:
            stored = await store.reader.courses(None, after=None, first=1000)
            rows.append(_row("database", ok=True, detail=f"{len(stored)} courses stored"))
            rows += [
                _row(
                    f"indicator {key}", ok=False, detail=f"switched off until {until:%H:%M}: {why}"
                )
                for key, why, until in await read_off(store.database)
            ]
    except CourselensError as error:
        rows.append(_row("database", ok=False, detail=str(error)))
    return rows + await check_platform(settings, registry)


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "dataset": row["check"],
        "is read": row["available"],
        "missing": row["detail"],
        "indicators that rest on it": ", ".join(row["indicators"]) or "none",
    }


def _row(name: str, *, ok: bool, detail: str) -> dict[str, Any]:
    return {"check": name, "ok": ok, "detail": detail}
