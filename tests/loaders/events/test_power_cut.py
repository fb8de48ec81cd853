"""A power cut at any step leaves a lake that is the old or the new, and whole."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loaders.events.lake import Lake
from tests.data.log_lines import bring_in, rows, write_log
from tests.loaders.events.test_ingest import busy_log
from tests.loopdisk import after_cut, cut_power, loop_disk

SEED = 20261123
CUTS = 12


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    try:
        with loop_disk(tmp_path) as mounted:
            yield mounted
    except OSError as error:
        pytest.skip(f"no power can be cut here: {error}")


def before_each(
    steps: tuple[str, ...], deed: Callable[[], None], patch: pytest.MonkeyPatch
) -> None:
    """Have something done before each of the system's calls of these names, one at a time."""
    lock = threading.Lock()

    def disturbed(call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            with lock:
                deed()
                return call(*args, **kwargs)

        return step

    for name in steps:
        patch.setattr(os, name, disturbed(getattr(os, name)))


@pytest.mark.slow
def test_after_a_power_cut_the_lake_is_the_old_or_the_new(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    draw = random.Random(SEED)
    lines = busy_log(300, seed=SEED)
    log, lake = tmp_path / "tracking.log", Lake(disk / "lake")
    bring_in(lake, write_log(log, lines[:150]))
    old = rows(lake)
    write_log(log, lines)
    cuts: list[Path] = []
    numbers = itertools.count()
    with monkeypatch.context() as patch:
        before_each(
            ("fsync", "replace"), lambda: cuts.append(cut_power(tmp_path, next(numbers))), patch
        )
        bring_in(lake, log)
    cuts.append(cut_power(tmp_path, next(numbers)))
    new = rows(lake)
    assert len(cuts) > CUTS
    found = []
    for cut in (*sorted(draw.sample(cuts[:-1], CUTS)), cuts[-1]):
        with after_cut(cut) as mounted:
            left = Lake(mounted / "lake")
            found.append(rows(left))
            bring_in(left, log)
            assert rows(left) == new, f"seed {SEED}, {cut.name}"
    assert all(one in (old, new) for one in found), f"seed {SEED}"
    assert found[0] == old
    assert found[-1] == new, f"seed {SEED}: what was committed is lost"
