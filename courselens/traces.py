"""Look through every file below the home folder for what tells of a person, by what is in it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from courselens.marks import Marks, holds_ids
from courselens.settings import Settings

Progress = Callable[[str, int, int], None]

_PARQUET, _ARROW = b"PAR1", b"ARROW1"


def find_traces(settings: Settings, marks: Marks, *, progress: Progress) -> dict[str, int]:
    """Rows and lines with an id or a name, by place; each place is there, most with 0.

    Tables are read by column, all other files by line. Left out: PostgreSQL's own files, whose
    tables are looked through by asking it, the list of retired users, and the sources.
    """
    pattern = re.compile(marks.pattern.encode())
    found: dict[str, int] = {}
    files = list(_files(settings))
    for nth, (place, path) in enumerate(files):
        progress("looking through files", nth, len(files))
        try:
            count = _count(path, marks, pattern)
        except FileNotFoundError:
            continue  # a task ended meanwhile
        found[place] = found.get(place, 0) + count
    return found


def copy_place(copy: str, dataset: str) -> str:
    """Where a dataset of a copy of tables is."""
    return f"tables/{copy}/{dataset}"


LAKE_PLACE = "lake"
TRACKING_PLACE = "tracking"


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    out = {
        path.absolute()
        for path in (settings.postgres_path, settings.retired_path, *settings.source_paths)
    }
    lake, home = settings.lake_path.absolute(), settings.home.absolute()
    for root in (lake, home):
        for folder, names, files in os.walk(root):
            here = Path(folder)
            names[:] = [
                one
                for one in names
                if here / one not in out and (root == lake or here / one != lake)
            ]
            for name in files:
                if here / name not in out:
                    yield _place(here.relative_to(root), name, is_lake=root == lake), here / name


def _place(folder: Path, name: str, *, is_lake: bool) -> str:
    """The lake as one place, a copy's datasets each, else the folder at the top, or the file."""
    if is_lake:
        return LAKE_PLACE
    parts = folder.parts[:3] if folder.parts[:1] == ("tables",) else folder.parts[:1]
    return "/".join(parts) or name


def _count(path: Path, marks: Marks, pattern: re.Pattern[bytes]) -> int:
    with path.open("rb") as file:
        start = file.read(len(_ARROW))
        file.seek(0)
        try:
            if start.startswith(_PARQUET):
                batches = parquet.ParquetFile(file).iter_batches()
                return sum(_rows(pa.Table.from_batches([batch]), marks) for batch in batches)
            if start == _ARROW:
                return _rows(pa.ipc.open_file(file).read_all(), marks)
        except pa.ArrowInvalid:
            file.seek(0)  # it is just being written, or only begins like one
        return sum(1 for line in file if pattern.search(line))


def _rows(table: pa.Table, marks: Marks) -> int:
    """Rows of a table with an id in a column of ids, or a text anywhere."""
    found = pa.chunked_array([pa.array([False] * table.num_rows)])
    for name in table.column_names:
        theirs = _theirs(table[name].combine_chunks(), marks, is_id=holds_ids(name))
        if theirs is not None:
            found = pc.or_(found, pc.fill_null(theirs, False))
    return int(pc.sum(found).as_py() or 0)


def _theirs(column: pa.Array, marks: Marks, *, is_id: bool) -> pa.Array | None:
    """Which rows are about them; None where the column can hold nothing of the kind."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        within = _theirs(column.flatten(), marks, is_id=is_id)
        if within is None:
            return None
        rows = pc.list_parent_indices(column).filter(pc.fill_null(within, False))
        return pc.is_in(pa.array(range(len(column)), rows.type), value_set=rows)
    if pa.types.is_integer(kind):
        ids = pa.array(sorted(marks.user_ids), pa.int64())
        return pc.is_in(column.cast(pa.int64(), safe=False), value_set=ids) if is_id else None
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    known = column.unique().drop_null()
    telling = known.filter(pc.match_substring_regex(known, marks.pattern))
    if is_id:
        ids = pa.array([str(one) for one in sorted(marks.user_ids)], kind)
        telling = pa.concat_arrays([telling, ids])
    return pc.is_in(column, value_set=telling)
