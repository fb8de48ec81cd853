"""Take users out of the copies of tables, those of plugins too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from courselens.marks import names_people
from loaders.datasets import DATASETS, PROFILES
from loaders.retired import RetiredList, leave_out
from workers.snapshot import Snapshot, SnapshotWriter, writing

Progress = Callable[[str, int, int], None]


def copies(tables_path: Path) -> list[Path]:
    """Folders of the copies that there are."""
    return sorted(path for path in tables_path.glob("*") if path.is_dir())


def profiles_in(tables_path: Path) -> Iterator[pa.Table]:
    """The profiles of each copy that has any."""
    for path in copies(tables_path):
        snapshot = Snapshot(path)
        if PROFILES.name in snapshot:
            yield snapshot.table(PROFILES.name)


def take_out(
    path: Path,
    retired: RetiredList,
    usernames: Collection[str],
    *,
    patience_seconds: float,
    progress: Progress,
) -> dict[str, int]:
    """Remove all rows of retired users from a copy; done again, nothing.

    Rows of plugins also go where a column of names of users holds one of theirs. Files that were
    replaced are removed at once; whoever was about to read one fails and comes again.

    Returns:
        Rows that went, by dataset.

    Raises:
        LakeError: the copy is being written for longer than `patience_seconds`.
    """
    taken: dict[str, int] = {}
    with writing(
        path, loaded_us=None, retired=retired.ids, patience_seconds=patience_seconds
    ) as writer:
        ids = retired.ids()
        pieces = [
            (dataset, key) for dataset, found in writer.before.tables.items() for key in found
        ]
        for nth, (dataset, key) in enumerate(pieces):
            progress(f"clearing copy {path.name}", nth, len(pieces))
            changed = _take_out_of(writer, dataset, key, ids, usernames)
            if changed:
                taken[dataset] = taken.get(dataset, 0) + changed
        if taken:
            writer.commit(writer.before.state)
        writer.sweep()
    return taken


def _take_out_of(
    writer: SnapshotWriter,
    dataset: str,
    key: str,
    ids: Collection[int],
    usernames: Collection[str],
) -> int:
    before = writer.stored(dataset, key)
    after = leave_out(before, ids)
    if dataset not in DATASETS:
        names = pa.array(sorted(usernames), pa.string())
        for column in after.schema:
            if pa.types.is_string(column.type) and names_people(column.name):
                after = after.filter(pc.invert(pc.is_in(after[column.name], value_set=names)))
    if after.num_rows < before.num_rows:
        writer.put(dataset, after, key)
    return int(before.num_rows - after.num_rows)
