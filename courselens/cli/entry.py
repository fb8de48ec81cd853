"""The program: picks what has to be imported for a command, runs it, and ends in one line."""

from __future__ import annotations

import sys

import typer

from courselens.cli.console import err
from courselens.errors import CourselensError, QueryError
from courselens.telemetry import configure_logging

EXIT_FAILED = 1
EXIT_USAGE = 2


def main() -> None:
    """Run the command; an error of ours ends as one line, never as a stack trace."""
    configure_logging()
    try:
        _app()()
    except CourselensError as error:
        err.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(EXIT_USAGE if isinstance(error, QueryError) else EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


def _app() -> typer.Typer:
    if sys.argv[1:2] == ["serve"]:
        from courselens.cli.serve import alone  # what all others need takes 30 MB

        return alone
    from courselens.cli.main import app

    return app
