"""What a run has to do without: facts that no source has, and intermediates that failed."""

from __future__ import annotations

from dataclasses import dataclass, field

from courselens.errors import CourselensError, MissingSource
from indicators.plan import PEOPLE
from indicators.registry import Registry


@dataclass(slots=True)
class Gaps:
    """Tables that a run has empty for want of facts, and why.

    Attributes:
        registry: what the run's plan was made from.
        absent: datasets that the source does not have, and what rests on nothing else.
    """

    registry: Registry
    absent: set[str] = field(default_factory=set)
    _lacking: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _broken: dict[str, str] = field(default_factory=dict)

    def note_failure(self, name: str, exc: Exception) -> None:
        """Take an intermediate that could not be built as absent, and what it said of that."""
        if isinstance(exc, MissingSource):
            self._lacking[name] = exc.names
        else:
            self._broken[name] = one_line(exc)
        self.absent.add(name)

    def missing(self, key: str) -> tuple[str, ...]:
        """Datasets without which an indicator cannot be measured, and which are absent."""
        needed = self.registry.closure(key, hard=True)
        found = [name for name in needed if name in self.absent and self.registry.dataset(name)]
        if PEOPLE in needed and PEOPLE in self.absent:
            found.insert(0, "enrollments")
        found += [lacking for name in needed for lacking in self._lacking.get(name, ())]
        return tuple(dict.fromkeys(found))

    def fault(self, key: str) -> str | None:
        """What the first intermediate that broke, of those an indicator rests on, said."""
        broken = (self._broken.get(name) for name in self.registry.closure(key))
        return next((said for said in broken if said is not None), None)


def one_line(exc: Exception) -> str:
    """An error as one line for the operator; it may name values, so no client is shown it."""
    text = str(exc) if isinstance(exc, CourselensError) else f"{type(exc).__name__}: {exc}"
    return " ".join(text.split())[:500]
