"""What a source can give of a dataset, as `courselens check` reports it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capability:
    """What can be had of a dataset.

    Attributes:
        dataset: its name.
        is_available: whether it can be read at all.
        notes: what is missing, in words; empty where nothing is.
    """

    dataset: str
    is_available: bool
    notes: tuple[str, ...]
