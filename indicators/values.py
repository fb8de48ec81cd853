"""Values of parameters in one run: what was given, where it is known, else the defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from courselens.errors import BadParameter
from indicators.parameters import COMMON, Parameter, ParameterValue, check_values
from indicators.plan import Plan
from indicators.registry import Registry

Values = dict[str, ParameterValue]


def values_of_plan(
    registry: Registry, plan: Plan, given: Mapping[str, object]
) -> dict[str, Values]:
    """Values for every indicator and intermediate: one name may mean two things in two.

    Raises:
        BadParameter: a value is unknown to an indicator of the plan, or outside its range.
    """
    values: dict[str, Values] = {}
    for one in plan.indicators:
        checked = check_values(registry.parameters(one.key), given, owner=one.key)
        if checked["definition"] not in one.definitions:
            raise BadParameter(
                "definition", checked["definition"], f"{' | '.join(one.definitions)} ({one.key})"
            )
        values[one.key] = checked
    for name in plan.intermediates:
        values[name] = _known_values(registry.parameters(name), given, name)
    return values


def common_values(given: Mapping[str, object]) -> Values:
    """Values of what every indicator takes, beside the window."""
    return _known_values(tuple(COMMON.values()), given, "the run")


def _known_values(declared: Sequence[Parameter], given: Mapping[str, object], owner: str) -> Values:
    names = {parameter.name for parameter in declared}
    known = {name: value for name, value in given.items() if name in names}
    return check_values(declared, known, owner=owner)
