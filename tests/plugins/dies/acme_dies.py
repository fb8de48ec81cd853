"""It is killed by the system when it computes."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


@indicator(
    key="acme_dies_events",
    version=1,
    title="It is killed by the system when it compu",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_dies_events(t: Tables, p: Parameters) -> ir.Table:
    """It is killed by the system when it computes."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return t.population.select("user_id", events=literal(1))
