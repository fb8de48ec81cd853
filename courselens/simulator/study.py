"""What learners do during their visits: pages and navigation; video and problems join in."""

from __future__ import annotations

import numpy as np

from courselens.simulator.events import Array, Kind, spread
from courselens.simulator.options import DAY_US, HOUR_US, SECOND_US
from courselens.simulator.outline import Outline
from courselens.simulator.roster import Roster
from courselens.simulator.sheet import Items, Sheet, think_us
from courselens.simulator.solving import solve
from courselens.simulator.visits import Visits
from courselens.simulator.watching import watch

_LEAVING = 4000  # `unit` of the rows that end a visit


def study(outline: Outline, roster: Roster, visits: Visits, rng: np.random.Generator) -> Array:
    """Play the visits.

    Returns:
        Rows of `EVENT` in the order of (learner, time), `who` and `block` local to the chunk and
        the course.
    """
    sheet = Sheet()
    _arrive(sheet, outline, visits, rng)
    items = _open_units(sheet, outline, roster, visits, rng)
    _read(sheet, outline, items, rng)
    watch(sheet, outline, roster, items.where(outline.duration_ms[items.block] > 0), rng)
    solve(sheet, outline, roster, items.where(outline.inputs[items.block] > 0), rng)
    _leave(sheet, outline, visits, rng)
    rows = sheet.timed(visits, rng)
    _deliver(rows, visits, rng)
    late = (rows["kind"] == Kind.CHECK) & (rows["at_us"] > outline.due_us[rows["block"]])
    rows["kind"][late] = Kind.CHECK_FAIL
    return rows


def _arrive(sheet: Sheet, outline: Outline, visits: Visits, rng: np.random.Generator) -> None:
    site = np.flatnonzero(~visits.mobile)
    block = outline.seq_block[visits.seq[site]]
    home = rng.random(len(site)) < 0.6
    sheet.add((site[home], 0, 0, 0), Kind.HOME_VIEW, 0, 0)
    clicked = np.where(rng.random(int(home.sum())) < 0.5, Kind.OUTLINE_SELECTED, Kind.LINK_CLICKED)
    delay = think_us(rng, int(home.sum()), 6)
    sheet.add((site[home], 0, 0, 1), clicked, block[home], delay)
    sheet.add((site, 0, 0, 2), Kind.COURSEWARE_VIEW, block, 350_000)
    jump = visits.first_unit[site] > 0
    _turn(
        sheet,
        (site[jump], 0, 0, 3),
        Kind.SEQ_GOTO,
        block[jump],
        think_us(rng, int(jump.sum()), 4),
        np.ones(int(jump.sum()), np.int64),
        visits.first_unit[site][jump] + 1,
        outline.seq_units[visits.seq[site]][jump],
    )


def _open_units(
    sheet: Sheet, outline: Outline, roster: Roster, visits: Visits, rng: np.random.Generator
) -> Items:
    """Add the turning of pages and what the page asks for at once; give the blocks on it."""
    visit, nth = spread(visits.units)
    place = visits.first_unit[visit] + nth  # 0-based in the subsection
    seq = visits.seq[visit]
    unit = outline.seq_first_unit[seq] + place
    turned = (nth > 0) & ~visits.mobile[visit]
    at = np.flatnonzero(turned)
    by_tab = rng.random(len(at)) < 0.06
    # Some look back once more at what they have just left.
    back = at[rng.random(len(at)) < 0.08]
    for some, step, kind, shift in (
        (at, 0, np.where(by_tab, Kind.SEQ_GOTO, Kind.SEQ_NEXT), 0),
        (back, 2, Kind.SEQ_PREV, 1),
        (back, 4, Kind.SEQ_NEXT, 0),
    ):
        _turn(
            sheet,
            (visit[some], nth[some] + 1, 0, step),
            kind,
            outline.seq_block[seq[some]],
            think_us(rng, len(some), 5),
            place[some] + shift,
            place[some] + 1 - shift,
            outline.seq_units[seq[some]],
        )
    row, leaf_nth = spread(outline.unit_leaves[unit])
    block = outline.leaf_block[outline.unit_first_leaf[unit[row]] + leaf_nth]
    learner = visits.learner[visit[row]]
    seen = roster.sees[learner, block]
    row, leaf_nth, block, learner = row[seen], leaf_nth[seen], block[seen], learner[seen]
    return Items(
        visit[row],
        nth[row] + 1,
        leaf_nth + 1,
        block,
        learner,
        visits.again[visit[row]],
        visits.mobile[visit[row]],
    )


