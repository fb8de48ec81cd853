"""Whom the events of a course name: ids, and names that stand for no id yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

_KEPT_FILES = 50_000


@dataclass(frozen=True, slots=True)
class People:
    """Ids of learners, and names of those that are known by name only; each once."""

    user_ids: pa.Array
    usernames: pa.Array


def people_in(files: Iterable[Path]) -> People:
    """Whom files of the lake name; each file is read once, for none ever changes."""
    found = [_people_in(path, path.stat().st_mtime_ns) for path in files]
    ids = pa.chunked_array([each.user_ids for each in found], pa.int64())
    names = pa.chunked_array([each.usernames for each in found], pa.string())
    return People(ids.unique(), names.unique())


@lru_cache(_KEPT_FILES)
def _people_in(path: Path, _written_ns: int) -> People:
    table = parquet.read_table(path, columns=["user_id", "username"], partitioning=None)
    ids = table.column("user_id")
    names = table.filter(pc.less(ids, 0)).column("username").cast(pa.string())
    return People(ids.unique(), names.drop_null().unique())
