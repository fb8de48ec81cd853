"""The events lake as its readers see it: a folder with one Parquet file per course and day."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from courselens.domain import day_number
from courselens.errors import LakeError
from loaders.events.manifest import Manifest, read_manifest

LOST_DAYS = "lost-days.txt"
"""File of a lake in which the operator lists days whose logs are lost, one ISO date a line."""

REJECTS = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string())])
"""Columns of the quarantine. The line itself is not kept: it may hold addresses and answers, and
the log it can be read from is still there."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Days for which the log source has events of any course, as day numbers (catalogue 1.6).

    `lost_days` lie between the two and are not covered.
    """

    first_day: int
    last_day: int
    lost_days: tuple[int, ...] = ()


class Lake:
    """A folder of typed events; `ingest` writes it.

    A file has the columns of EVENTS, `fingerprint` (of type, source and payload) and `day`, sorted
    by user_id, ts_us, event_id. `event_id` is the log file's number << 40 | line << 4 | part.

    For an inactivity limit T a row with `location_gap_us > T` is at `_course_`, and its activity
    type is what its family alone says: video; prob, hint and ora problem; forum; text; else other.
    Names of requests are canonical too: `/courseware`, `/progress`, `/xblock`,
    `/handler/HANDLER/SUFFIX`, `/other`; their addresses hold names and are not kept.
    `object_id` is a forum object's id, `PARTITION:GROUP` or the child of a content experiment, and
    `OLD>NEW` speed of `speed_change_video`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: Manifest | None = None

    def frozen(self) -> Lake:
        """The lake as of its last commit: every answer is of the same one.

        Its files stay until the second ingestion from now begins.

        Raises:
            LakeError: the manifest is damaged, or of another version of the format.
        """
        lake = Lake(self.path)
        lake._seen = self._manifest()
        return lake

    def course_keys(self) -> list[str]:
        """Courses with at least one event, sorted."""
        return sorted({partition.course_key for partition in self._manifest().partitions})

    def coverage(self) -> Coverage | None:
        """First and last day of the log source; null without events.

        Days are those of events on the servers' clock; a device with a wrong one covers nothing.

        Raises:
            LakeError: the list of lost days holds something else than dates.
        """
        manifest = self._manifest()
        if manifest.first_day is None or manifest.last_day is None:
            return None
        return Coverage(
            day_number(date.fromisoformat(manifest.first_day)),
            day_number(date.fromisoformat(manifest.last_day)),
            self._lost_days(),
        )

    def files(self, course_key: str) -> list[Path]:
        """Parquet files of a course by day; empty when it has no events.

        Files replaced by an ingestion stay until the next one begins.
        """
        partitions = [p for p in self._manifest().partitions if p.course_key == course_key]
        return [self.path / p.file for p in sorted(partitions, key=lambda p: p.day)]

    def version(self, course_key: str) -> str:
        """A digest of a course's rows: another one after any change of them."""
        digest = hashlib.blake2b(digest_size=16)
        partitions = [p for p in self._manifest().partitions if p.course_key == course_key]
        for partition in sorted(partitions, key=lambda p: p.day):
            digest.update(f"{partition.day} {partition.digest}\n".encode())
        return digest.hexdigest()

    def rejects(self) -> pa.Table:
        """Every line that gave no event: file, line, reason; see `REJECTS`."""
        manifest = self._manifest()
        tables = [parquet.read_table(self.path / name) for name in manifest.quarantine]
        unfinished = [(n, c.lines + 1) for n, c in manifest.sources.items() if c.unfinished]
        tables.append(
            pa.table(
                {
                    "file": [name for name, _ in unfinished],
                    "line": [line for _, line in unfinished],
                    "reason": ["unfinished"] * len(unfinished),
                },
                schema=REJECTS,
            )
        )
        return pa.concat_tables([table.cast(REJECTS) for table in tables])

    def _manifest(self) -> Manifest:
        return self._seen or read_manifest(self.path)

    def _lost_days(self) -> tuple[int, ...]:
        path = self.path / LOST_DAYS
        if not path.exists():
            return ()
        lines = path.read_text().split()
        try:
            return tuple(sorted({day_number(date.fromisoformat(line)) for line in lines}))
        except ValueError as error:
            raise LakeError(f"{path}: {error}. Write one date a line, as 2024-03-31") from error
