"""The reference of what plugins import: arguments, tables, helpers, test kit; from the code."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import courselens.plugin as plugin
import courselens.pytest_plugin as fixtures
import courselens.testing as kit
from courselens.domain import BUILT_IN
from courselens.plugin import (
    Indicator,
    Intermediate,
    Key,
    Level,
    LoadRequest,
    OwnDataset,
    Parameter,
    Parameters,
    Privacy,
    Setting,
    Sources,
    Tables,
    Value,
)
from indicators.registry import load_registry
from loaders.datasets import DATASETS

_DECORATORS = (
    (
        "indicator",
        Indicator,
        "A function `(t: Tables, p: Parameters)` that gives the rows of its students, or of groups "
        "where it has no `student`. Its docstring is the description.",
    ),
    (
        "intermediate",
        Intermediate,
        "A function `(t: Tables, p: Parameters)` that gives a table which several indicators "
        "share; it is computed once a run.",
    ),
    (
        "dataset",
        OwnDataset,
        "A function `(request: LoadRequest)` that gives the rows of a source of your own: see "
        "[data of your own](own-data.md).",
    ),
)
_VALUES = (Setting, LoadRequest, Parameter, Parameters, Value, Key)
_TOLD_ELSEWHERE = frozenset(
    {"Indicator", "Intermediate", "OwnDataset", "Sources", "Tables", "Level", "Privacy", "Cost"}
    | {"Setting", "LoadRequest", "Parameter", "Parameters", "Value", "Key"}
    | {"indicator", "intermediate", "dataset"}
)
_CONSTANTS = {
    "CONTRACT_VERSION": "Version of this contract.",
    "COURSE_LOCATION": "Location of what happened in the course and in no block of it.",
    "DAY_US": "Microseconds of a day.",
    "ENTRY_POINT_GROUP": "Where a package registers its declarations.",
    "PSEUDO_BLOCKS": "Places that are no blocks, such as `_forum_`.",
    "REMOVED": "Where time is put that was spent in blocks that are no longer in the course.",
    "RETIRED_PREFIX": "How the usernames begin of accounts that the platform has retired.",
    "SCORED_TYPES": "Block types that have a score.",
    "SECOND_US": "Microseconds of a second.",
    "Annotated": "`typing.Annotated`.",
    "BlockKey": "Type of a field that holds a block's usage key.",
    "ir": "`ibis.expr.types`, for annotations.",
    "_": "`ibis._`, the table that is being worked on.",
    "Rows": "What a loader may give.",
}


def plugin_reference() -> Iterator[str]:
    """The page, line by line."""
    yield "# Reference of the contract\n"
    yield "Generated from the code. A plugin imports from `courselens.plugin`, its tests from"
    yield "`courselens.testing`, and nothing else of courselens. What it declares are entry points"
    yield f"of the group `{plugin.ENTRY_POINT_GROUP}`: one for each object that"
    yield "a decorator makes.\n"
    for name, declared, prose in _DECORATORS:
        yield f"## `@{name}`\n"
        yield f"{prose} It makes an object of type `{declared.__name__}`.\n"
        yield from _arguments(getattr(plugin, name), declared)
    yield "## Beside an indicator\n"
    yield "| decorator | what it is for |"
    yield "|---|---|"
    for name in ("for_groups", "live_for_students", "live_for_course"):
        yield f"| `@….{name}` | {_first(getattr(Indicator, name))} |"
    yield ""
    for chosen in (Level, Privacy, plugin.Cost):
        members = ", ".join(f"`{one.name}`" for one in chosen)
        yield f"`{chosen.__name__}`: {_first(chosen)} {members}.\n"
    yield from _values()
    yield from _tables()
    yield from _names()
    yield from _kit()


def _arguments(decorator: Any, declared: type) -> Iterator[str]:
    told = _attributes(declared)
    yield "| argument | default | meaning |"
    yield "|---|---|---|"
    for name, one in inspect.signature(decorator).parameters.items():
        yield f"| `{name}` | {_shown(one.default, inspect.Parameter.empty)} | {told[name]} |"
    yield ""


def _values() -> Iterator[str]:
    yield "## Values\n"
    for one in _VALUES:
        told = _attributes(one)
        yield f"### `{one.__name__}`\n"
        yield f"{_first(one)}\n"
        yield "| attribute | default | meaning |"
        yield "|---|---|---|"
        for each in fields(one):
            default = MISSING if each.default_factory is not MISSING else each.default
            yield f"| `{each.name}` | {_shown(default, MISSING)} | {told.get(each.name, '')} |"
        for name, each in vars(one).items():
            if isinstance(each, property):
                yield f"| `{name}` | | {_first(each)} |"
        yield ""
    for one in (Tables, Sources):
        yield f"### `{one.__name__}`\n"
        yield f"{_first(one)}\n"
        yield "| name | what it is |"
        yield "|---|---|"
        for name, each in vars(one).items():
            if not name.startswith("_") and (callable(each) or isinstance(each, property)):
                call = "" if isinstance(each, property) else "()"
                yield f"| `{name}{call}` | {_first(each)} |"
        yield ""


def _tables() -> Iterator[str]:
    yield "## Tables to name in `needs` and `uses`\n"
    yield "Instants are `*_us`, microseconds since 1970 UTC; every column may be null. `events`"
    yield "holds all of the course up to `as_of`: an indicator with a window filters it itself.\n"
    yield "### Datasets\n"
    yield "| name | what | columns |"
    yield "|---|---|---|"
    for name, one in sorted(DATASETS.items()):
        columns = ", ".join(f"`{column}` {kind}" for column, kind in one.columns.items())
        yield f"| `{name}` | {_cell(one.description)} | {columns} |"
    yield "\n### Intermediates\n"
    yield "| name | what | columns |"
    yield "|---|---|---|"
    for name, made in load_registry().intermediates.items():
        if made.provider == BUILT_IN:
            columns = ", ".join(f"`{column}` {kind}" for column, kind in made.columns.items())
            yield f"| `{name}` | {_cell(made.description.split(chr(10) * 2)[0])} | {columns} |"
    yield ""


def _names() -> Iterator[str]:
    yield "## Everything else in `courselens.plugin`\n"
    yield "Expressions are [Ibis](https://ibis-project.org). Operations that mean other things on"
    yield "other engines are refused, and the error names the helper to use instead.\n"
    yield "| name | what it is |"
    yield "|---|---|"
    for name in plugin.__all__:
        if name not in _TOLD_ELSEWHERE:
            told = _CONSTANTS.get(name) or _first(getattr(plugin, name))
            yield f"| `{name}` | {told} |"
    yield ""


def _kit() -> Iterator[str]:
    yield "## `courselens.testing`\n"
    yield "`pip install courselens[testing]`.\n"
    yield "| name | what it is |"
    yield "|---|---|"
    for name in kit.__all__:
        told = "The checks of the suite." if name == "CHECKS" else _first(getattr(kit, name))
        yield f"| `{name}` | {told} |"
    for one in (kit.CourseBuilder, kit.Steps, kit.BuiltCourse):
        yield f"\n### `{one.__name__}`\n"
        yield "| method | what it does |"
        yield "|---|---|"
        for name, each in vars(one).items():
            if not name.startswith("_") and inspect.isfunction(each):
                yield f"| `{name}{_call(each)}` | {_first(each)} |"
    yield "\n### What `check_indicator` checks\n"
    yield "| check | rule |"
    yield "|---|---|"
    for check in kit.CHECKS:
        yield f"| `{check.__name__}` | {_first(check)} |"
    yield "\n### In pytest\n"
    yield "| name | what it is |"
    yield "|---|---|"
    for name in ("golden_rows", "simulated_course", "courselens_database_url"):
        yield f"| fixture `{name}` | {_first(getattr(fixtures, name))} |"
    yield "| `--update-goldens` | Write golden files anew. |"


def _call(function: Any) -> str:
    names = []
    for name, one in list(inspect.signature(function).parameters.items())[1:]:
        if one.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        prefix = {one.VAR_KEYWORD: "**", one.VAR_POSITIONAL: "*"}.get(one.kind, "")
        names.append(prefix + name)
    return f"({', '.join(names)})"


def _attributes(owner: type) -> dict[str, str]:
    """What the docstring says of each attribute; where it says nothing, nothing."""
    text = inspect.getdoc(owner) or ""
    _, _, section = text.partition("Attributes:\n")
    told: dict[str, list[str]] = {}
    name = ""
    for line in section.splitlines():
        if not line.startswith("    "):
            break
        found = re.match(r"    (\w+): (.*)", line)
        if found and not line.startswith("     "):
            name = found.group(1)
            told[name] = [found.group(2)]
        else:
            told[name].append(line.strip())
    return {name: _sentence(" ".join(lines)) for name, lines in told.items()}


def _first(owner: Any) -> str:
    """The first paragraph's first sentence of a docstring."""
    if isinstance(owner, property):
        owner = owner.fget
    if hasattr(owner, "_fixture_function"):  # pytest wraps fixtures
        owner = owner._fixture_function
    text = inspect.getdoc(owner) or ""
    if is_dataclass(owner) and text.startswith(f"{getattr(owner, '__name__', '')}("):
        text = ""
    return _cell(text.split("\n\n")[0])


def _cell(text: str) -> str:
    """One line of a table, without numbers of a catalogue that readers do not have."""
    text = re.sub(r"\s*\([^()]*catalogue[^()]*\)", "", " ".join(text.split()))
    return text.replace("|", "\\|")


def _sentence(text: str) -> str:
    text = _cell(text)
    return text if "_" in text.split(" ", 1)[0] else text[:1].upper() + text[1:]


def _shown(value: Any, missing: object) -> str:
    if value is missing:
        return ""
    if isinstance(value, enum.Enum):
        return f"`{type(value).__name__}.{value.name}`"
    if isinstance(value, tuple) and value and all(isinstance(one, enum.Enum) for one in value):
        return f"`({', '.join(f'{type(one).__name__}.{one.name}' for one in value)},)`"
    return f"`{value!r}`"
