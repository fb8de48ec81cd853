"""The command itself: its verbs, and how errors end."""

from __future__ import annotations

import sys

import typer

from courselens.cli import compute, data, demo, indicators, service, workers
from courselens.cli.console import err
from courselens.errors import CourselensError, QueryError
from courselens.telemetry import configure_logging

EXIT_FAILED = 1
EXIT_USAGE = 2

app = typer.Typer(
    name="courselens",
    help=(
        "Learning analytics for Open edX: indicators from exports and tracking logs, over GraphQL."
        "\n\nSettings come from environment variables COURSELENS_*; "
        "exit codes: 0 done, 1 it failed (the last line says why), 2 wrong usage."
    ),
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

app.command()(demo.demo)
app.command()(demo.simulate)
app.command()(data.inspect)
app.command()(data.ingest)
app.command()(compute.compute)
app.command()(service.refresh)
app.command()(service.serve)
app.command()(service.token)
app.command()(service.check)
app.command()(workers.worker)
app.command()(workers.scheduler)
app.command()(workers.status)
app.add_typer(workers.work_app, name="work")
app.add_typer(indicators.app, name="indicators")


def main() -> None:
    """Run the command; an error of ours ends as one line, never as a stack trace."""
    configure_logging()
    try:
        app()
    except CourselensError as error:
        err.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(EXIT_USAGE if isinstance(error, QueryError) else EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(130)
