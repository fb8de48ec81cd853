"""Verbs about work done ahead: `worker`, `scheduler`, `status` and `work`."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from aggregates.work import Ask, Kind, Priority, State
from courselens.cli.console import err, out, show_json
from courselens.cli.data import AsJson
from courselens.settings import Settings
from workers.broker import Bell
from workers.overview import Overview, WorkLine, read_overview
from workers.service import broker_url, open_ledger, run_scheduler, run_worker

work_app = typer.Typer(
    name="work", help="Ask for work, and look after what was set aside.", no_args_is_help=True
)
_COLOURS = {"running": "green", "parked": "bold red", "failed": "red", "due": "yellow"}


def worker(
    schedule: Annotated[
        bool,
        typer.Option(
            "--schedule", help="Also schedule, so that this one process keeps everything fresh."
        ),
    ] = False,
) -> None:
    """Run what is due until stopped: ingest logs, copy tables, compute courses."""
    settings = Settings()
    if schedule:
        _warn_without_sources(settings)
    asyncio.run(run_worker(settings, with_scheduler=schedule))


def scheduler() -> None:
    """Have done what is due, until stopped; of several schedulers one leads."""
    settings = Settings()
    _warn_without_sources(settings)
    asyncio.run(run_scheduler(settings))


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Show it live until stopped.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show work by state, how far it is, what went wrong, and the age of each course's numbers."""
    if watch and not as_json:
        asyncio.run(_watch(Settings()))
        return
    overview = asyncio.run(_read_once(Settings()))
    if as_json:
        show_json(dataclasses.asdict(overview))
    else:
        out.print(_draw(overview))


@work_app.command("retry")
def retry(
    work_id: Annotated[int, typer.Argument(help="Id of parked or failed work; see `status`.")],
) -> None:
    """Try parked or failed work again, as if nothing had happened."""

    async def ask() -> None:
        async with open_ledger(Settings()) as (_, ledger):
            await ledger.retry(work_id)

    asyncio.run(ask())
    out.print(f"work {work_id} is due")


@work_app.command("ask")
def ask_for(
    kind: Annotated[Kind, typer.Argument(help="What to do.")],
    subject: Annotated[
        str,
        typer.Argument(help="Course key, or name of a source of tables: `platform` or `files`."),
    ] = "",
) -> None:
    """Have something done before anything that nobody waits for."""
    settings = Settings()

    async def ask() -> int | None:
        async with open_ledger(settings) as (_, ledger):
            found = await ledger.ask(Ask(kind, subject, Priority.PERSON), asked_by="command")
            if found is not None:
                bell = Bell(broker_url(settings))
                await bell.ring(kind, found)
                await asyncio.to_thread(bell.close)
            return found

    work_id = asyncio.run(ask())
    if work_id is None:
        err.print(f"{kind} {subject} is set aside; see `courselens status`, then `work retry`")
        raise typer.Exit(1)
    out.print(f"work {work_id} is due")


def _warn_without_sources(settings: Settings) -> None:
    if not settings.has_sources:
        names = "COURSELENS_SOURCE_PATHS, COURSELENS_MYSQL_URL or COURSELENS_MONGO_URL"
        err.print(f"[yellow]nothing will become due: set {names}[/]")


async def _read_once(settings: Settings) -> Overview:
    async with open_ledger(settings) as (store, _):
        bell = Bell(broker_url(settings))
        overview = await read_overview(store.database, queue_depth=await bell.depth())
        await asyncio.to_thread(bell.close)
        return overview


async def _watch(settings: Settings) -> None:
    bell = Bell(broker_url(settings))
    async with open_ledger(settings) as (store, _):
        with Live(console=out, auto_refresh=False, screen=out.is_terminal) as live:
            while True:
                overview = await read_overview(store.database, queue_depth=await bell.depth())
                live.update(_draw(overview), refresh=True)
                await asyncio.sleep(1)


def _draw(overview: Overview) -> Group:
    counts = ", ".join(f"{overview.counts.get(state, 0)} {state}" for state in State)
    depth = "no answer" if overview.queue_depth is None else str(overview.queue_depth)
    head = f"{counts}; messages waiting: {depth}"
    if overview.rejected_messages:
        head += f", unreadable so far: {overview.rejected_messages}"
    work = Table(title="Work", title_justify="left")
    for name in ("id", "state", "what", "for", "tries", "since", "progress"):
        work.add_column(name, justify="right" if name in ("id", "tries", "since") else "left")
    for line in overview.work:
        work.add_row(
            str(line.work_id),
            f"[{_COLOURS[line.state]}]{line.state}[/]",
            line.kind,
            escape(line.subject),
            f"{line.attempts}" + (f", {line.deaths} died" if line.deaths else ""),
            _age(line.age_seconds),
            _progress(line),
        )
    courses = Table(title="Courses", title_justify="left")
    courses.add_column("course")
    courses.add_column("age of its numbers", justify="right")
    for course in overview.courses:
        courses.add_row(escape(course.course_key), _age(course.age_seconds))
    return Group(Text(head), *([work] if overview.work else []), courses)


def _progress(line: WorkLine) -> Any:
    if line.state != State.RUNNING:
        return Text(f"{line.error_code}: {line.error}" if line.error_code else "")
    cells = Table.grid(padding=(0, 1))
    total = line.progress_total or 1
    cells.add_row(
        ProgressBar(total=total, completed=line.progress_done or 0, width=16),
        Text(line.progress or "starting"),
    )
    return cells


def _age(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
