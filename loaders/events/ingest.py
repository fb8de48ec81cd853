"""Ingestion: what is new in a set of log files, into the lake, all or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import quote

import duckdb
from duckdb import DuckDBPyConnection

from courselens.errors import LakeError, SourceNotFound, SourceUnavailable
from loaders.events.engine import open_engine, sql_text
from loaders.events.lake import Lake
from loaders.events.manifest import (
    Cursor,
    Manifest,
    Partition,
    read_manifest,
    write_manifest,
)
from loaders.events.merge import Merge
from loaders.events.places import load_places
from loaders.events.slot import Slot, Written
from loaders.events.source import Text, new_text
from loaders.events.staging import Staging, prepare_parser, prepare_reader
from loaders.events.structure import Structure
from loaders.manifests import locked
from loaders.retired import Retired, nobody

Progress = Callable[[str, int, int], None]

_SCRATCH = "staging"
_GROUP_BYTES = 1 << 28
"""Text that one statement reads: small logs share the cost of planning it."""
_GZIP_FACTOR = 15  # how much larger a compressed log is when open
_MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class FileReport:
    """Account of one log file: `parsed` + all `rejected` = `lines`."""

    lines: int = 0
    parsed: int = 0
    rejected: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """Account of a run: `parsed` + all `rejected` = `lines`; `stored` + `duplicates` = events.

    Attributes:
        lines: read in this run; a file of JSON documents has one per document.
        parsed: lines that gave at least one valid event.
        events: valid events; more than `parsed` where a lost newline joined records.
        stored: rows added to the lake.
        duplicates: events that were there already, or twice in this run.
        rejected: lines by reason: blank, comment, unfinished (last line without newline, read
            again next time), dropped_parse, dropped_no_type, dropped_no_course, dropped_no_user,
            dropped_retired, dropped_task, dropped_time.
        files: account of each file that had something new.
    """

    lines: int
    parsed: int
    events: int
    stored: int
    duplicates: int
    rejected: dict[str, int]
    files: dict[str, FileReport]


def ingest(
    log_files: Sequence[Path],
    lake: Lake,
    *,
    structure: Structure,
    retired: Retired = nobody,
    memory_limit: str = "2GB",
    threads: int | None = None,
    progress: Progress | None = None,
    before_commit: Callable[[], None] | None = None,
) -> IngestReport:
    """Bring what is new in the log files into the lake.

    A file is known by its path: read again, only what was added to it is new; rewritten or under
    another name, its events are found to be there already. Nothing is visible before the end, and
    nothing is left of a run that dies.

    Args:
        log_files: logs, plain or gzip, with or without a text prefix, or files of JSON events.
        lake: is made if it is not there.
        structure: course trees, courses and users, for locations and names.
        retired: whose events are left out.
        memory_limit: of the engine, as DuckDB writes it.
        threads: null: as many as there are processors.
        progress: told (what is going on, done, of how many).
        before_commit: called last; what it raises leaves the lake as it was.

    Raises:
        LakeError: the lake is being written by another process, is damaged, or its path cannot be.
        SourceNotFound: a log file does not exist or cannot be read.
        SourceUnavailable: a log file was moved or cut while it was read; the next run gets it.
    """
    threads = threads or os.cpu_count() or 1
    tell = progress or (lambda what, done, total: None)
    if set(str(lake.path.absolute())) & set("*?["):
        raise LakeError(
            f"{lake.path}: the path of a lake may not hold any of * ? [; choose another"
        )
    with locked(lake.path):
        manifest = read_manifest(lake.path)
        sweep(lake.path, manifest)
        sources = _numbered(log_files, manifest)
        if not sources:
            return IngestReport(0, 0, 0, 0, 0, {}, {})
        (lake.path / _SCRATCH).mkdir()
        try:
            open_here = partial(
                open_engine,
                memory_limit=memory_limit,
                scratch=lake.path / _SCRATCH,
                folders=[*(source.path for source in sources), lake.path],
            )
            engine = open_here(threads=threads)
            try:
                prepare_parser(engine, structure, retired())
                staging = Staging(engine, lake.path / _SCRATCH)
                _read_logs(sources, staging, open_here, threads, tell)
                if not staging.cursors:
                    return IngestReport(0, 0, 0, 0, 0, {}, {})
                return _store(staging, lake.path, manifest, threads, tell, before_commit)
            except (OSError, duckdb.Error, IndexError) as error:  # lines that are there no more
                moved = next((s.path for s in sources if _stamp(s.path) != s.stamp), None)
                if moved is None:
                    raise
                raise SourceUnavailable(str(moved), 0, reason="it changes too fast") from error
            finally:
                engine.close()
        finally:
            shutil.rmtree(lake.path / _SCRATCH, ignore_errors=True)


def _store(
    staging: Staging,
    folder: Path,
    manifest: Manifest,
    threads: int,
    tell: Progress,
    before_commit: Callable[[], None] | None,
) -> IngestReport:
    engine, scratch = staging.engine, staging.folder
    staging.close()
    rejects = scratch / "rejects.parquet"
    rejected = staging.write_rejects(rejects)
    load_places(engine)
    fingerprint = _fingerprint(engine, manifest)
    merge = Merge(
        engine,
        {_slot(p): folder / p.file for p in manifest.partitions},
        scratch,
        workers=threads,
        is_mixed=fingerprint == _MIXED,
    )
    merge.run(lambda done, total: tell("writing days", done, total))
    tell("committing", 0, 1)
    report = _report(engine, staging, rejects, merge.duplicates)
    committed = _move(folder, manifest, merge.written)
    committed = _with_days(engine, committed)
    if rejected:
        target = folder / "quarantine" / f"{committed.run}.parquet"
        target.parent.mkdir(exist_ok=True)
        rejects.replace(target)
        quarantine = [*committed.quarantine, str(target.relative_to(folder))]
        committed = replace(committed, quarantine=quarantine)
    if before_commit is not None:
        before_commit()
    write_manifest(
        folder,
        replace(
            committed,
            fingerprint=fingerprint,
            sources=manifest.sources | staging.cursors,
            next_ordinal=max(
                [manifest.next_ordinal, *(c.ordinal + 1 for c in staging.cursors.values())]
            ),
        ),
    )
    tell("committing", 1, 1)
    return report


@dataclass(frozen=True, slots=True)
class _Source:
    """A log file that may have something new.

    Attributes:
        path: the file.
        cursor: how much of it is in the lake.
        fresh: its number if it begins anew.
        stamp: its size and time of change as the run found it.
    """

    path: Path
    cursor: Cursor
    fresh: int
    stamp: tuple[int, int] | None


def _numbered(log_files: Sequence[Path], manifest: Manifest) -> list[_Source]:
    """The files that changed since the last run, numbered by name when first seen."""
    sources = []
    ordinal = manifest.next_ordinal
    paths = {path.absolute() for path in log_files}
    for path in sorted(paths, key=lambda path: (path.name, str(path))):
        try:
            stat = path.stat()
        except OSError as error:
            raise SourceNotFound(path, error.strerror or "cannot be read") from error
        cursor = manifest.sources.get(str(path), Cursor(ordinal))
        if (cursor.size, cursor.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
            stamp = (stat.st_size, stat.st_mtime_ns)
            sources.append(_Source(path, cursor, ordinal, stamp))
            ordinal += 1
    return sources


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _read_logs(
    sources: Sequence[_Source],
    staging: Staging,
    open_here: Callable[..., DuckDBPyConnection],
    threads: int,
    tell: Progress,
) -> None:
    groups = list(_groups(sources))
    workers = min(threads, len(groups))

    def stage(group: Sequence[_Source]) -> int:
        texts = (_new_text(source, staging.folder) for source in group)
        found = [text for text in texts if text is not None]
        if found:
            staging.parse(reader.cursor(), found)
        return len(group)

    done = 0
    # A statement for each processor: to keep order, threads of one would hand rows to each other.
    reader = open_here(threads=threads - workers + 1)
    with reader, ThreadPoolExecutor(workers) as pool:
        prepare_reader(reader)
        for count in pool.map(stage, groups):
            done += count
            tell("reading logs", done, len(sources))


def _new_text(source: _Source, scratch: Path) -> Text | None:
    try:
        text = new_text(source.path, source.cursor, scratch / f"text-{source.fresh}.ndjson")
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise SourceNotFound(source.path, error.strerror or "cannot be read") from error
    if text is not None and text.first_line == 0 and source.cursor.lines:
        # Other content under a known name must not take the numbers of the old rows.
        # Both cursors: a number that no cursor holds would be given to another file.
        left = text.unfinished and replace(text.unfinished, ordinal=source.fresh)
        cursor = replace(text.cursor, ordinal=source.fresh)
        return replace(text, cursor=cursor, unfinished=left)
    return text


def _groups(sources: Sequence[_Source]) -> Iterator[list[_Source]]:
    group: list[_Source] = []
    size = 0
    for source in sources:
        factor = _GZIP_FACTOR if source.path.suffix == ".gz" else 1
        weight = source.path.stat().st_size * factor
        if group and size + weight > _GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append(source)
        size += weight
    if group:
        yield group


def _slot(partition: Partition) -> Slot:
    return Slot(date.fromisoformat(partition.day), partition.course_key)


def _fingerprint(engine: DuckDBPyConnection, manifest: Manifest) -> str:
    """How this engine hashes, or that the lake's rows were not all hashed the same way."""
    (now,) = engine.execute("SELECT hash('courselens')::VARCHAR").fetchone() or ("",)
    return str(now) if manifest.fingerprint in ("", now) else _MIXED


