"""Answers kept as bytes, for as long as nothing changed that they rest on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aggregates.records import RoleRecord
from api.context import Context, Used

KEPT_BYTES = 16 * 1024 * 1024
_ENTRY_BYTES = 1_000
"""What an entry takes beside its body."""
_SHARE = 8
"""No answer takes more than this part of the room."""


class Heard(Protocol):
    """Says what changed, as far as was heard; `aggregates.notices.Notices` does."""

    @property
    def position(self) -> int:
        """Place of the last change that was heard of."""

    def is_fresh(self, since: int, course_keys: Collection[str] | None) -> bool:
        """Whether nothing changed since that place; false where nobody knows.

        `course_keys`: of these courses; None: of any.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer.

    Attributes:
        body: all that the client is sent.
        used: the courses that it tells about.
        courses: their keys; None: it depends on which courses there are.
        since: `Heard.position` before the first thing was read for it.
        roles: the viewer's, as they were.
    """

    body: bytes
    used: frozenset[Used]
    courses: frozenset[str] | None
    since: int
    roles: Sequence[RoleRecord]


class KeptAnswers:
    """Answers by what was asked and who asked, the least recently used first.

    Nothing is asked of the store for one that is found: it was made of what the store had at
    `since`, and the notices tell that nothing of it changed. Two viewers never have the same key.

    Args:
        heard: tells what changed.
        most_bytes: room for all; 0: nothing is kept.

    Attributes:
        hits: answers that were found.
        misses: those that were not, or not any more.
        bytes: room taken.
    """

    def __init__(self, heard: Heard, most_bytes: int = KEPT_BYTES) -> None:
        self._heard = heard
        self._most = most_bytes
        self._items: OrderedDict[Hashable, Kept] = OrderedDict()
        self.hits = 0
        self.misses = 0
        self.bytes = 0

    @property
    def is_on(self) -> bool:
        """Whether anything is kept."""
        return self._most > 0

    @property
    def position(self) -> int:
        """To be asked for before the first thing is read for an answer."""
        return self._heard.position

    def find(self, key: Hashable, roles: Sequence[RoleRecord]) -> Kept | None:
        """The answer, if it would be the same now."""
        found = self._items.get(key)
        if found is not None:
            if found.roles == roles and self._heard.is_fresh(found.since, found.courses):
                self._items.move_to_end(key)
                self.hits += 1
                return found
            self._drop(key)
        self.misses += 1
        return None

    def keep(
        self,
        key: Hashable,
        body: bytes,
        *,
        since: int,
        roles: Sequence[RoleRecord],
        context: Context,
    ) -> None:
        """Keep an answer that was made in a context."""
        courses = None if context.is_about_all else frozenset(one[0] for one in context.used)
        kept = Kept(body, frozenset(context.used), courses, since, roles)
        weight = _weight(kept)
        if weight > self._most // _SHARE or not self._heard.is_fresh(since, courses):
            return
        self._drop(key)
        self._items[key] = kept
        self.bytes += weight
        while self.bytes > self._most:
            self._drop(next(iter(self._items)))

    def _drop(self, key: Hashable) -> None:
        gone = self._items.pop(key, None)
        if gone is not None:
            self.bytes -= _weight(gone)


def _weight(kept: Kept) -> int:
    return len(kept.body) + _ENTRY_BYTES * (1 + len(kept.used))
