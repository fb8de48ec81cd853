"""It gives other columns than it declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


@indicator(
    key="acme_columns_events",
    version=1,
    title="It gives other columns than it declares",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_columns_events(t: Tables, p: Parameters) -> ir.Table:
    """It gives other columns than it declares."""
    return t.population.select("user_id", clicks=literal(1))
