"""Verbs of the service: `refresh`, `serve`, `token` and `check`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from courselens.cli.console import Report, err, out, progress_bar, show, show_json
from courselens.cli.data import AsJson, Paths
from courselens.computing import Limits, Refreshed, refresh_course
from courselens.domain import to_us
from courselens.errors import CourselensError
from courselens.serving import prepared_server
from courselens.settings import Settings
from courselens.sources import load_installation
from courselens.storage import open_store
from courselens.tokens import TokenRules, issue_token, make_key
from indicators.registry import load_registry
from loaders.events.lake import Lake


def refresh(
    paths: Paths,
    course: Annotated[
        list[str] | None, typer.Option(help="Course key; every course of the source by default.")
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Compute again even where nothing has changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load a source, ingest its logs and store the numbers of its courses."""
    with progress_bar() as report:
        done = asyncio.run(refresh_all(Settings(), paths, course, force=force, progress=report))
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
    registry = load_registry()
    now_us = to_us(datetime.now(UTC))
    installation, _ = await asyncio.to_thread(
        load_installation,
        paths,
        Lake(settings.lake_path),
        now_us=now_us,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        progress=progress,
    )
    async with open_store(settings, registry) as store:
        return [
            await refresh_course(
                registry,
                store,
                installation,
                course_key,
                now_us=now_us,
                limits=Limits(settings.memory_limit, settings.threads),
                force=force,
                progress=progress,
            )
            for course_key in course_keys or installation.course_keys
        ]


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve GraphQL at /graphql and the explorer at /graphiql."""
    settings = Settings()
    changes: dict[str, object] = {"host": host, "port": port}
    given = {name: value for name, value in changes.items() if value is not None}
    asyncio.run(_serve(settings.model_copy(update=given)))


async def _serve(settings: Settings) -> None:
    async with prepared_server(settings) as server:
        err.print(f"serving at {server.address}/graphql", highlight=False)
        await server.run_until_stopped()


def token(
    user_id: Annotated[int, typer.Option(help="`auth_user.id` of the person.")],
    username: Annotated[str, typer.Option(help="Username of the person.")],
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 365, help="Life in hours.")] = 24,
) -> None:
    """Print a token of the local key, for trying the API; roles come from the stored data."""
    settings = Settings()
    out.print(
        issue_token(
            make_key(settings.keys_path),
            user_id=user_id,
            username=username,
            now=datetime.now(UTC),
            rules=TokenRules(settings.token_issuer, settings.token_audience),
            lifetime_seconds=int(hours * 3600),
        ),
        soft_wrap=True,
        highlight=False,
    )


def check(as_json: AsJson = False) -> None:
    """Check plugins, lake and database; exit code 1 if something is wrong."""
    rows = asyncio.run(_checks(Settings()))
    if as_json:
        show_json(rows)
    else:
        show(rows, title="Checks")
    if not all(row["ok"] for row in rows):
        err.print("something is wrong, see above")
        raise typer.Exit(1)


async def _checks(settings: Settings) -> list[dict[str, Any]]:
    registry = load_registry()
    rows = [_row("plugin", ok=False, detail=str(error)) for error in registry.errors]
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
    except CourselensError as error:
        rows.append(_row("database", ok=False, detail=str(error)))
    return rows


def _row(name: str, *, ok: bool, detail: str) -> dict[str, Any]:
    return {"check": name, "ok": ok, "detail": detail}
