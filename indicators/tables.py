"""The tables an indicator sees: those it declared, as attributes, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from ibis.expr import types as ir

from courselens.errors import PluginError


class Tables:
    """Declared tables by name: `tables.population`.

    Args:
        tables: expressions by name, for everything the owner declared.
        absent: names of those that the source does not have; they are empty tables.
        owner: key of the indicator or intermediate, for errors.
    """

    __slots__ = ("_absent", "_owner", "_tables")

    def __init__(
        self, tables: Mapping[str, ir.Table], *, absent: frozenset[str], owner: str
    ) -> None:
        self._tables = tables
        self._absent = absent
        self._owner = owner

    def __getattr__(self, name: str) -> ir.Table:
        try:
            return self._tables[name]
        except KeyError:
            raise PluginError(
                self._owner,
                f"reads {name!r} without having declared it",
                f"add {name!r} to its needs, or to its uses if it can do without",
            ) from None

    def has(self, name: str) -> bool:
        """Whether the source has this table; one it lacks is empty."""
        return name in self._tables and name not in self._absent
