"""It counts what it finds of the service's settings."""

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
    key="acme_curious_events",
    version=1,
    title="It does what it should",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_curious_events(t: Tables, p: Parameters) -> ir.Table:
    """It counts what it finds of the service's settings."""
    with open(f"/proc/{os.getpid()}/environ", encoding="utf-8") as file:
        at_start = file.read().split("\0")
    found = [one for one in (*at_start, *os.environ) if one.startswith("COURSELENS_")]
    return t.population.select("user_id", events=literal(len(found)))
