"""Take users out of the lake: their days are written anew, and one commit replaces all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from loaders.events.ingest import sweep
from loaders.events.lake import Lake
from loaders.events.manifest import Manifest, Partition, read_manifest, write_manifest
from loaders.events.slot import Slot, store_slot
from loaders.manifests import locked

Progress = Callable[[str, int, int], None]
_SCRATCH = "retiring"


def names_in(lake: Lake, user_ids: Collection[int], *, patience_seconds: float) -> set[str]:
    """Names under which the lake knows these users.

    Raises:
        LakeError: another process writes to the lake for longer than `patience_seconds`.
    """
    names: set[str] = set()
    if not user_ids or not lake.path.exists():
        return names
    with locked(lake.path, patience_seconds=patience_seconds):  # no file goes meanwhile
        for partition in read_manifest(lake.path).partitions:
            found = parquet.read_table(
                lake.path / partition.file,
                columns=["username"],
                filters=[("user_id", "in", sorted(user_ids))],
                partitioning=None,
            )
            names.update(name for name in found["username"].unique().to_pylist() if name)
    return names


def take_out(
    lake: Lake,
    user_ids: Collection[int],
    usernames: Collection[str],
    *,
    patience_seconds: float,
    progress: Progress,
) -> int:
    """Remove the users' events, and their names from the events of others; gives how many events.

    Other rows stay as they are: a location is carried from an event of the same learner only.
    Files that were replaced are removed at once; whoever was about to read one fails and comes
    again.

    Raises:
        LakeError: another process writes to the lake for longer than `patience_seconds`, or it is
            damaged.
    """
    ids = pa.array(sorted(user_ids), pa.int64())
    names = pa.array(sorted(usernames), pa.string())
    with locked(lake.path, patience_seconds=patience_seconds):
        manifest = read_manifest(lake.path)
        scratch = lake.path / _SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)  # of one that died
        sweep(lake.path, manifest)
        scratch.mkdir()
        try:
            done = _rewrite(lake.path, manifest, ids, names, scratch, progress)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return done


def _rewrite(
    folder: Path,
    manifest: Manifest,
    ids: pa.Array,
    names: pa.Array,
    scratch: Path,
    progress: Progress,
) -> int:
    run = manifest.run + 1
    kept: list[Partition] = []
    taken = 0
    for nth, partition in enumerate(manifest.partitions):
        progress("rewriting days", nth, len(manifest.partitions))
        table, changed = _without(folder / partition.file, ids, names)
        if not changed:
            kept.append(partition)
            continue
        taken += changed
        if table.num_rows:
            slot = Slot(date.fromisoformat(partition.day), partition.course_key)
            written = store_slot(table, slot, scratch / f"{nth}.parquet")
            target = (folder / partition.file).with_name(f"{run}.parquet")
            written.path.replace(target)
            kept.append(
                replace(
                    partition,
                    file=str(target.relative_to(folder)),
                    rows=written.rows,
                    digest=written.digest,
                )
            )
    if taken:
        progress("committing", 0, 1)
        committed = replace(manifest, run=run, partitions=kept)
        write_manifest(folder, committed)
        sweep(folder, committed)
    return taken


def _without(path: Path, ids: pa.Array, names: pa.Array) -> tuple[pa.Table, int]:
    """The file's other rows without the names, and how many went or lost one."""
    marks = parquet.read_table(path, columns=["user_id", "username"], partitioning=None)
    is_theirs = pc.is_in(marks["user_id"], value_set=ids)
    is_named = pc.is_in(marks["username"], value_set=names)
    changed = int(pc.sum(pc.or_(is_theirs, is_named)).as_py() or 0)
    if not changed:
        return marks, 0
    table = parquet.read_table(path, partitioning=None)
    unnamed = pc.if_else(is_named, pa.scalar(None, pa.string()), table["username"])
    place = table.column_names.index("username")
    return table.set_column(place, "username", unnamed).filter(pc.invert(is_theirs)), changed
