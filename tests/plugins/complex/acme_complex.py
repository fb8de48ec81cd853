"""Its result is nothing that GraphQL knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[complex | None, Value("Events.", unit="count")]


@indicator(
    key="acme_complex_events",
    version=1,
    title="Complex",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_complex_events(t: Tables, p: Parameters) -> ir.Table:
    """A complex number."""
    return t.population.select("user_id", events=literal(1))
