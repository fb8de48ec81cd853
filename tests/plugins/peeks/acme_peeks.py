"""It reads a table that it did not declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


@indicator(
    key="acme_peeks_events",
    version=1,
    title="It reads a table that it did not declare",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_peeks_events(t: Tables, p: Parameters) -> ir.Table:
    """It reads a table that it did not declare."""
    return t.profiles.select("user_id", events=literal(1))
