"""What an indicator says of itself."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

from courselens.domain import BUILT_IN
from courselens.testing.checks.subject import Finding, Subject


def declaration(subject: Subject) -> Iterator[Finding]:
    """The declaration is complete, and its names are the plugin's own."""
    one = subject.indicator
    for name in ("title", "unit", "family"):
        if not getattr(one, name).strip():
            yield Finding(f"{name} is empty", f"give `{name}=` of @indicator")
    own = one.provider.replace("-", "_")
    if one.provider != BUILT_IN and not f"{one.key}_".startswith(f"{own}_"):
        yield Finding(
            f"the key {one.key!r} does not begin with the distribution's name",
            f"call it {own}_{one.key}: keys of all plugins share one schema",
        )
    if one.merges and not one.takes_window:
        yield Finding("it merges over time and takes no window", "give `takes_window=True`, too")
    if not one.privacy:
        yield Finding("nobody may see it", "give `privacy=`, such as (Privacy.STAFF,)")


def documentation(subject: Subject) -> Iterator[Finding]:
    """Everything that a reader of the schema meets is explained."""
    one = subject.indicator
    if not one.description:
        yield Finding("it has no description", "write a docstring: summary, unit, source")
    elif not one.description.splitlines()[0].rstrip().endswith("."):
        yield Finding("the docstring's first line is no sentence", "end it with a full stop")
    for by, shape in subject.levels.items():
        for part in shape.parts:
            for field in part.fields:
                if not field.description:
                    yield Finding(
                        f"{part.name}.{field.name} by {by} is not described",
                        "annotate it: Annotated[..., Value('What it is.', 'unit')]",
                    )
    for parameter in one.parameters:
        if not parameter.description:
            yield Finding(f"parameter {parameter.name} is not described", "describe it")
    readme = None if one.provider == BUILT_IN else _readme(one.provider)
    if readme is not None and one.key not in readme:
        yield Finding(
            f"the README of {one.provider} does not name {one.key}",
            "name it there (`readme` of pyproject.toml), and install the package again",
        )


def _readme(distribution: str) -> str | None:
    """The description of an installed distribution; None if it is not installed."""
    try:
        return str(importlib.metadata.metadata(distribution).json.get("description", ""))
    except importlib.metadata.PackageNotFoundError:
        return None
