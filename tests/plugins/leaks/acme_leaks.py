"""It holds more and more memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


@indicator(
    key="acme_leaks_events",
    version=1,
    title="It holds more and more memory",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_leaks_events(t: Tables, p: Parameters) -> ir.Table:
    """It holds more and more memory."""
    held = []
    while True:
        held.append(bytearray(b"x" * (1 << 20)))
