"""Try imports of plugins where nothing is lost by them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint

from courselens.errors import PluginError
from courselens.memory import resident_kb
from indicators.apart.guard import State, forbid
from indicators.apart.words import Tell, Word
from indicators.contract import ENTRY_POINT_GROUP
from indicators.registry import load_entry


@dataclass(frozen=True, slots=True)
class ImportJob:
    """Import entry points one after the other, up to the first that is not well-behaved.

    Attributes:
        entries: plugin, name and `module:attribute` of each.
    """

    entries: Sequence[tuple[str, str, str]]

    def do(self, tell: Tell) -> None:
        """Say `trying` before and `tried` after each import."""
        forbid("a plugin", forks_only=True)
        state, own = State(), os.getpid()
        for index, (_, name, value) in enumerate(self.entries):
            tell(Word("trying", index))
            before = resident_kb()
            word = Word("tried", index)
            try:
                load_entry(EntryPoint(name, value, ENTRY_POINT_GROUP))
            except PluginError as error:
                cause = error.__cause__
                told = cause if isinstance(cause, PluginError) else error
                problem, fix = told.problem, told.fix
                if told is cause:
                    problem = f"entry point {name} ({value}) {problem} on import"
                    fix = "import nothing but definitions; work belongs in its functions"
                word = Word("tried", index, problem=problem, fix=fix)
            if os.getpid() != own:
                os._exit(1)
            changed = state.changed()
            if changed and not word.problem:
                word = Word(
                    "tried",
                    index,
                    problem=f"entry point {name} ({value}) changes {changed} on import",
                    fix="leave what others use as it is",
                )
            if word.problem:
                tell(word)
                return  # whatever it has done here is gone with this process
            tell(Word("tried", index, memory_kb=max(resident_kb() - before, 0)))
