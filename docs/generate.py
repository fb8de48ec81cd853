"""Writes the reference pages that follow from the code: settings, indicators, commands.

`python docs/generate.py` writes them; `--check` fails when one is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from typer.core import TyperGroup

from courselens.cli.indicators import describe
from courselens.cli.main import app
from courselens.settings import Settings
from indicators.registry import Registry, load_registry

REFERENCE = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """Every generated page by file name."""
    return {
        "settings.md": _page(_settings()),
        "indicators.md": _page(_indicators(load_registry())),
        "commands.md": _page(_commands()),
    }


def _page(lines: Iterator[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield "Read once from environment variables. Generated from `courselens/settings.py`.\n"
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = "not set" if field.default is None else f"`{field.default}`"
        yield f"| `COURSELENS_{name.upper()}` | {default} | {field.description} |"


def _indicators(registry: Registry) -> Iterator[str]:
    yield "# Indicators\n"
    yield "Generated from the registry of what this distribution ships.\n"
    for key, one in registry.indicators.items():
        if one.provider != "courselens":
            continue
        described = describe(registry, key)
        yield f"## `{key}`: {one.title}\n"
        yield f"{described['description']}\n"
        yield f"Levels: {described['levels']}. Unit: {one.unit}. Version {one.version}.\n"
        yield f"Needs: {described['needs']}. Privacy: {described['privacy']}.\n"
        yield "| parameter | default | allowed | meaning |"
        yield "|---|---|---|---|"
        for parameter in described["parameters"]:
            default = "" if parameter["default"] is None else f"`{parameter['default']}`"
            allowed = parameter["allowed"].replace("|", "\\|")
            yield f"| `{parameter['name']}` | {default} | {allowed} | {parameter['description']} |"
        yield "\n| level | part | field | kind | meaning |"
        yield "|---|---|---|---|---|"
        for field in described["fields"]:
            kind = f"{field['kind']}, key" if field["key"] else field["kind"]
            yield (
                f"| {field['level']} | {field['part']} | `{field['field']}` | {kind} | "
                f"{field['description']} |"
            )
        yield ""


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "What `courselens VERB --help` says. Generated.\n"
    yield from _command("courselens", typer.main.get_command(app))


def _command(path: str, command: Any) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from _command(f"{path} {name}", below)
        return
    yield f"## `{path}`\n"
    yield f"{command.help}\n"
    yield "| option | default | meaning |"
    yield "|---|---|---|"
    for parameter in command.params:
        is_argument = parameter.param_type_name == "argument"
        option = parameter.name.upper() if is_argument else " / ".join(parameter.opts)
        default = parameter.default
        shown = "" if default is None or callable(default) else f"`{default}`"
        yield f"| `{option}` | {shown} | {parameter.help or ''} |"
    yield ""


def main() -> None:
    """Write the pages, or check them."""
    stale = []
    for name, text in pages().items():
        path = REFERENCE / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            REFERENCE.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"stale: {', '.join(stale)}; run `make docs`")


if __name__ == "__main__":
    main()
