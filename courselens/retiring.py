"""Retire users: take all that is kept about them out of every place, then look whether it is gone.

The order is what makes it safe beside running workers and after a kill. The ids are on the list
first: from then on nobody who takes a lock lets them in. Each place is then cleaned under the lock
of those who write to it, and what was begun is known, with the names, until nothing is found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from aggregates import retirement as stored
from aggregates.store import Store
from aggregates.traces import find_traces as find_in_store
from aggregates.work import Ask, Kind, Priority
from courselens.domain import RETIRED_PREFIX
from courselens.marks import Marks
from courselens.settings import Settings
from courselens.traces import LAKE_PLACE, TRACKING_PLACE, copy_place
from courselens.traces import find_traces as find_in_files
from loaders import manifests
from loaders.events import retirement as in_lake
from loaders.events.lake import Lake
from loaders.events.users import name_only_user_id
from loaders.retired import RetiredList, UnderWay
from workers import retirement as in_copies
from workers import tracking_table

Progress = Callable[[str, int, int], None]
Report = dict[str, int]
"""Rows by place."""

_TABLE = "database/"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to retire.

    Attributes:
        user_ids: of the platform.
        usernames: they have or had, besides those that are found.
        texts: e-mail addresses and other texts to look for at the end.
        from_platform: also everybody whom the platform has retired, as far as it was copied.
    """

    user_ids: Collection[int] = ()
    usernames: Collection[str] = ()
    texts: Collection[str] = ()
    from_platform: bool = False


@dataclass(frozen=True, slots=True)
class Retirement:
    """What was done.

    Attributes:
        user_ids: whose data went: accounts, and negative ids of names.
        removed: rows that went, by place.
        found: rows that are there afterwards, by place; every place that was looked at.
        course_keys: whose numbers are to be made anew.
        names_of_others: how many names were left alone, as somebody else has them now.
    """

    user_ids: tuple[int, ...]
    removed: Report = field(default_factory=dict)
    found: Report = field(default_factory=dict)
    course_keys: tuple[str, ...] = ()
    names_of_others: int = 0

    @property
    def left(self) -> int:
        """Rows that are still there."""
        return sum(self.found.values())


async def retire(
    settings: Settings, store: Store, asked: Asked, *, progress: Progress, dry_run: bool = False
) -> Retirement:
    """Take users out of everything; done again, it goes on where it ended.

    With nobody asked for, what was begun is finished; else everybody on the list is looked for.

    Args:
        settings: of the installation.
        store: its numbers.
        asked: whom.
        progress: told what is being done, and how much of how much.
        dry_run: change nothing, and only tell what there is.

    Raises:
        LakeError: a place is being written for longer than a task may take.
        StoreError: the database does not answer in time.
    """
    retired = RetiredList(settings.retired_path)
    if dry_run:
        under_way, others = await _whom(settings, store, asked)
        found = await _find(settings, store, under_way, asked.texts, progress)
        return Retirement(tuple(under_way.user_ids), found=found, names_of_others=others)
    patience = settings.task_time_limit_seconds
    with manifests.locked(settings.retired_path, patience_seconds=patience):
        under_way, others = await _whom(settings, store, asked)
        if not under_way.user_ids:
            return Retirement(())
        under_way = await asyncio.to_thread(retired.begin, under_way)
        progress("clearing the database", 0, 1)
        rows = await store.retire(under_way.user_ids, under_way.usernames)
        removed = {_TABLE + table: count for table, count in rows.items()}
        removed |= await asyncio.to_thread(_clear_files, settings, retired, under_way, progress)
        course_keys = await stored.waiting_courses(store.database)
        for key in course_keys:
            ask = Ask(Kind.REFRESH_COURSE, key, Priority.PERSON)
            await store.work.ask(ask, asked_by="retirement")
        found = await _find(settings, store, under_way, asked.texts, progress)
        done = Retirement(tuple(under_way.user_ids), removed, found, tuple(course_keys), others)
        if not done.left:
            await asyncio.to_thread(retired.end)
        return done


