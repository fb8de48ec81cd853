"""How a scalar student field is named in filters, orders, selections and SQL."""

from __future__ import annotations

from typing import NamedTuple

from aggregates.naming import standing_column, value_column


class FieldRef(NamedTuple):
    """A scalar field of an indicator's student result.

    A tuple, as each request looks up statements by a dozen of them.
    """

    indicator: str
    field: str

    @property
    def column(self) -> str:
        """Its column in the provider's wide table, and its key in what is read."""
        return value_column(self.indicator, self.field)

    @property
    def standing_column(self) -> str:
        """The column of the student's percentile rank (numeric fields only)."""
        return standing_column(self.indicator, self.field)
