"""It forks when it computes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


@indicator(
    key="acme_forks_events",
    version=1,
    title="It forks when it computes",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_forks_events(t: Tables, p: Parameters) -> ir.Table:
    """It forks when it computes."""
    os.fork()
    return t.population.select("user_id", events=literal(1))
