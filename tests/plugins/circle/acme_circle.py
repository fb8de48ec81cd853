"""Its table rests on one of another plugin, which rests on it."""

from __future__ import annotations

from courselens.plugin import Parameters, Tables, intermediate, ir


@intermediate(name="acme_circle_rows", columns={"user_id": "int"}, needs=("acme_circuit_rows",))
def acme_circle_rows(t: Tables, p: Parameters) -> ir.Table:
    """Rows of acme_circuit_rows."""
    return t.acme_circuit_rows
