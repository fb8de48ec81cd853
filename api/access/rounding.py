"""Numbers as students see them: no finer than the size of the group allows (rule R4)."""

from __future__ import annotations

import math

COUNT_STEP = 5
_SMALL, _MIDDLE = 50, 1_000


def in_fives(count: int) -> int:
    """A number of people to the next multiple of five, halves up."""
    return COUNT_STEP * math.floor(count / COUNT_STEP + 0.5)


def step_of(people: int) -> float:
    """The share to which numbers of a group of this size are rounded, at least."""
    if people < _SMALL:
        return 0.05
    return 0.01 if people < _MIDDLE else 0.001


def share_step(people: int) -> float:
    """The same for a share of these people: it is a count, and no finer told than one."""
    return nice(max(step_of(people), COUNT_STEP / people))


def coarse(value: float, people: int) -> float:
    """A number rounded to 1, 2 or 5 times a power of ten, by its size and the group's."""
    return in_steps(value, nice(step_of(people) * abs(value))) if value else 0.0


def in_steps(value: float, step: float) -> float:
    """A number to the next multiple of a step."""
    digits = max(0, 1 - math.floor(math.log10(step)))
    return round(step * math.floor(value / step + 0.5), digits)


def nice(least: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that is not less than this."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= least * (1 - 1e-9))
