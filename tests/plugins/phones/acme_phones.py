"""It asks a server on the network when it computes."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Annotated

from courselens.plugin import Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number:
    """A number of events."""

    events: Annotated[int | None, Value("Events.", unit="count")]


@indicator(
    key="acme_phones_events",
    version=1,
    title="It asks a server on the network when it ",
    unit="count",
    family="acme",
    levels=(Level.STUDENT, Level.COURSE),
    needs=("population",),
    student=Number,
)
def acme_phones_events(t: Tables, p: Parameters) -> ir.Table:
    """It asks a server on the network when it computes."""
    socket.create_connection(("127.0.0.1", 9), timeout=1)
    return t.population.select("user_id", events=literal(1))
