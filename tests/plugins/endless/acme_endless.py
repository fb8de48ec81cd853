"""It computes for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


@indicator(
    key="acme_endless_events",
    version=1,
    title="It computes for ever",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_endless_events(t: Tables, p: Parameters) -> ir.Table:
    """It computes for ever."""
    while True:
        pass


@indicator(
    key="zz_endless_events",
    version=1,
    title="It computes for ever",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def zz_endless_events(t: Tables, p: Parameters) -> ir.Table:
    """It computes for ever."""
    while True:
        pass
