"""Its table rests on one of another plugin, which rests on it."""

from __future__ import annotations

from courselens.plugin import Parameters, Tables, intermediate, ir


@intermediate(name="acme_circuit_rows", columns={"user_id": "int"}, needs=("acme_circle_rows",))
def acme_circuit_rows(t: Tables, p: Parameters) -> ir.Table:
    """Rows of acme_circle_rows."""
    return t.acme_circle_rows
