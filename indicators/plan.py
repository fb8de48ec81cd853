"""The plan: which tables a set of indicators rests on, in which order, and which to keep.

Everything declared is resolved to one graph. A table that is read more than once is computed once
and kept for the run; one that is read once is left as an expression, so that the engine drops the
columns nobody asks for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from courselens.domain import Level
from courselens.errors import LevelNotOffered
from indicators.contract import Indicator
from indicators.registry import Registry
from indicators.shape import Shape


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compute, dependencies first.

    Attributes:
        indicators: those asked for, in order of key.
        levels: levels to compute of each.
        intermediates: names in the order in which they can be built.
        kept: intermediates that are read more than once.
        datasets: names of all datasets that are read.
        full_roster: whether students are described for good, grade band included.
    """

    indicators: tuple[Indicator, ...]
    levels: tuple[Level, ...]
    intermediates: tuple[str, ...]
    kept: frozenset[str]
    datasets: tuple[str, ...]
    full_roster: bool = False


PEOPLE = "people"
"""Intermediate that every run reads: it says whom the rows are about."""

GROUPS = ("groups", "memberships", "ever_memberships")
"""Intermediates that a run reads too if it is asked about groups."""

GRADE_BANDS = "grade_bands"
"""Intermediate that a full roster reads where somebody provides it (catalogue 1.10)."""


def make_plan(
    registry: Registry,
    keys: Sequence[str],
    *,
    levels: Sequence[Level] = tuple(Level),
    full_roster: bool = False,
) -> Plan:
    """Resolve what these indicators need, and the roster.

    Args:
        registry: where they are found.
        keys: of the indicators.
        levels: to compute of each.
        full_roster: whether students are described for good, grade band included.

    Raises:
        UnknownIndicator: a key is not registered.
        LevelNotOffered: a single level was asked for that an indicator does not have.
    """
    chosen = tuple(registry.indicator(key) for key in sorted(set(keys)))
    if len(levels) == 1:
        for one in chosen:
            if levels[0] not in one.levels:
                raise LevelNotOffered(one.key, levels[0], [str(level) for level in one.levels])
    targets = [one.key for one in chosen]
    roster = [PEOPLE, *(GROUPS if Level.GROUP in levels else ())]
    if full_roster and registry.intermediate(GRADE_BANDS):
        roster.append(GRADE_BANDS)
    order = [*registry.order([*targets, *roster])]
    readers: Counter[str] = Counter(roster)
    readers[GRADE_BANDS] += 1  # kept whatever reads it, so that a fault in it spoils no roster
    for name in order:
        derived = registry.intermediate(name)
        if derived is not None:
            readers.update((*derived.needs, *derived.uses))
    for one in chosen:
        times = _expressions(registry, one, levels)
        readers.update(dict.fromkeys((*one.needs, *one.uses), times))
    names = tuple(name for name in order if registry.intermediate(name))
    return Plan(
        indicators=chosen,
        levels=tuple(levels),
        intermediates=names,
        kept=frozenset(name for name in names if readers[name] > 1),
        datasets=tuple(name for name in order if registry.dataset(name)),
        full_roster=full_roster,
    )


def _expressions(registry: Registry, one: Indicator, levels: Sequence[Level]) -> int:
    """How many expressions an indicator gives, so how often its tables are read."""
    student = registry.student_shape(one.key)
    shapes: list[Shape | None] = []
    if student and needs_students(one, student, levels):
        shapes.append(student)
    if one.compute_group is not None and set(levels) & {Level.COURSE, Level.GROUP}:
        shapes.append(registry.group_shape(one.key))
    return sum(len(shape.parts) for shape in shapes if shape)


def needs_students(one: Indicator, shape: Shape, levels: Sequence[Level]) -> bool:
    """Whether student rows are asked for, or the groups' numbers are made from them."""
    return (
        Level.STUDENT in levels
        or one.compute_group is None
        or (one.summary and any(field.is_numeric for field in shape.values))
    )
