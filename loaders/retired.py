"""Who was retired: the ids that no loader lets in again, in a folder that all processes share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from loaders import manifests
from loaders.events.users import name_only_user_id

FORMAT = 1
_FIX = "Restore it from a backup: without it retired users come back"

Retired = Callable[[], Collection[int]]
"""Gives the ids as they are now. Whoever writes asks it while holding the lock of what is written:
who is retired later is then found by the retirement, which waits for that lock."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A retirement that has begun; kept, names and all, until nothing is left.

    `user_ids` are those whose data goes, also the negative ids of names; `usernames` theirs.
    """

    user_ids: list[int] = field(default_factory=list)
    usernames: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The list itself: ids alone."""

    format: int = FORMAT
    user_ids: list[int] = field(default_factory=list)
    under_way: UnderWay | None = None


class RetiredList:
    """The list in a folder; writers hold `manifests.locked` on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ids(self) -> frozenset[int]:
        """Everybody who is retired, or is just being."""
        return frozenset(self.read().user_ids)

    def read(self) -> Manifest:
        """The list with the retirement that is under way.

        Raises:
            LakeError: it is damaged.
        """
        return manifests.read(self.folder, Manifest, fix=_FIX)

    def begin(self, under_way: UnderWay) -> UnderWay:
        """Add ids for good, together with one that was begun before; gives both."""
        known = self.read()
        before = known.under_way or UnderWay()
        both = UnderWay(
            sorted({*before.user_ids, *under_way.user_ids}),
            sorted({*before.usernames, *under_way.usernames}),
        )
        ids = sorted({*known.user_ids, *both.user_ids})
        self._write(replace(known, user_ids=ids, under_way=both))
        return both

    def end(self) -> None:
        """Forget names: nothing is left that they would have to be looked for in."""
        self._write(replace(self.read(), under_way=None))

    def _write(self, manifest: Manifest) -> None:
        manifests.commit(self.folder, manifest, new_files=())


def nobody() -> frozenset[int]:
    """The ids where there is no list."""
    return frozenset()


def leave_out(table: pa.Table, user_ids: Collection[int]) -> pa.Table:
    """The rows of a dataset that are about none of these users.

    They are known by the column `user_id`, or without one by `username`.
    """
    if not user_ids:
        return table
    if "user_id" in table.column_names:
        column = table.column("user_id")
        if pa.types.is_integer(column.type):
            gone = pa.array(sorted(user_ids), pa.int64())
        else:  # of a plugin, which may keep ids as text
            gone = pa.array([str(one) for one in user_ids]).cast(column.type)
    elif "username" in table.column_names:
        column = table.column("username")
        known = column.unique().drop_null().to_pylist()
        gone = pa.array([n for n in known if name_only_user_id(n) in user_ids], column.type)
    else:
        return table
    theirs = pc.is_in(column, value_set=gone)
    return table.filter(pc.invert(theirs)) if pc.any(theirs).as_py() else table


def leave_out_everywhere(
    tables: dict[str, pa.Table], user_ids: Collection[int]
) -> dict[str, pa.Table]:
    """The same for datasets by name."""
    return {name: leave_out(table, user_ids) for name, table in tables.items()}
