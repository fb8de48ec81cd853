"""Grades that follow from the attempts, by the platform's own formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from courselens.simulator.events import Array, Kind, make_events
from courselens.simulator.options import DAY_US
from courselens.simulator.outline import Outline
from courselens.simulator.roster import NEVER_US, Roster

OVERRIDE_SHARE = 0.004  # of attempted graded subsections, set to full marks by hand


@dataclass(frozen=True, slots=True)
class SubsectionGrades:
    """Attempted subsections as parallel columns; points in hundredths, without overrides."""

    learner: Array
    seq: Array
    earned: Array
    possible: Array
    first_us: Array
    last_us: Array
    overridden: Array  # to full marks


@dataclass(frozen=True, slots=True)
class CourseGrades:
    """Course grades of those who have one; `percent` is whole, `letter` -1 below the pass mark."""

    learner: Array
    percent: Array
    letter: Array
    passed_us: Array  # NEVER_US if never
    created_us: Array
    modified_us: Array


@dataclass(frozen=True, slots=True)
class Graded:
    """What grading gave: the events and the state at the end."""

    events: Array
    subsections: SubsectionGrades
    courses: CourseGrades


def grade(outline: Outline, roster: Roster, checks: Array, rng: np.random.Generator) -> Graded:
    """Grade the submissions of a chunk.

    Args:
        outline: The course.
        roster: The learners.
        checks: Rows of kind CHECK in the order of (learner, time), `who` and `block` local.
        rng: Random numbers for delays and overrides.
    """
    possible = _possible(outline, roster)
    seq = outline.seq_of_block[checks["block"]]
    worth, inputs = outline.possible[checks["block"]], outline.inputs[checks["block"]]
    earned = worth * checks["b"] // inputs
    delta = earned - worth * checks["c"] // inputs
    order = np.lexsort((checks["at_us"], seq, checks["who"]))
    running = np.empty(len(checks), np.int64)
    running[order] = _running(delta[order], checks["who"][order], seq[order])
    subsections = _subsections(outline, checks, seq, running, possible, rng)
    events = [
        _event(checks, Kind.GRADE_PROBLEM, 30_000, checks["block"], earned, worth),
        _subsection_events(outline, checks, seq, running, possible, subsections, rng),
    ]
    updates, courses = _course_updates(outline, roster, checks, seq, delta, possible, subsections)
    events += [updates, _override_events(outline, subsections)]
    return Graded(np.concatenate(events), subsections, courses)


def final_percent(outline: Outline, earned: Array, possible: Array) -> Array:
    """Course grades in whole percent.

    Args:
        outline: The course.
        earned: Points of each graded subsection (columns, in course order) by row.
        possible: Points to be had, same shape.

    Source: `AssignmentFormatGrader` and `CourseGradeBase` of the platform: pad with zeros up to
    `min_count`, drop the lowest, average, weigh, add, round half up after adding 0.05.
    """
    ratio = np.divide(earned, possible, out=np.zeros(earned.shape), where=possible > 0)
    types = outline.seq_type[outline.seq_graded]
    total = np.zeros(len(earned))
    for nth, kind in enumerate(outline.course.policy):
        mine = ratio[:, types == nth]
        padding = np.zeros((len(mine), max(kind.min_count - mine.shape[1], 0)))
        mine = np.concatenate([mine, padding], axis=1)
        counted = mine.shape[1] - kind.drop_count
        if counted <= 0:
            continue
        ranked = np.argsort(-mine, axis=1, kind="stable")
        keep = np.ones(mine.shape, bool)
        np.put_along_axis(keep, ranked[:, counted:], False, axis=1)
        summed = np.zeros(len(mine))
        # Added one by one in course order, as the platform does: the last digit decides roundings.
        for column in range(mine.shape[1]):
            summed = summed + np.where(keep[:, column], mine[:, column], 0.0)
        total = total + summed / counted * kind.weight
    return np.asarray(np.floor(total * 100 + 0.05 + 0.5).astype(np.int64))


def _possible(outline: Outline, roster: Roster) -> Array:
    """Learners x subsections: hundredths of points of the problems a learner may see."""
    parts = np.zeros((len(outline.possible), len(outline.seq_block)))
    inside = np.flatnonzero(outline.seq_of_block >= 0)
    parts[inside, outline.seq_of_block[inside]] = outline.possible[inside]
    return np.asarray((roster.sees.astype(float) @ parts).round().astype(np.int64))


def _running(delta: Array, *keys: Array) -> Array:
    """Running sum inside each run of equal sorted keys."""
    if not len(delta):
        return delta
    fresh = np.ones(len(delta), bool)
    fresh[1:] = False
    for key in keys:
        fresh[1:] |= key[1:] != key[:-1]
    heads = np.flatnonzero(fresh)
    total = np.cumsum(delta)
    before = (total - delta)[heads]
    return np.asarray(total - np.repeat(before, np.diff(heads, append=len(delta))))


def _subsections(
    outline: Outline,
    checks: Array,
    seq: Array,
    running: Array,
    possible: Array,
    rng: np.random.Generator,
) -> SubsectionGrades:
    key = checks["who"].astype(np.int64) * len(outline.seq_block) + seq
    found, first = np.unique(key, return_index=True)
    _, from_end = np.unique(key[::-1], return_index=True)
    last = len(key) - 1 - from_end
    learner, which = found // len(outline.seq_block), found % len(outline.seq_block)
    chosen = (rng.random(len(found)) < OVERRIDE_SHARE) & outline.seq_graded[which]
    return SubsectionGrades(
        learner=learner,
        seq=which,
        earned=running[last],
        possible=possible[learner, which],
        first_us=checks["at_us"][first],
        last_us=checks["at_us"][last],
        overridden=chosen,
    )


def _event(
    checks: Array, kind: Kind, delay_us: Array | int, block: Array, a: Array, b: Array
) -> Array:
    return make_events(checks["at_us"] + delay_us, checks["who"], block, kind, a=a, b=b)


def _subsection_events(
    outline: Outline,
    checks: Array,
    seq: Array,
    running: Array,
    possible: Array,
    subsections: SubsectionGrades,
    rng: np.random.Generator,
) -> Array:
    delay = 200_000 + rng.integers(0, 200_000, len(checks))
    block = outline.seq_block[seq]
    events = _event(
        checks, Kind.GRADE_SUBSECTION, delay, block, running, possible[checks["who"], seq]
    )
    key = checks["who"].astype(np.int64) * len(outline.seq_block) + seq
    known = subsections.learner * len(outline.seq_block) + subsections.seq
    first_us = subsections.first_us[np.searchsorted(known, key)] if len(key) else known
    events["c"] = (first_us - outline.course.start_us) // 1_000_000
    return events


def _override_events(outline: Outline, subsections: SubsectionGrades) -> Array:
    chosen = subsections.overridden
    return make_events(
        np.full(int(chosen.sum()), _override_us(outline)),
        subsections.learner[chosen],
        outline.seq_block[subsections.seq[chosen]],
        Kind.OVERRIDE,
        a=subsections.possible[chosen],
        b=subsections.possible[chosen],
    )


def _override_us(outline: Outline) -> int:
    """When the course team overrides grades: after everything is due."""
    return outline.course.end_us + 6 * DAY_US


def _course_updates(
    outline: Outline,
    roster: Roster,
    checks: Array,
    seq: Array,
    delta: Array,
    possible: Array,
    subsections: SubsectionGrades,
) -> tuple[Array, CourseGrades]:
    """Course grade after each graded submission and each override."""
    graded = outline.seq_graded[seq]
    hand = subsections.overridden
    who = np.concatenate([checks["who"][graded], subsections.learner[hand]])
    at = np.concatenate(
        [
            checks["at_us"][graded] + 700_000,
            np.full(int(hand.sum()), _override_us(outline) + 900_000),
        ]
    )
    which = np.concatenate([seq[graded], subsections.seq[hand]])
    step = np.concatenate([delta[graded], (subsections.possible - subsections.earned)[hand]])
    order = np.lexsort((at, who))
    who, at, which, step = who[order], at[order], which[order], step[order]
    column = np.cumsum(outline.seq_graded) - 1
    changes = np.zeros((len(who), int(outline.seq_graded.sum())), np.int64)
    changes[np.arange(len(who)), column[which]] = step
    heads = np.flatnonzero(np.diff(who, prepend=-1))
    lengths = np.diff(heads, append=len(who))
    earned = np.cumsum(changes, axis=0)
    if len(who):
        earned -= np.repeat((earned - changes)[heads], lengths, axis=0)
    reachable = possible[:, outline.seq_graded][who]
    percent = final_percent(outline, earned / 100, reachable / 100)
    limits = np.array([round(limit * 100) for _, limit in outline.course.cutoffs])
    reached = percent[:, None] >= limits[None, :]
    letter = np.where(reached.any(axis=1), reached.argmax(axis=1), -1)
    passed = letter >= 0
    first = np.zeros(len(who), bool)
    first[heads] = True
    was = np.append(False, passed[:-1]) & ~first
    up, down = passed & ~was, ~passed & was
    ups = np.cumsum(up)
    earlier = np.repeat((ups - up)[heads], lengths) if len(who) else ups
    debut = up & (ups - earlier == 1)
    last = heads + lengths - 1
    passed_us = np.full(roster.size, NEVER_US)
    passed_us[who[debut]] = at[debut]
    parts = [make_events(at, who, 0, Kind.GRADE_COURSE, a=percent, b=letter)]
    for mask, kind in (
        (debut, Kind.PASSED_FIRST),
        (up, Kind.NOW_PASSED),
        (down, Kind.NOW_FAILED),
    ):
        parts.append(make_events(at[mask] + 40_000, who[mask], 0, kind))
    courses = CourseGrades(
        learner=who[last],
        percent=percent[last],
        letter=letter[last],
        passed_us=passed_us[who[last]],
        created_us=at[heads],
        modified_us=at[last],
    )
    return np.concatenate(parts), courses
