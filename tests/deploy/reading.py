"""Reads the files that operators use, as the programs that they are written for do."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compose_spec import PyOptions
from typer.core import TyperGroup
from typer.main import get_command

from courselens.cli.main import app

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


class Unset(Exception):
    """A variable that must be filled in is not; its name."""


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Put values into a compose or env file: `${A}`, `${A:-default}` and `${A:?why}`."""

    def value(found: re.Match[str]) -> str:
        given = values.get(found["name"], "")
        if given or found["kind"] is None:
            return given
        if found["kind"] == "?":
            raise Unset(found["name"])
        return found["rest"]

    return _VARIABLE.sub(value, text)


def read_env(text: str, values: Mapping[str, str]) -> dict[str, str]:
    """The variables of an env file, those in `values` instead of its own."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, is_set, value = line.partition("=")
        if is_set and not line.startswith("#"):
            found[name] = values.get(name) or interpolate(value, found)
    return found


def read_compose(values: Mapping[str, str]) -> dict[str, Any]:
    """The compose file, checked against the specification."""
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    document = PyOptions(apply_merge=True).from_yaml(interpolate(text, values))
    document.to_spec()
    return document.to_dict()


def commands_of(text: str) -> list[list[str]]:
    """The arguments of every call of courselens in shell lines."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        for nth, (word, following) in enumerate(itertools.pairwise(words)):
            if Path(word).name == "courselens" and re.fullmatch("[a-z]+", following):
                found.append(words[nth + 1 :])
    return found


def parse(arguments: list[str]) -> str:
    """Have the command read its arguments without running; the verb.

    Raises the command's own usage error where it does not take them.
    """
    command: Any = get_command(app)
    context = command.make_context("courselens", list(arguments))
    verb, rest = "", list(arguments)
    while isinstance(command, TyperGroup):
        name, command, rest = command.resolve_command(context, rest)
        verb = f"{verb} {name}".strip()
        assert command is not None
        if not isinstance(command, TyperGroup):
            command.make_context(name, rest, parent=context)
    return verb
