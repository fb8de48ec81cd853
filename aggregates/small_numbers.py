"""What the rules on small numbers need where numbers are released and where they are told."""

from __future__ import annotations

from indicators.shape import Field, Kind

K_MIN = 10
"""People below which nothing is told to those who may not see named students."""

SUMMARY = "summary."
"""Begins the part of a free summary; the field's name follows."""

FEW_OTHERS = 2
"""If no more people than these have another value than all the rest, that value is hidden."""

_AMOUNT_UNITS = frozenset({"count", "counts", "seconds", "days", "points"})


def counts_people(field: Field) -> bool:
    """Whether a whole number of a group's row is one of people, not an amount such as views."""
    return field.kind is Kind.INT and not field.is_list and field.unit not in _AMOUNT_UNITS
