"""How learners work on problems: hints, attempts, answers shown."""

from __future__ import annotations

import numpy as np

from courselens.simulator.events import Array, Kind, number_in_groups, spread
from courselens.simulator.outline import Outline
from courselens.simulator.roster import Roster
from courselens.simulator.sheet import Items, Sheet, think_us

_STEPS = 32  # steps per attempt: up to 8 hints of two rows, the submission of three


def solve(
    sheet: Sheet, outline: Outline, roster: Roster, items: Items, rng: np.random.Generator
) -> None:
    """Add the rows of the problems among a visit's blocks.

    `a` of a CHECK is the number of the attempt, `b` the raw points, `c` the raw points before it.
    """
    items = items.where(~items.mobile)
    sheet.add((items.visit, items.unit, 0, 10 + items.leaf), Kind.PROBLEM_GET, items.block, 45_000)
    graded = outline.seq_graded[outline.seq_of_block[items.block]]
    keen = np.where(graded, 0.93, 0.25 + 0.6 * roster.diligence[items.learner])
    keen = np.where(items.again, 0.35, keen)
    tried = np.flatnonzero(rng.random(items.size) < keen)
    wanted = np.minimum(rng.geometric(0.42, len(tried)), 8)
    row, nth = spread(wanted)
    item = tried[row]
    number, grade, before = _outcomes(outline, roster, items, item, nth, rng)
    kept = number > 0
    item, nth, number, grade, before = (v[kept] for v in (item, nth, number, grade, before))
    tries = items.where(item)
    place = (tries.visit, tries.unit, tries.leaf)
    step = 1 + nth * _STEPS
    _ask_hints(sheet, outline, roster, tries, step, number, rng)
    think = think_us(rng, tries.size, 40)
    sheet.add((*place, step + 20), Kind.CHECK_FORM, tries.block, think, b=grade)
    sheet.add((*place, step + 21), Kind.CHECK_POST, tries.block, 50_000, b=grade)
    sheet.add((*place, step + 22), Kind.CHECK, tries.block, 90_000, a=number, b=grade, c=before)
    last = np.append(item[1:] != item[:-1], True) if len(item) else np.zeros(0, bool)
    spent = (number >= outline.max_attempts[tries.block]) | (grade == outline.inputs[tries.block])
    shown = np.flatnonzero(last & spent & (rng.random(tries.size) < 0.3))
    some = tries.where(shown)
    place = (some.visit, some.unit, some.leaf)
    sheet.add(
        (*place, step[shown] + 24), Kind.PROBLEM_SHOW, some.block, think_us(rng, some.size, 8)
    )
    sheet.add((*place, step[shown] + 25), Kind.SHOWANSWER, some.block, 80_000)


def _outcomes(
    outline: Outline,
    roster: Roster,
    items: Items,
    item: Array,
    nth: Array,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Number (0: does not happen), raw points and raw points before, of the attempts of items.

    Numbers run per learner and problem over all visits; nobody goes over the limit of attempts,
    and few try again after a full mark.
    """
    block, learner = items.block[item], items.learner[item]
    order = np.lexsort((nth, items.visit[item], block, learner))
    block, learner = block[order], learner[order]
    number = 1 + number_in_groups(learner, block)
    skill = roster.ability[learner] - outline.difficulty[block] + 0.45 * (number - 1)
    solved = rng.random(len(item)) < 1 / (1 + np.exp(-skill))
    inputs = outline.inputs[block]
    part = np.minimum((rng.random(len(item)) * inputs).astype(np.int64), inputs - 1)
    grade = np.where(solved, inputs, part)
    solved_before: Array = np.cumsum(solved) - solved
    solved_before -= np.repeat(
        solved_before[number == 1], np.diff(np.flatnonzero(number == 1), append=len(number))
    )
    again = rng.random(len(item)) < 0.02
    happens = ((solved_before == 0) | again) & (number <= outline.max_attempts[block])
    # What was dropped leaves no hole in the numbers.
    kept = np.flatnonzero(happens)
    number = np.zeros(len(item), np.int64)
    number[kept] = 1 + number_in_groups(learner[kept], block[kept])
    before = np.zeros(len(item), np.int64)
    before[kept] = np.where(number[kept] == 1, 0, np.roll(grade[kept], 1))
    back = np.argsort(order)
    return number[back], grade[back], before[back]


def _ask_hints(
    sheet: Sheet,
    outline: Outline,
    roster: Roster,
    tries: Items,
    step: Array,
    number: Array,
    rng: np.random.Generator,
) -> None:
    taste = roster.hint_taste[tries.learner] * np.where(number == 1, 0.5, 0.9)
    asks = (outline.hints[tries.block] > 0) & (rng.random(tries.size) < taste)
    counts = np.where(
        asks, 1 + (rng.random(tries.size) * outline.hints[tries.block]).astype(int), 0
    )
    row, nth = spread(np.minimum(counts, outline.hints[tries.block]))
    asked = tries.where(row)
    place = (asked.visit, asked.unit, asked.leaf)
    delay = think_us(rng, asked.size, 15)
    sheet.add((*place, step[row] + 2 * nth), Kind.HINT_POST, asked.block, delay, a=nth)
    sheet.add((*place, step[row] + 2 * nth + 1), Kind.HINT, asked.block, 60_000, a=nth)
