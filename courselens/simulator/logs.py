"""Tracking logs: a gzip file for each UTC day, shared by all courses."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from courselens.simulator.course import Course
from courselens.simulator.dirt import smudge
from courselens.simulator.events import Array
from courselens.simulator.lines import LineMaker
from courselens.simulator.options import DAY_US, ORG
from courselens.simulator.spool import SpooledChunk

LEVEL = 1  # of compression: the higher ones gain 4 % and cost as much time again
SLICE = 50_000  # events rendered at once
SPAN = 200_000  # events of a day that are sorted at once, on average


@dataclass(frozen=True, slots=True)
class DayLog:
    """What was written for a day."""

    path: Path
    events: int
    lines: int
    dirt: dict[str, int]


def write_day(
    folder: Path,
    day: int,
    chunks: Sequence[SpooledChunk],
    maker: LineMaker,
    courses: Sequence[Course],
    *,
    seed: int,
    written: Callable[[int], None],
    span: int = SPAN,
    size: int = SLICE,
) -> DayLog | None:
    """Write the log of a day (a day number), in the order of arrival.

    `written` is told how many events more are in the file; `span` events are sorted at once, on
    average, and `size` at most rendered at once. None if nothing arrived.
    """
    count = sum(chunk.count(day) for chunk in chunks)
    if not count:
        return None
    rng = np.random.default_rng([seed, day, 0xD1])
    name = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
    path = folder / f"{ORG}-edx-events-{name}.log.gz"
    # A gzip header without name and time, so that the same lines are the same bytes.
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
    lines, dirt = 0, Counter[str]()
    with path.open("wb") as file:
        for part in _parts(day, chunks, spans=-(-count // span), size=size):
            data, offsets = maker.make(part)
            course = courses[int(rng.integers(len(courses)))]
            smudged = smudge(data, offsets, part, course, rng)
            for piece in smudged.pieces:
                file.write(packer.compress(piece))
            lines += smudged.lines
            dirt.update(smudged.counts)
            written(len(part))
        file.write(packer.flush())
    return DayLog(path, count, lines, dict(dirt))


def _parts(day: int, chunks: Sequence[SpooledChunk], *, spans: int, size: int) -> Iterator[Array]:
    """Rows of a day in the order of arrival, read by equal spans of time, at most `size` each."""
    edges = [day * DAY_US + DAY_US * nth // spans for nth in range(spans + 1)]
    for begin_us, end_us in pairwise(edges):
        rows = np.concatenate([chunk.between(begin_us, end_us) for chunk in chunks])
        rows = rows[np.argsort(rows["arrive_us"], kind="stable")]
        for low in range(0, len(rows), size):
            yield rows[low : low + size]
