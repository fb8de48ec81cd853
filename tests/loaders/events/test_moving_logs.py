"""Logs that are written, rotated, cut short, copied and packed while they are read."""

from __future__ import annotations

import contextlib
import gzip
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from courselens.errors import SourceNotFound, SourceUnavailable
from loaders.events.ingest import ingest
from loaders.events.lake import Lake
from loaders.events.manifest import read_manifest, write_manifest
from loaders.events.structure import Structure
from tests.data.log_lines import bring_in, line, rows, write_log

ALL_BUT_ID = (
    "course_key", "user_id", "username", "ts_us", "event_type", "family", "activity_type",
    "is_activity", "location", "location_gap_us", "attempt", "fingerprint",
)  # fmt: skip
DEEDS = ("write", "write in part", "rotate", "copy and truncate", "copy", "pack")


@dataclass
class Platform:
    """Writes a log, and does to its files what platforms and their operators do."""

    folder: Path
    lines: list[str]
    draw: random.Random
    written: int = 0
    owed: str = ""
    done: list[str] = field(default_factory=list)

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir())

    def act(self) -> None:
        """Do one thing."""
        deed = self.draw.choice(DEEDS)
        log, old = self.folder / "tracking.log", self.folder / f"old-{len(self.done):03}.log"
        self.done.append(deed)
        if deed.startswith("write") or not log.exists() or self.owed:
            self.write(self.draw.randint(1, 30), in_part=deed == "write in part")
        elif deed == "rotate":
            log.rename(old)
        elif deed == "pack":
            one = self.draw.choice([path for path in self.files if path.suffix == ".log"])
            packed = self.folder / f".{one.name}.gz"
            packed.write_bytes(gzip.compress(one.read_bytes()))
            packed.rename(one.with_name(f"{one.name}.{len(self.done)}.gz"))
            one.unlink()
        else:
            shutil.copy(log, old)
            if deed == "copy and truncate":
                log.write_text("")

    def write(self, count: int, *, in_part: bool = False) -> None:
        """What is owed, and more lines; of the last one perhaps not all yet."""
        new = self.lines[self.written : self.written + count]
        self.written += len(new)
        text = self.owed + "".join(f"{one}\n" for one in new)
        end = len(text) - (self.draw.randint(1, 80) if in_part and new else 0)
        with (self.folder / "tracking.log").open("a") as file:
            file.write(text[:end])
        self.owed = text[end:]


class Watch:
    """Counts the steps of a reader, and has something done at one of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._left = -1
        self._deed: Callable[[], None] = lambda: None
        sys.addaudithook(self._audit)

    def at(self, step: int, deed: Callable[[], None]) -> None:
        """Have something done right before the step."""
        self._left, self._deed = step, deed

    def step(self, *_: object) -> None:
        """One step further."""
        self._left -= 1
        if self._left == 0:
            self._deed()

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        # Our own deeds open files too, but not before they are due.
        if event == "open" and str(args[0]).startswith(self._folder):
            self.step()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_logs_that_move_while_they_are_read_lose_and_double_nothing(seed, tmp_path):
    # No two lines share an instant, so that the order of files does not matter.
    lines = [
        line("nowhere", 700 * n, event={"n": n}, context={"user_id": 1 + n % 5}) for n in range(400)
    ]
    expected = Lake(tmp_path / "at-once")
    bring_in(expected, write_log(tmp_path / "whole.log", lines))

    folder = tmp_path / "logs"
    folder.mkdir()
    draw = random.Random(seed)
    platform, watch, lake = Platform(folder, lines, draw), Watch(folder), Lake(tmp_path / "lake")
    while platform.written < len(lines):
        watch.at(-1, platform.act)
        platform.act()
        watch.at(draw.randint(1, 6), platform.act)
        with contextlib.suppress(SourceNotFound, SourceUnavailable):  # the next run gets it
            ingest(
                [path for path in platform.files if not path.name.startswith(".")],
                lake,
                structure=Structure(),
                memory_limit="300MB",
                threads=1,
                progress=watch.step,
                before_commit=watch.step,
            )
    watch.at(-1, platform.act)
    platform.write(0)
    bring_in(lake, *platform.files)
    assert rows(lake, *ALL_BUT_ID) == rows(expected, *ALL_BUT_ID), f"{seed}: {platform.done}"
    assert bring_in(lake, *platform.files).stored == 0


def test_a_lake_that_lost_its_cursors_reads_again_and_doubles_nothing(tmp_path):
    lines = [line("nowhere", 700 * n, event={"n": n}) for n in range(300)]
    log, lake = write_log(tmp_path / "tracking.log", lines), Lake(tmp_path / "lake")
    bring_in(lake, log)
    before = rows(lake, *ALL_BUT_ID)
    write_manifest(lake.path, replace(read_manifest(lake.path), sources={}))
    report = bring_in(lake, log)
    assert (report.lines, report.stored, report.duplicates) == (300, 0, 300)
    assert rows(lake, *ALL_BUT_ID) == before
