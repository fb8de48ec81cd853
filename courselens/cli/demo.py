"""Verbs `demo` and `simulate`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from courselens.cli.console import err, out, progress_bar, show_json
from courselens.cli.service import refresh_all
from courselens.demo.running import (
    DemoCourse,
    ask_once,
    demo_settings,
    prepare_source,
    sample_query,
    sign_in,
    student_query,
    working,
)
from courselens.serving import prepared_server
from courselens.settings import Settings
from courselens.simulator import simulate as write_simulation
from courselens.simulator.into import Databases, write_into
from courselens.simulator.options import check_out

Students = Annotated[int, typer.Option(min=1, help="Number of students.")]
Weeks = Annotated[int, typer.Option(min=1, help="Length of the course in weeks.")]
Seed = Annotated[int, typer.Option(help="The same seed writes the same bytes.")]


def simulate(
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="New or empty folder for files: logs, package tables, OLX."),
    ] = None,
    into: Annotated[
        list[str] | None,
        typer.Option(
            help="Database to write into, mysql://... or mongodb://..., once each: empty, or "
            "filled by a simulation, which is replaced. A platform's own is refused (MySQL) or "
            "keeps its courses (MongoDB)."
        ),
    ] = None,
    history_into: Annotated[
        str | None,
        typer.Option(help="Second MySQL database, for the history of problem states."),
    ] = None,
    students: Students = 500,
    weeks: Weeks = 8,
    courses: Annotated[int, typer.Option(min=1, help="Number of courses.")] = 1,
    seed: Seed = 1,
) -> None:
    """Write simulated courses in the real formats: as files, into a platform's databases, or both.

    The same seed gives the same courses everywhere. Tracking logs are files only.
    """
    databases = Databases.parse(into or [], history_into)
    if out_folder is None and not into:
        raise typer.BadParameter("give --out, --into or both")
    if out_folder is not None:
        check_out(out_folder)
    keys: list[str] = []
    with progress_bar() as report:
        if into:
            keys = write_into(
                databases,
                students=students,
                weeks=weeks,
                courses=courses,
                seed=seed,
                forum_database=Settings().mongo_forum_database,
                progress=report,
            )
            err.print(f"{len(keys)} courses in {' and '.join(databases.names)}")
        if out_folder is not None:
            done = write_simulation(
                out_folder,
                students=students,
                weeks=weeks,
                courses=courses,
                seed=seed,
                progress=report,
            )
            keys = [course.course_key for course in done.courses]
            written = f"{done.events:,} events, {done.lines:,} lines, {done.files} files"
            err.print(f"{written} in {done.seconds:.1f} s")
    for key in keys:
        out.print(key, highlight=False)


def demo(
    students: Students = 500,
    weeks: Weeks = 8,
    seed: Seed = 1,
    folder: Annotated[Path, typer.Option(help="Folder of everything the demo writes.")] = Path(
        ".demo"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    once: Annotated[
        bool, typer.Option("--once", help="Ask the sample query over HTTP, print it, and stop.")
    ] = False,
) -> None:
    """Simulate a course, compute its indicators and serve them: everything in one command."""
    settings = demo_settings(Settings(), folder).model_copy(update={"port": port})
    with progress_bar() as report:
        course = prepare_source(folder, students=students, weeks=weeks, seed=seed, progress=report)
        done = asyncio.run(refresh_all(settings, [], progress=report))
    failed = [key for one in done for key in one.failed]
    if failed:
        err.print(f"[bold red]failed:[/] {', '.join(failed)}")
    signed_in = sign_in(settings, course)
    if once:
        variables = {"course": course.course_key}
        free = settings.model_copy(update={"port": 0})
        answer = asyncio.run(ask_once(free, sample_query(), variables, signed_in.team_token))
        show_json(answer)
        if answer.get("errors"):
            raise typer.Exit(1)
        return
    asyncio.run(_serve(settings, signed_in))


async def _serve(settings: Settings, signed_in: DemoCourse) -> None:
    async with working(settings) as shared, prepared_server(shared) as server:
        _announce(server.address, signed_in)
        await server.run_until_stopped()


def _announce(address: str, demo_course: DemoCourse) -> None:
    course = demo_course.course
    out.rule("courselens is serving")
    signed_in = urlencode({"token": demo_course.team_token, "course": course.course_key})
    out.print("GraphiQL, as a member of the course team:")
    out.print(f"{address}/graphiql#{signed_in}", soft_wrap=True, highlight=False, markup=False)
    out.print("\nSample query, with the variables below:\n")
    out.print(sample_query(), soft_wrap=True, highlight=False, markup=False)
    out.print(f'variables: {{"course": "{course.course_key}"}}', highlight=False, markup=False)
    out.print(f"\nToken of the team member {course.team_member.username}:")
    out.print(demo_course.team_token, soft_wrap=True, highlight=False, markup=False)
    out.print(f"\nToken of the student {course.student.username}, for their own summary:")
    out.print(demo_course.student_token, soft_wrap=True, highlight=False, markup=False)
    out.print("\n" + student_query(), soft_wrap=True, highlight=False, markup=False)
    out.print("Ctrl-C stops it.")
