"""The verb `compute`: one indicator straight from files, no server."""

from __future__ import annotations

import enum
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from courselens.cli.console import err, progress_bar
from courselens.computing import Limits, compute_course
from courselens.domain import Level, to_us
from courselens.errors import BadParameter, SourceNotFound, UnknownCourse
from courselens.installed import load_installed, open_apart
from courselens.output import MAIN, make_document, write_document
from courselens.own_data import load_all_own
from courselens.settings import Settings
from courselens.sources import load_installation
from indicators.context import Times
from indicators.plan import make_plan
from loaders.events.lake import Lake
from loaders.retired import RetiredList


class Form(enum.StrEnum):
    """Forms of output."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def compute(
    key: Annotated[str, typer.Argument(help="Key of the indicator; `indicators list` names all.")],
    source: Annotated[
        list[Path], typer.Option(help="Folder, archive or file to read; may be repeated.")
    ],
    course: Annotated[
        str | None, typer.Option(help="Course key; every course of the source if not given.")
    ] = None,
    level: Annotated[Level, typer.Option(help="Whom the numbers are about.")] = Level.COURSE,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Nothing later counts (ISO date, UTC); default: end of the last log day."
        ),
    ] = None,
    start: Annotated[str | None, typer.Option(help="Start of the window (ISO date, UTC).")] = None,
    end: Annotated[str | None, typer.Option(help="End of the window (ISO date, UTC).")] = None,
    definition: Annotated[
        str, typer.Option(help="Whose definition: courselens, or insights where it applies.")
    ] = "courselens",
    param: Annotated[
        list[str] | None, typer.Option(help="Parameter as name=value; may be repeated.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="Form of the output.")] = Form.JSON,
    part: Annotated[
        str, typer.Option(help="Part to write as CSV or Parquet, where a result has several.")
    ] = MAIN,
    out: Annotated[
        Path | None, typer.Option(help="File to write; standard output if not given.")
    ] = None,
) -> None:
    """Compute one indicator from files and print its rows."""
    settings = Settings()
    registry = load_installed(settings)
    plan = make_plan(
        registry, [key], levels=[level]
    )  # refuse a wrong question before reading anything
    times = Times(
        now_us=to_us(datetime.now(UTC)),
        as_of_us=read_instant("as_of", as_of),
        start_us=read_instant("start", start),
        end_us=read_instant("end", end),
    )
    given = read_parameters(param or [])
    if definition != "courselens":
        given["definition"] = definition
    limits = Limits(settings.memory_limit, settings.threads)
    with (
        tempfile.TemporaryDirectory(prefix="courselens-lake-") as folder,
        open_apart(settings) as apart,
        progress_bar() as report,
    ):
        installation, ingested = load_installation(
            source,
            Lake(Path(folder)),
            now_us=times.now_us,
            memory_limit=settings.memory_limit,
            threads=settings.threads,
            retired=RetiredList(settings.retired_path).ids,
            progress=report,
        )
        known = installation.course_keys
        own = load_all_own(registry, known, settings, apart, needed=plan.datasets)
        installation = installation.with_tables(own)
        if course is not None and course not in known:
            raise UnknownCourse(course, known)
        chosen = known if course is None else [course]
        if not chosen:
            raise SourceNotFound(
                source[0], "holds no course: no structure, enrolment or valid event"
            )
        results = [
            compute_course(
                registry,
                [key],
                installation.course(course_key),
                times=times,
                limits=limits,
                levels=[level],
                given=given,
                progress=report,
                apart=apart,
            )
            for course_key in chosen
        ]
    if ingested.lines > ingested.parsed:
        err.print(f"{ingested.lines - ingested.parsed} of {ingested.lines} log lines left out")
    content = write_document(make_document(results, level), out, form=form, part=part)
    if content is not None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()


def read_instant(name: str, text: str | None) -> int | None:
    """An ISO date or instant as microseconds; a date is its first instant in UTC.

    Raises:
        BadParameter: it is neither.
    """
    if text is None:
        return None
    try:
        return to_us(datetime.fromisoformat(text))
    except ValueError:
        raise BadParameter(name, text, "an ISO date such as 2024-03-05") from None


def read_parameters(given: list[str]) -> dict[str, object]:
    """Parameters written as name=value.

    Raises:
        BadParameter: one has no `=`.
    """
    parameters: dict[str, object] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise BadParameter("param", text, "name=value, such as inactivity_s=600")
        parameters[name.replace("-", "_")] = value
    return parameters
