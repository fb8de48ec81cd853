"""It needs a table that nobody provides."""

from __future__ import annotations

from courselens.plugin import Parameters, Tables, intermediate, ir


@intermediate(name="acme_needy_rows", columns={"user_id": "int"}, needs=("acme_forum_threads",))
def acme_needy_rows(t: Tables, p: Parameters) -> ir.Table:
    """Rows of acme_forum_threads."""
    return t.acme_forum_threads
