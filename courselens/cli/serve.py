"""`serve`: in a module of its own, as a serving process imports nothing that it does not need."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from courselens.cli.console import err
from courselens.memory import search_less
from courselens.serving import new_loop, prepared_server
from courselens.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve GraphQL at /graphql and the explorer at /graphiql."""
    settings = Settings()
    changes: dict[str, object] = {"host": host, "port": port}
    given = {name: value for name, value in changes.items() if value is not None}
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve(settings.model_copy(update=given)))


async def _serve(settings: Settings) -> None:
    async with prepared_server(settings) as server:
        search_less()
        err.print(f"serving at {server.address}/graphql", highlight=False)
        await server.run_until_stopped()


def _alone() -> None:
    """Keep the command's name in the call, though it is the only one."""


alone = typer.Typer(name="courselens", callback=_alone, pretty_exceptions_enable=False)
alone.command()(serve)
