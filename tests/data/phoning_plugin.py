"""An indicator that reaches for the network, but only where plugins run."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass

from courselens.plugin import Annotated, Level, Parameters, Tables, Value, indicator, ir, literal


@dataclass(frozen=True, slots=True)
class Number:
    number: Annotated[int | None, Value("Something.", "count")]


@indicator(
    key="acme_phone",
    version=1,
    title="Phone",
    unit="count",
    family="acme",
    levels=(Level.STUDENT,),
    needs=("population",),
    student=Number,
)
def phone(t: Tables, p: Parameters) -> ir.Table:
    """Ask somebody."""
    if "courselens.testing" not in sys.modules:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    return t.population.select("user_id", number=literal(1))
