"""Brings the new rows of a run together with the stored ones, day by day, oldest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from loaders.events.batch import Batch, Positions
from loaders.events.finish import border_states, leave_out_by_fields, load_batch, settle
from loaders.events.slot import Slot, Written, read_names, write_slot

_BATCH_ROWS = 2_000_000
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Merge:
    """One run's way from staged rows to new Parquet files.

    Attributes:
        engine: with the view `given`, and the tables of `load_sayings` and `load_places`.
        live: the lake's files, which stay as they are.
        written: what this run replaces or adds.
        duplicates: rows left out because the same event is there already.
        is_mixed: stored fingerprints come from engines that hash differently: a new event is then
            the same as a stored one of the same learner, instant, type and other fields.
    """

    engine: DuckDBPyConnection
    live: dict[Slot, Path]
    folder: Path
    workers: int
    is_mixed: bool = False
    written: dict[Slot, Written] = field(default_factory=dict)
    duplicates: int = 0

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Write every slot that has new rows, and those whose carried locations change by it.

        Args:
            progress: told slots done and slots known so far.
        """
        weights = self._new_rows()
        waiting = dict(weights)
        number = done = 0
        while waiting:
            batch = _next_batch(waiting)
            self._batch(batch, self.folder / f"batch-{number}")
            for slot in batch:
                del waiting[slot]
            for slot in self._unsettled(batch):
                if slot not in weights:
                    weights[slot] = waiting[slot] = 0
            number, done = number + 1, done + len(batch)
            progress(done, done + len(waiting))

    def _new_rows(self) -> dict[Slot, int]:
        rows = self.engine.execute(
            "SELECT day, course_key, sum(events)::BIGINT FROM mentions GROUP BY ALL"
        ).fetchall()
        return {Slot(day, course_key): count for day, course_key, count in rows}

    def _batch(self, slots: list[Slot], folder: Path) -> None:
        folder.mkdir()
        stored = [self.live[slot] for slot in slots if slot in self.live]
        before = [
            path
            for slot in slots
            if (earlier := Slot(slot.day - _DAY, slot.course_key)) not in slots
            and (path := self._current(earlier)) is not None
        ]
        batch = Batch(load_batch(self.engine, slots, stored, before))
        if self.is_mixed:
            leave_out_by_fields(self.engine, batch)
        self.duplicates += batch.duplicates
        rows, names = settle(self.engine, batch), read_names(self.engine)

        def write(found: tuple[int, Positions]) -> Written:
            number, positions = found
            part = rows.take(pa.array(positions))
            return write_slot(part, slots[number], names, folder / f"{number}.parquet")

        with ThreadPoolExecutor(self.workers) as pool:
            for written in pool.map(write, batch.slots()):
                self.written[written.slot] = written

    def _current(self, slot: Slot) -> Path | None:
        written = self.written.get(slot)
        return written.path if written else self.live.get(slot)

    def _unsettled(self, slots: Sequence[Slot]) -> list[Slot]:
        """Stored slots that follow the given ones and now get other carried locations."""
        following = [slot for slot in slots if Slot(slot.day + _DAY, slot.course_key) in self.live]
        if not following:
            return []
        new = border_states(self.engine, [self.written[slot].path for slot in following])
        old = border_states(
            self.engine, [self.live[slot] for slot in following if slot in self.live]
        )
        return [
            Slot(slot.day + _DAY, slot.course_key)
            for slot in following
            if new.get(slot) != old.get(slot)
        ]


def _next_batch(waiting: dict[Slot, int]) -> list[Slot]:
    """Whole days from the oldest on, as long as their new rows fit."""
    by_day: dict[date, list[Slot]] = {}
    for slot in sorted(waiting):
        by_day.setdefault(slot.day, []).append(slot)
    batch: list[Slot] = []
    rows = 0
    for slots in by_day.values():
        rows += sum(waiting[slot] for slot in slots)
        if batch and rows > _BATCH_ROWS:
            break
        batch.extend(slots)
    return batch
