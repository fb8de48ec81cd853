"""Verbs about what is installed: `indicators list`, `indicators show`, `indicators prune`."""

from __future__ import annotations

import asyncio
import shutil
from typing import Annotated, Any

import typer

from api.schema.assembled import assemble, schema_sdl
from courselens.cli.console import err, out, show, show_json
from courselens.cli.data import AsJson
from courselens.installed import load_installed, look_at_installed
from courselens.settings import Settings
from courselens.storage import open_store
from indicators.registry import Registry
from indicators.shape import Shape
from workers.own_tables import gone_copies

app = typer.Typer(help="What can be computed.", no_args_is_help=True)


@app.command("list")
def list_indicators(as_json: AsJson = False) -> None:
    """List what is installed: who brings it, in which version, and whether it takes part."""
    found = look_at_installed(Settings())
    rows: list[dict[str, Any]] = [
        {
            "key": one.key,
            "title": one.title,
            "unit": one.unit,
            "levels": ", ".join(one.levels),
            "family": one.family,
            "version": one.version,
            "distribution": one.provider,
            "distribution_version": one.provider_version,
            "memory_kb": found.memory_kb.get(one.provider),
            "state": "ready",
        }
        for one in found.registry.indicators.values()
    ]
    rows += [{"key": name, "state": f"left out: {why}"} for name, why in found.left_out.items()]
    refused = [*found.registry.errors, *assemble(found.registry).refused]
    if as_json:
        rows += [
            {"distribution": error.plugin, "state": f"refused: {error.problem}. Fix: {error.fix}"}
            for error in refused
        ]
        show_json(rows)
        return
    shown = ("key", "title", "version", "distribution", "distribution_version", "state")
    show([{name: row.get(name) for name in shown} for row in rows], title="Indicators")
    for error in refused:
        err.print(f"[bold red]refused:[/] {error}", highlight=False, soft_wrap=True)


def schema() -> None:
    """Print the schema of this installation: the built-in indicators and those of its plugins."""
    assembled = assemble(load_installed(Settings()))
    text = schema_sdl(assembled)
    out.print(text, soft_wrap=True, highlight=False, markup=False, end="")


@app.command("prune")
def prune(
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option(help="Show what would be removed, and remove nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what is stored of indicators that are no longer installed; asks first.

    What a setting leaves out, and what is installed but refused, keeps its numbers.
    """
    asyncio.run(_prune(yes=yes, dry_run=dry_run, as_json=as_json))


async def _prune(*, yes: bool, dry_run: bool, as_json: bool) -> None:
    settings = Settings()
    found = await asyncio.to_thread(look_at_installed, settings)
    kept = {*found.left_out, *(error.plugin for error in found.registry.errors)}
    async with open_store(settings, found.registry) as store:
        leftovers = await store.find_leftovers(kept=kept)
        copies = gone_copies(settings, found.registry, kept)
        rows = [{"what": one.what, "name": one.name, "rows": one.rows} for one in leftovers]
        rows += [{"what": "copy", "name": str(path), "rows": None} for path in copies]
        if as_json:
            show_json(rows)
        elif rows:
            show(rows, title="Of indicators that are not installed")
        else:
            err.print("there is nothing to remove")
        if dry_run or not rows:
            return
        if not yes and not typer.confirm("Remove all this for good?", err=True):
            raise typer.Exit(1)
        await store.remove_leftovers(leftovers)
        for path in copies:
            await asyncio.to_thread(shutil.rmtree, path)
    err.print(f"{len(rows)} removed")


@app.command("show")
def show_indicator(
    key: Annotated[str, typer.Argument(help="Key of the indicator, such as time_on_course.")],
    as_json: AsJson = False,
) -> None:
    """Show an indicator: what it means, what it needs, its parameters and result fields."""
    registry = load_installed(Settings())
    described = describe(registry, key)
    if as_json:
        show_json(described)
        return
    out.print(f"[bold]{described['title']}[/] ({key}, version {described['version']})\n")
    out.print(described["description"], markup=False)
    for name in ("unit", "levels", "needs", "rests_on", "privacy", "provider"):
        out.print(f"\n[bold]{name.replace('_', ' ')}:[/] {described[name]}", highlight=False)
    show(described["parameters"], title="Parameters")
    show(described["fields"], title="Result fields")


def describe(registry: Registry, key: str) -> dict[str, Any]:
    """Everything about an indicator as plain values.

    Raises:
        UnknownIndicator: nobody registered it.
    """
    one = registry.indicator(key)
    fields = [
        *_fields("student", registry.student_shape(key)),
        *_fields("group", registry.group_shape(key)),
    ]
    return {
        "key": key,
        "title": one.title,
        "description": one.description,
        "unit": one.unit,
        "version": one.version,
        "family": one.family,
        "provider": f"{one.provider} {one.provider_version}",
        "levels": ", ".join(one.levels),
        "privacy": ", ".join(one.privacy),
        "needs": ", ".join(one.needs),
        "rests_on": ", ".join(registry.closure(key)),
        "parameters": [
            {
                "name": parameter.name,
                "default": parameter.default,
                "allowed": parameter.allowed,
                "description": parameter.description,
            }
            for parameter in registry.parameters(key)
        ],
        "fields": fields,
    }


def _fields(level: str, shape: Shape | None) -> list[dict[str, Any]]:
    return [
        {
            "level": level,
            "part": part.name,
            "field": field.name,
            "kind": f"list of {field.kind}" if field.is_list else str(field.kind),
            "key": "key" if field.is_key else "",
            "description": field.description,
        }
        for part in (shape.parts if shape else ())
        for field in part.fields
    ]
