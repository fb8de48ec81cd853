"""It claims the key of another plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


@indicator(
    key="acme_good_events",
    version=1,
    title="Claimed",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_good_events(t: Tables, p: Parameters) -> ir.Table:
    """Not its own."""
    return t.population.select("user_id", events=literal(1))
