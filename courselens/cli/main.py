"""The command itself: its verbs, and how errors end."""

from __future__ import annotations

import typer

from courselens.cli import (
    compute,
    data,
    demo,
    documents,
    export,
    indicators,
    new,
    retire,
    serve,
    service,
    workers,
)

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
app.command()(export.export)
app.command()(service.refresh)
app.command()(serve.serve)
app.command()(service.token)
app.command()(service.check)
app.command()(retire.retire)
app.command()(workers.worker)
app.command()(workers.scheduler)
app.command()(workers.status)
app.add_typer(workers.work_app, name="work")
indicators.app.command()(new.new)
app.command()(indicators.schema)
app.add_typer(indicators.app, name="indicators")
app.add_typer(documents.app, name="documents")
