"""Verbs about GraphQL documents that clients name instead of sending: `documents register`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from aggregates.documents import Documents, StoredDocument
from api.documents.accepted import Checker
from api.documents.cost import Pricing
from api.documents.limits import Limits
from api.documents.manifests import check_manifest, read_manifest
from api.schema.assembled import assemble
from courselens.cli.console import err
from courselens.errors import SourceNotFound
from courselens.installed import load_installed
from courselens.settings import Settings
from courselens.storage import open_store
from indicators.registry import Registry

app = typer.Typer(help="Documents that clients name instead of sending them.", no_args_is_help=True)


@app.callback()
def documents() -> None:
    """Documents that clients name instead of sending them."""


@app.command()
def register(
    manifest: Annotated[
        Path,
        typer.Argument(
            help="Manifest of a client project: Apollo's, Relay's `persisted_queries.json`, or "
            "any JSON object of texts by id."
        ),
    ],
) -> None:
    """Store the documents of a manifest for all processes; all of them, or none if one is bad.

    Registered documents may be four times as large and costly as others, and page by 1,000. They
    are checked against the schema of the indicators that are installed here.
    """
    settings = Settings()
    registry = load_installed(settings)
    try:
        found = read_manifest(manifest.read_bytes())
    except OSError as error:
        raise SourceNotFound(manifest, error.strerror or str(error)) from error
    assembled = assemble(registry)
    pricing = Pricing(assembled.schema, assembled.catalog, is_live=False)
    checker = Checker(assembled.schema, pricing, Limits(cost=settings.cost_limit))
    stored, problems = check_manifest(found, checker)
    if problems:
        for problem in problems:
            err.print(problem, highlight=False, soft_wrap=True, markup=False)
        err.print("nothing was registered")
        raise typer.Exit(1)
    asyncio.run(_store(settings, registry, stored))
    err.print(f"{len(found)} documents registered")


async def _store(settings: Settings, registry: Registry, stored: list[StoredDocument]) -> None:
    async with open_store(settings, registry) as store:
        await Documents(store.database).register(stored)
