"""How learners watch videos: play, pause, seek, speed, and what the player sends."""

from __future__ import annotations

import numpy as np

from courselens.simulator.events import Array, Kind, spread
from courselens.simulator.outline import Outline
from courselens.simulator.roster import SPEEDS, Roster
from courselens.simulator.sheet import Items, Sheet, think_us

COMPLETE_SHARE = 0.95  # of a video's length, from which the platform calls it complete
_STEPS = 8  # steps per segment

_MOBILE = {
    Kind.LOAD_VIDEO: Kind.MOBILE_LOAD,
    Kind.PLAY_VIDEO: Kind.MOBILE_PLAY,
    Kind.PAUSE_VIDEO: Kind.MOBILE_PAUSE,
    Kind.STOP_VIDEO: Kind.MOBILE_STOP,
    Kind.SEEK_VIDEO: Kind.MOBILE_SEEK,
}


def watch(
    sheet: Sheet, outline: Outline, roster: Roster, items: Items, rng: np.random.Generator
) -> None:
    """Add the rows of the videos among a visit's blocks. Positions `a`, `b` are milliseconds."""
    player = _Player(sheet, items)
    everything = np.arange(items.size)
    player.add(everything, 0, 0, Kind.LOAD_VIDEO, 250_000)
    on_site = np.flatnonzero(~items.mobile)
    player.add(on_site, 0, 64, Kind.TRANSCRIPT_GET, 120_000)
    keen = np.where(items.again, 0.5, 0.55 + 0.4 * roster.diligence[items.learner])
    watched = np.flatnonzero((rng.random(items.size) < keen) | items.mobile)
    item, nth, start, end, jump, is_last, finished = _segments(outline, items, watched, rng)
    speed = np.array([float(text) for text in SPEEDS])[roster.speed[items.learner[item]]]
    lasting = ((end - start) * 1000 / speed).astype(np.int64)
    # The stretch before this one ended when it was played out, at its own pace.
    before_end, before_lasting = np.roll(end, 1), np.roll(lasting, 1)
    first = nth == 0
    step = 1 + nth * _STEPS
    at = np.flatnonzero(first)
    player.add(item[at], 1, step[at], Kind.PLAY_VIDEO, think_us(rng, len(at), 5), a=start[at])
    fast = np.flatnonzero(
        first & (roster.speed[items.learner[item]] != 1) & (rng.random(len(item)) < 0.3)
    )
    fast = fast[~items.mobile[item[fast]]]
    player.add(
        item[fast], 1, step[fast] + 1, Kind.SPEED_CHANGE, 900_000, a=start[fast], b=1,
        c=roster.speed[items.learner[item[fast]]],
    )  # fmt: skip
    shown = np.flatnonzero(first & (rng.random(len(item)) < 0.05) & ~items.mobile[item])
    text = np.where(rng.random(len(shown)) < 0.5, Kind.SHOW_TRANSCRIPT, Kind.HIDE_TRANSCRIPT)
    player.add(item[shown], 1, step[shown] + 2, text, 700_000, a=start[shown])
    sought = np.flatnonzero(~first & (jump != 0))
    player.add(
        item[sought], 1, step[sought], Kind.SEEK_VIDEO, before_lasting[sought],
        a=before_end[sought], b=start[sought],
    )  # fmt: skip
    player.add(item[sought], 1, step[sought] + 2, Kind.PLAY_VIDEO, 180_000, a=start[sought])
    paused = np.flatnonzero(~first & (jump == 0))
    player.add(
        item[paused], 1, step[paused], Kind.PAUSE_VIDEO, before_lasting[paused],
        a=before_end[paused],
    )  # fmt: skip
    player.save(item[paused], step[paused] + 1, before_end[paused])
    player.add(
        item[paused], 1, step[paused] + 2, Kind.PLAY_VIDEO, think_us(rng, len(paused), 20),
        a=start[paused],
    )  # fmt: skip
    closing = step + _STEPS - 3
    done = np.flatnonzero(is_last & finished)
    player.add(item[done], 1, closing[done], Kind.PAUSE_VIDEO, lasting[done], a=end[done])
    player.add(item[done], 1, closing[done] + 1, Kind.STOP_VIDEO, 60_000, a=end[done])
    player.save(item[done], closing[done] + 2, end[done])
    open_end = rng.random(len(item)) < 0.35
    stopped = np.flatnonzero(is_last & ~finished & ~open_end)
    player.add(
        item[stopped], 1, closing[stopped], Kind.PAUSE_VIDEO, lasting[stopped], a=end[stopped]
    )
    player.save(item[stopped], closing[stopped] + 1, end[stopped])
    # Left while playing: the page's own events end the viewing, if any do.
    left = np.flatnonzero(is_last & ~finished & open_end)
    player.add(item[left], 1, closing[left], Kind.PAUSE_ONLY, lasting[left])


class _Player:
    """Adds video rows of items; on mobile devices they have other kinds, or do not exist."""

    def __init__(self, sheet: Sheet, items: Items) -> None:
        self.sheet = sheet
        self.items = items
        self.mobile_kind = np.arange(256)
        for kind, mobile in _MOBILE.items():
            self.mobile_kind[kind] = mobile

    def add(
        self,
        item: Array,
        part: int,
        step: Array | int,
        kind: Array | int,
        delay_us: Array | int,
        *,
        a: Array | int = 0,
        b: Array | int = 0,
        c: Array | int = 0,
    ) -> None:
        """Rows of `item`; part 0 happens when the page opens, part 1 in the block's turn."""
        chosen = self.items.where(item)
        kinds = np.broadcast_to(np.asarray(kind), item.shape)
        kinds = np.where(chosen.mobile, self.mobile_kind[kinds], kinds)
        leaf = chosen.leaf if part else 0
        first = 1 if part else 100 + chosen.leaf * 128
        place = (chosen.visit, chosen.unit, leaf, np.asarray(step) + first)
        self.sheet.add(place, kinds, chosen.block, delay_us, a=a, b=b, c=c)

    def save(self, item: Array, step: Array, position: Array) -> None:
        """The browser's request that stores the position."""
        on_site = ~self.items.mobile[item]
        self.add(item[on_site], 1, step[on_site], Kind.SAVE_STATE, 70_000, a=position[on_site])


def _segments(
    outline: Outline, items: Items, watched: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array, Array, Array, Array]:
    """Stretches played: item, number, start and end (ms), jump before it, last, seen to the end."""
    size = len(watched)
    length = outline.duration_ms[items.block[watched]]
    finishes = rng.random(size) < np.where(items.again[watched], 0.25, 0.62)
    reach = np.where(finishes, length, length * rng.beta(1.2, 1.6, size) * 0.93)
    parts = 1 + np.minimum(rng.poisson(length / 400_000 + 0.3), 9)
    row, nth = spread(parts)
    cut = rng.random(len(row))
    cut = cut[np.lexsort((cut, row))]
    is_last = np.append(row[1:] != row[:-1], True) if len(row) else np.zeros(0, bool)
    end = np.where(is_last, reach[row], cut * reach[row]).astype(np.int64)
    start = np.where(nth == 0, 0, np.roll(end, 1))
    draw = rng.random(len(row))
    back = np.minimum((rng.exponential(18_000, len(row)) + 1000).astype(np.int64), start)
    ahead = (end - start) // 2
    jump = np.where(draw < 0.3, -back, np.where(draw < 0.45, ahead, 0))
    jump[nth == 0] = 0
    return watched[row], nth, start + jump, end, jump, is_last, finishes[row]