def _turn(
    sheet: Sheet,
    place: tuple[Array, Array | int, int, int],
    kind: Array | int,
    block: Array,
    delay_us: Array,
    old: Array,
    new: Array,
    total: Array,
) -> None:
    visit, unit, leaf, step = place
    sheet.add(place, kind, block, delay_us, a=old, b=new, c=total)
    sheet.add((visit, unit, leaf, step + 1), Kind.GOTO_POSITION, block, 60_000, b=new)


def _read(sheet: Sheet, outline: Outline, items: Items, rng: np.random.Generator) -> None:
    """Pages of text: seen after five seconds, then read."""
    is_html = np.array([kind == "html" for kind in outline.block_type])
    read = items.where(is_html[items.block] & ~items.mobile)
    place = (read.visit, read.unit, read.leaf)
    sheet.add((*place, 0), Kind.HTML_SEEN, read.block, 5 * SECOND_US)
    sheet.add((*place, 1), Kind.PAUSE_ONLY, read.block, think_us(rng, read.size, 35))


def _leave(sheet: Sheet, outline: Outline, visits: Visits, rng: np.random.Generator) -> None:
    site = np.flatnonzero(~visits.mobile)
    block = outline.seq_block[visits.seq[site]]
    last = visits.first_unit[site] + visits.units[site]
    total = outline.seq_units[visits.seq[site]]
    draw = rng.random(len(site))
    on = (draw < 0.3) & (last == total)
    sheet.add(
        (site[on], _LEAVING, 0, 0),
        Kind.SEQ_NEXT_OUT,
        block[on],
        think_us(rng, int(on.sum()), 4),
        a=last[on],
        c=total[on],
    )
    draw = rng.random(len(site))
    for step, (low, high, kind) in enumerate(
        (
            (0.0, 0.1, Kind.PROGRESS_VIEW),
            (0.1, 0.12, Kind.WIKI_VIEW),
            (0.12, 0.16, Kind.DATES_VIEW),
            (0.16, 0.19, Kind.BOOK_PAGE),
        ),
        start=1,
    ):
        some = (draw >= low) & (draw < high)
        page = rng.integers(1, 200, int(some.sum()))
        sheet.add(
            (site[some], _LEAVING, 0, step),
            kind,
            0,
            think_us(rng, len(page), 9),
            a=page,
            b=page + 1,
        )
    closed = rng.random(len(site)) < 0.6
    delay = think_us(rng, int(closed.sum()), 12)
    sheet.add((site[closed], _LEAVING, 0, 9), Kind.PAGE_CLOSE, block[closed], delay)
    # Seconds that nothing records, so that no visit is without a row.
    everyone = np.arange(visits.size)
    sheet.add((everyone, _LEAVING, 1, 0), Kind.PAUSE_ONLY, 0, SECOND_US)


def _deliver(rows: Array, visits: Visits, rng: np.random.Generator) -> None:
    """Let events reach the log: at once, or hours to days later from mobile devices."""
    visit = rows["arrive_us"].copy()
    rows["arrive_us"] = rows["at_us"]
    by_app = (rows["kind"] >= Kind.MOBILE_LOAD) & (rows["kind"] <= Kind.MOBILE_SEEK)
    rows["at_us"][by_app] = rows["at_us"][by_app] // SECOND_US * SECOND_US
    fate = rng.random(visits.size)
    lag = (rng.exponential(20, visits.size) * SECOND_US).astype(np.int64) + SECOND_US
    hours = (rng.random(visits.size) * 20 * HOUR_US).astype(np.int64)
    lag = np.where(fate > 0.85, hours, lag)
    lag = np.where(fate > 0.97, hours + DAY_US, lag)
    rows["arrive_us"][by_app] = (rows["at_us"] + lag[visit])[by_app]
