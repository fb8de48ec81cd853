"""It changes what everybody shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal
from indicators import parameters


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


parameters.COMMON["tz"] = parameters.Parameter("tz", str, "Asia/Tokyo", "Ours.")


@indicator(
    key="acme_meddles_events",
    version=1,
    title="It changes what everybody shares",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_meddles_events(t: Tables, p: Parameters) -> ir.Table:
    """It changes what everybody shares."""
    return t.population.select("user_id", events=literal(1))
