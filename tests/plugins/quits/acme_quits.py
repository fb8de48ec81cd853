"""It wants to leave when it computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


@indicator(
    key="acme_quits_events",
    version=1,
    title="It wants to leave when it computes",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_quits_events(t: Tables, p: Parameters) -> ir.Table:
    """It wants to leave when it computes."""
    raise SystemExit("done here")