def _move(folder: Path, manifest: Manifest, written: dict[Slot, Written]) -> Manifest:
    """Put the new files in place and name them; nothing sees them before the commit."""
    run = manifest.run + 1
    partitions = {_slot(p): p for p in manifest.partitions}
    for slot, new in written.items():
        old = partitions.get(slot)
        if old is not None and old.digest == new.digest:
            continue
        target = (
            folder
            / f"course_key={quote(slot.course_key, safe='')}"
            / f"day={slot.day}"
            / f"{run}.parquet"
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        new.path.replace(target)
        partitions[slot] = Partition(
            slot.course_key,
            slot.day.isoformat(),
            str(target.relative_to(folder)),
            new.rows,
            new.digest,
        )
    return replace(manifest, run=run, partitions=[partitions[s] for s in sorted(partitions)])


def _with_days(engine: DuckDBPyConnection, manifest: Manifest) -> Manifest:
    """Widen the days the log source covers; devices' clocks do not count."""
    row = engine.execute("""
        SELECT min(day)::VARCHAR, max(day)::VARCHAR FROM mentions WHERE NOT is_device""").fetchone()
    first, last = row or (None, None)
    firsts = [day for day in (manifest.first_day, first) if day]
    lasts = [day for day in (manifest.last_day, last) if day]
    return replace(manifest, first_day=min(firsts, default=None), last_day=max(lasts, default=None))


def _report(
    engine: DuckDBPyConnection, staging: Staging, rejects: Path, duplicates: int
) -> IngestReport:
    rejected: dict[str, dict[str, int]] = {}
    for file, reason, count in engine.execute(f"""
            SELECT file, reason, count(*) FROM read_parquet({sql_text(str(rejects))})
            WHERE reason <> 'rest_of_line' GROUP BY ALL ORDER BY ALL""").fetchall():
        rejected.setdefault(file, {})[reason] = count
    for file in staging.unfinished:
        rejected.setdefault(file, {})["unfinished"] = 1
    files = {
        file: FileReport(
            lines, lines - sum(rejected.get(file, {}).values()), rejected.get(file, {})
        )
        for file, lines in sorted(staging.lines.items())
    }
    totals: dict[str, int] = {}
    for one in files.values():
        for reason, count in one.rejected.items():
            totals[reason] = totals.get(reason, 0) + count
    (events,) = engine.execute(
        "SELECT coalesce(sum(events), 0)::BIGINT FROM mentions"
    ).fetchone() or (0,)
    return IngestReport(
        lines=sum(one.lines for one in files.values()),
        parsed=sum(one.parsed for one in files.values()),
        events=events,
        stored=events - duplicates,
        duplicates=duplicates,
        rejected=totals,
        files=files,
    )


def sweep(folder: Path, manifest: Manifest) -> None:
    """Remove what no commit names: left by a run that died, or replaced by the last one."""
    shutil.rmtree(folder / _SCRATCH, ignore_errors=True)
    live = {p.file for p in manifest.partitions} | set(manifest.quarantine)
    for pattern in ("course_key=*/day=*/*.parquet", "quarantine/*.parquet"):
        for path in folder.glob(pattern):
            if str(path.relative_to(folder)) not in live:
                path.unlink()