async def _whom(settings: Settings, store: Store, asked: Asked) -> tuple[UnderWay, int]:
    """Ids and names, with those of what was begun before; how many names are left alone."""
    known = await asyncio.to_thread(RetiredList(settings.retired_path).read)
    before = known.under_way or UnderWay()
    user_ids = {*asked.user_ids, *before.user_ids}
    if asked.from_platform:
        user_ids |= await stored.retired_by_the_platform(store.database)
        user_ids |= await asyncio.to_thread(_retired_by_the_platform, settings)
    if not (user_ids or asked.usernames or asked.from_platform):
        user_ids.update(known.user_ids)
    names = {*asked.usernames, *before.usernames, *await stored.names_in(store.database, user_ids)}
    names |= await asyncio.to_thread(_names_in_files, settings, user_ids)
    names = {name.strip() for name in names if name.strip()}
    others = await stored.names_of_others(store.database, user_ids, names)
    others |= await asyncio.to_thread(_names_of_others, settings, user_ids, names)
    names -= others
    user_ids.update(name_only_user_id(name) for name in names)
    return UnderWay(sorted(user_ids), sorted(names)), len(others)


def _names_in_files(settings: Settings, user_ids: Collection[int]) -> set[str]:
    names = in_lake.names_in(
        Lake(settings.lake_path), user_ids, patience_seconds=settings.task_time_limit_seconds
    )
    ids = pa.array(sorted(user_ids), pa.int64())
    for profiles in in_copies.profiles_in(settings.tables_path):
        theirs = profiles.filter(pc.is_in(profiles["user_id"], value_set=ids))
        names.update(theirs["username"].drop_null().to_pylist())
    return names


def _names_of_others(
    settings: Settings, user_ids: Collection[int], names: Collection[str]
) -> set[str]:
    found: set[str] = set()
    ids, wanted = pa.array(sorted(user_ids), pa.int64()), pa.array(sorted(names), pa.string())
    for profiles in in_copies.profiles_in(settings.tables_path):
        named = profiles.filter(pc.is_in(profiles["username"], value_set=wanted))
        others = named.filter(pc.invert(pc.is_in(named["user_id"], value_set=ids)))
        found.update(others["username"].to_pylist())
    return found


def _retired_by_the_platform(settings: Settings) -> set[int]:
    found: set[int] = set()
    for profiles in in_copies.profiles_in(settings.tables_path):
        gone = pc.starts_with(profiles["username"], RETIRED_PREFIX)
        found.update(profiles.filter(pc.fill_null(gone, False))["user_id"].drop_null().to_pylist())
    return found


def _clear_files(
    settings: Settings, retired: RetiredList, under_way: UnderWay, progress: Progress
) -> Report:
    patience = settings.task_time_limit_seconds
    removed: Report = {}
    folder = settings.tracking_path or settings.home / TRACKING_PLACE
    if folder.exists():
        removed[TRACKING_PLACE] = tracking_table.take_out(
            folder, under_way.user_ids, patience_seconds=patience, progress=progress
        )
    for path in in_copies.copies(settings.tables_path):
        rows = in_copies.take_out(
            path, retired, under_way.usernames, patience_seconds=patience, progress=progress
        )
        removed |= {copy_place(path.name, dataset): count for dataset, count in rows.items()}
    if settings.lake_path.exists():
        removed[LAKE_PLACE] = in_lake.take_out(
            Lake(settings.lake_path),
            under_way.user_ids,
            under_way.usernames,
            patience_seconds=patience,
            progress=progress,
        )
    return removed


async def _find(
    settings: Settings,
    store: Store,
    under_way: UnderWay,
    texts: Collection[str],
    progress: Progress,
) -> Report:
    """Rows with an id, a name or one of the texts, by place."""
    if not under_way.user_ids:
        return {}
    words = {text.strip() for text in texts if text.strip()}
    marks = Marks(frozenset(under_way.user_ids), frozenset(under_way.usernames) | words)
    tables = await find_in_store(
        store.database,
        marks,
        deadline_seconds=settings.task_time_limit_seconds,
        progress=progress,
    )
    files = await asyncio.to_thread(find_in_files, settings, marks, progress=progress)
    return {_TABLE + table: count for table, count in tables.items()} | files
