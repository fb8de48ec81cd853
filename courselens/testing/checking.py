"""The contract suite: everything that must hold of an indicator, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from courselens.errors import UnknownIndicator
from courselens.testing.built import Course
from courselens.testing.checks.computed import (
    empty_course,
    merging,
    missing_sources,
    one_student,
    order_of_rows,
    values,
)
from courselens.testing.checks.declared import declaration, documentation
from courselens.testing.checks.engines import engines
from courselens.testing.checks.processes import own_process
from courselens.testing.checks.served import graphql, live_values
from courselens.testing.checks.subject import Check, NotApplicable, Subject
from courselens.testing.finding import find_indicator
from courselens.testing.sample_course import sample_course
from indicators.registry import Registry, load_registry

CHECKS: tuple[Check, ...] = (
    declaration,
    documentation,
    values,
    empty_course,
    one_student,
    missing_sources,
    order_of_rows,
    merging,
    engines,
    own_process,
    live_values,
    graphql,
)
"""The suite, in the order in which it runs; each check's docstring is the rule."""


class ContractBroken(AssertionError):
    """Rules of the contract do not hold; the message has a line for each, with its fix."""

    def __init__(self, key: str, broken: Mapping[str, list[str]]) -> None:
        self.key = key
        self.broken = broken
        lines = [f"{name}: {line}" for name, found in broken.items() for line in found]
        super().__init__("\n".join([f"{key} breaks the contract:", *lines]))


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked: rules that hold, and those with nothing to look at, with the reason."""

    held: tuple[str, ...]
    not_applicable: Mapping[str, str]


def check_indicator(
    key: str,
    *,
    course: Course | None = None,
    registry: Registry | None = None,
    database_url: str | None = None,
) -> Checked:
    """Check everything that must hold of an installed indicator; takes some seconds.

    Args:
        key: of the indicator.
        course: on which it is computed, where `sample_course()` does not have what it needs.
        registry: default is everything installed.
        database_url: of a PostgreSQL on which a database may be made; default is an embedded one.

    Raises:
        ContractBroken: rules do not hold; names each with what to do.
    """
    registry = registry or load_registry()
    try:
        indicator = find_indicator(registry, key)
    except UnknownIndicator as unknown:
        told = [str(unknown), *unknown.__notes__]
        raise ContractBroken(key, {"declaration": told}) from unknown
    subject = Subject(indicator, registry, course or sample_course(), database_url=database_url)
    broken: dict[str, list[str]] = {}
    held: list[str] = []
    not_applicable: dict[str, str] = {}
    for check in CHECKS:
        name = check.__name__
        try:
            found = [str(finding) for finding in check(subject)]
        except NotApplicable as reason:
            not_applicable[name] = str(reason)
            continue
        if found:
            broken[name] = list(dict.fromkeys(found))
        else:
            held.append(name)
        if check is values and found:
            break  # what follows would say the same again
    if broken:
        raise ContractBroken(key, broken)
    return Checked(tuple(held), not_applicable)
