"""When learners come: one visit per subsection studied, in the rhythm of days and deadlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from courselens.simulator.events import Array, spread
from courselens.simulator.options import DAY_US, HOUR_US
from courselens.simulator.outline import Outline
from courselens.simulator.roster import NEVER_US, Roster


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits in the order of (learner, time); `planned_us` is moved later if they would overlap."""

    learner: Array  # index into the roster
    seq: Array  # index into the outline's subsections
    planned_us: Array
    again: Array  # not the first time
    mobile: Array
    first_unit: Array  # 0-based, inside the subsection
    units: Array

    @property
    def size(self) -> int:
        """Number of visits."""
        return len(self.learner)


def plan_visits(outline: Outline, roster: Roster, rng: np.random.Generator) -> Visits:
    """Draw who opens which subsection when, and who comes back to it."""
    graded = outline.seq_graded[None, :]
    chance = np.where(graded, roster.diligence[:, None] + 0.1, roster.diligence[:, None])
    chance = np.where(roster.is_team[:, None], 0.35, chance)
    open_ = (outline.seq_start_us[None, :] < roster.until_us[:, None]) & (
        outline.seq_due_us[None, :] > roster.from_us[:, None]
    )
    covered = roster.came[:, None] & open_ & (rng.random(open_.shape) < chance)
    # Whoever comes looks at the first subsection at least.
    covered[:, 0] |= roster.came
    learner, seq = np.nonzero(covered)
    planned = _first_times(outline, roster, learner, seq, rng)
    returns = np.minimum(rng.poisson(1.6 * roster.intensity[learner]), 60)
    row, nth = spread(returns)
    again_us = planned[row] + ((nth + rng.random(len(row))) * 4 * DAY_US).astype(np.int64)
    again_us = _by_daylight(roster, learner[row], again_us, rng)
    again_us = _before_deadlines(outline, roster, learner[row], again_us, rng)
    all_learner = np.concatenate([learner, learner[row]])
    all_seq = np.concatenate([seq, seq[row]])
    all_us = np.concatenate([planned, again_us])
    again = np.repeat([False, True], [len(learner), len(row)])
    keep = (all_us >= roster.from_us[all_learner]) & (all_us <= roster.until_us[all_learner])
    keep |= ~again & (all_seq == 0)
    away = (all_us > roster.left_us[all_learner]) & (all_us < roster.back_us[all_learner])
    keep &= ~away
    order = np.lexsort((all_us[keep], all_learner[keep]))
    all_learner, all_seq, all_us, again = (
        values[keep][order] for values in (all_learner, all_seq, all_us, again)
    )
    total = outline.seq_units[all_seq]
    first = np.where(again, (rng.random(len(total)) * total).astype(int), 0)
    whole = rng.random(len(total)) < 0.8
    some = 1 + (rng.random(len(total)) * total).astype(int)
    units = np.where(again, np.minimum(3, total - first), np.where(whole, total, some))
    mobile = (
        roster.uses_mobile[all_learner]
        & ~outline.seq_graded[all_seq]
        & (rng.random(len(total)) < 0.4)
    )
    return Visits(all_learner, all_seq, all_us, again, mobile, first, np.minimum(units, total))


def settle(visits: Visits, lasting_us: Array) -> Array:
    """Start of each visit when no learner is in two at once.

    A visit that would begin during an earlier one of the same learner begins after it.
    """
    if not visits.size:
        return visits.planned_us
    running = np.cumsum(lasting_us)
    heads = np.flatnonzero(np.diff(visits.learner, prepend=-1))
    before_head = (running - lasting_us)[heads]
    before = running - lasting_us - np.repeat(before_head, np.diff(heads, append=visits.size))
    # One learner's keys lie above all of the previous one's, so one running maximum serves all.
    stride = int(visits.planned_us.max() - visits.planned_us.min() + before.max()) + 1
    keys = visits.planned_us - before + visits.learner * stride
    return np.asarray(np.maximum.accumulate(keys) - visits.learner * stride + before)


def _first_times(
    outline: Outline, roster: Roster, learner: Array, seq: Array, rng: np.random.Generator
) -> Array:
    size = len(learner)
    release = np.maximum(outline.seq_start_us[seq], roster.from_us[learner])
    due = outline.seq_due_us[seq]
    relaxed = release + (rng.beta(1.1, 2.2, size) * 9 * DAY_US).astype(np.int64)
    relaxed = _by_daylight(roster, learner, relaxed, rng)
    rushed = due - (rng.exponential(5, size) * HOUR_US).astype(np.int64) - HOUR_US // 2
    is_late = (due < NEVER_US) & (rng.random(size) < 0.35 + 0.6 * roster.late_habit[learner])
    planned = np.where(is_late, rushed, np.minimum(relaxed, due - 2 * HOUR_US))
    soon = release + (rng.exponential(1, size) * 6 * HOUR_US).astype(np.int64)
    return np.where(planned < release, soon, planned)


def _before_deadlines(
    outline: Outline, roster: Roster, learner: Array, at_us: Array, rng: np.random.Generator
) -> Array:
    """Move some returns into the hours before the next deadline."""
    dues = np.unique(outline.seq_due_us[outline.seq_graded])
    due = dues[np.minimum(np.searchsorted(dues, at_us), len(dues) - 1)]
    rushed = due - (rng.exponential(6, len(at_us)) * HOUR_US).astype(np.int64) - HOUR_US
    hurries = (rng.random(len(at_us)) < 0.6 * roster.late_habit[learner]) & (at_us < due)
    return np.asarray(np.where(hurries, np.maximum(rushed, at_us), at_us))


def _by_daylight(roster: Roster, learner: Array, at_us: Array, rng: np.random.Generator) -> Array:
    """Move instants to the hours of their day at which people study, by the learner's clock."""
    size = len(learner)
    hour = np.where(rng.random(size) < 0.65, rng.normal(20, 2.2, size), rng.normal(13, 3, size))
    hour = (hour - roster.hours_east[learner]) % 24
    return np.asarray(at_us // DAY_US * DAY_US + (hour * HOUR_US).astype(np.int64))
