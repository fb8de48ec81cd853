"""It prints, on import and when it computes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


print("imported")


@indicator(
    key="acme_prints_events",
    version=1,
    title="It prints, on import and when it compute",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_prints_events(t: Tables, p: Parameters) -> ir.Table:
    """It prints, on import and when it computes."""
    print("computing", p.window)
    os.write(1, b"{}\n" * 1000)
    return t.population.select("user_id", events=literal(1))
