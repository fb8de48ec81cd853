"""The tracking log that an old site keeps in a table, written out as log files for the lake.

Each line has the id of its row, so the files themselves say where to go on: nothing is written
twice or left out, however a run ends. The lake takes the files in as it takes any log.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import msgspec

from courselens.domain import from_us
from loaders import manifests
from loaders.events.users import name_only_user_id
from loaders.mysql.source import MySQLSource
from loaders.retired import Retired, nobody
from workers.source_files import is_own_log

FILE_BYTES = 256 << 20
"""A file that is larger is followed by another one."""
SETTLED = timedelta(seconds=60)
"""Ids are drawn before their rows are committed: how long that may take."""
_TAIL_BYTES = 1 << 20


async def look_at(mysql: MySQLSource, folder: Path, *, now_us: int) -> tuple[int, ...]:
    """What differs while there are rows that are not written out.

    Raises:
        SourceUnavailable: the server does not answer.
    """
    newest, written = await mysql.newest_tracking_id(), _find_end(folder).last_id
    if newest == written:
        return (written,)
    return newest, written, now_us // (SETTLED // timedelta(microseconds=1))


async def write_out(
    mysql: MySQLSource,
    folder: Path,
    *,
    now_us: int,
    progress: Callable[[str, int, int], None],
    retired: Retired = nobody,
) -> None:
    """Append the rows that are new and older than a minute.

    Args:
        mysql: which has the table.
        folder: of the files; made if it is not there.
        now_us: the present.
        progress: told how many rows of how many there are.
        retired: of whose rows the id alone is written.

    Raises:
        LakeError: another process writes to the folder.
        SourceUnavailable: the server does not answer; what was appended stays.
    """
    now = from_us(now_us).astimezone(UTC)
    newest = await mysql.newest_tracking_id()
    with manifests.locked(folder):
        end, gone = _find_end(folder), retired()
        path, last_id = end.path, end.last_id
        if path is not None:
            os.truncate(path, end.offset)  # a line that was cut by the end of a run
        async for page in mysql.tracking_log(after_id=last_id):
            # Up to the first that is not settled: its neighbours may still be missing.
            pairs = zip(page.ids, page.events, strict=True)
            settled = takewhile(lambda pair: _is_settled(pair[1]["time"], now), pairs)
            rows: list[dict[str, object]] = [
                {"id": row_id} if is_of(event, gone) else {"id": row_id, **event}
                for row_id, event in settled
            ]
            if rows:
                if path is None or path.stat().st_size > FILE_BYTES:
                    path = folder / f"track_trackinglog-after-{last_id:012d}.log"
                _append(path, rows)
                last_id = page.ids[len(rows) - 1]
                progress("reading track_trackinglog", last_id, max(newest, last_id))
            if len(rows) < len(page.ids):
                return


def is_of(event: Mapping[str, object], user_ids: Collection[int]) -> bool:
    """Whether an event of such a log, which knows people by name only, is one of these users'."""
    name = str(event.get("username") or "").strip()
    return bool(user_ids and name) and name_only_user_id(name) in user_ids


def take_out(
    folder: Path,
    user_ids: Collection[int],
    *,
    patience_seconds: float,
    progress: Callable[[str, int, int], None],
) -> int:
    """Leave of these users' lines the id of the row alone; gives their number.

    The lines keep their numbers, so the lake, which reads the files anew, finds all others known.

    Raises:
        LakeError: another process writes to the folder.
    """
    taken = 0
    with manifests.locked(folder, patience_seconds=patience_seconds):
        paths = sorted(path for path in folder.glob("*") if is_own_log(path))
        for nth, path in enumerate(paths):
            progress("clearing logs of a table", nth, len(paths))
            taken += _take_out_of(path, user_ids)
    return taken


def _take_out_of(path: Path, user_ids: Collection[int]) -> int:
    new = path.with_suffix(".new")
    taken = 0
    with path.open("rb") as lines, new.open("wb") as out:
        for line in lines:
            kept = line
            try:
                event = msgspec.json.decode(line)
            except msgspec.DecodeError:
                event = {}  # the last line, cut by the end of a run
            if "event_type" in event and is_of(event, user_ids):
                kept = msgspec.json.encode({"id": event["id"]}) + b"\n"
                taken += 1
            out.write(kept)
        out.flush()
        os.fsync(out.fileno())
    if taken:
        new.replace(path)
    else:
        new.unlink()
    return taken


def _is_settled(time: object, now: datetime) -> bool:
    """Whether a row is old, or dated by a clock that is wrong, for which nobody can wait."""
    at = datetime.fromisoformat(time) if isinstance(time, str) else now - SETTLED
    return not now - SETTLED < at <= now


def _append(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("ab") as file:
        file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        file.flush()
        os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class _End:
    """The last file and where its last whole line ends; the id of the last row of all."""

    path: Path | None = None
    offset: int = 0
    last_id: int = 0


def _find_end(folder: Path) -> _End:
    paths = sorted(path for path in folder.glob("*") if is_own_log(path))
    if not paths:
        return _End()
    path = paths[-1]
    size = path.stat().st_size
    length = min(_TAIL_BYTES, size)
    with path.open("rb") as file:
        while True:
            file.seek(size - length)
            *lines, torn = file.read(length).split(b"\n")
            if length == size or len(lines) > 1:
                break
            length = min(2 * length, size)
    if not lines:
        return _End(path, 0, int(path.stem.rpartition("-")[2]))
    return _End(path, size - len(torn), int(msgspec.json.decode(lines[-1])["id"]))
