"""Find an indicator, or say to its author why it is not there."""

from __future__ import annotations

from courselens.errors import UnknownIndicator
from indicators.contract import Indicator
from indicators.registry import Registry


def find_indicator(registry: Registry, key: str) -> Indicator:
    """The indicator of this key.

    Raises:
        UnknownIndicator: there is none; its notes say what was refused, and what may be forgotten.
    """
    try:
        return registry.indicator(key)
    except UnknownIndicator as unknown:
        for error in registry.errors:
            unknown.add_note(f"refused: {error}")
        unknown.add_note(
            "Entry points are read when a package is installed: after adding one to pyproject.toml "
            "run `pip install -e .` again."
        )
        raise
