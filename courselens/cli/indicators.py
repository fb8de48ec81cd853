"""Verbs about the registry: `indicators list` and `indicators show`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from courselens.cli.console import err, out, show, show_json
from courselens.cli.data import AsJson
from indicators.registry import Registry, load_registry
from indicators.shape import Shape

app = typer.Typer(help="What can be computed.", no_args_is_help=True)


@app.command("list")
def list_indicators(as_json: AsJson = False) -> None:
    """List every registered indicator, and what was refused."""
    registry = load_registry()
    rows: list[dict[str, Any]] = [
        {
            "key": one.key,
            "title": one.title,
            "unit": one.unit,
            "levels": ", ".join(one.levels),
            "family": one.family,
            "version": one.version,
            "provider": f"{one.provider} {one.provider_version}",
        }
        for one in registry.indicators.values()
    ]
    if as_json:
        show_json(rows)
    else:
        show(rows, title="Indicators")
    for error in registry.errors:
        err.print(f"[bold red]refused:[/] {error}", highlight=False, soft_wrap=True)


@app.command("show")
def show_indicator(
    key: Annotated[str, typer.Argument(help="Key of the indicator, such as time_on_course.")],
    as_json: AsJson = False,
) -> None:
    """Show an indicator: what it means, what it needs, its parameters and result fields."""
    registry = load_registry()
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
