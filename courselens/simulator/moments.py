"""Single events around the study itself: enrolment, groups, completion, certificates, the team."""

from __future__ import annotations

import numpy as np

from courselens.simulator.events import Array, Kind, make_events
from courselens.simulator.grading import CourseGrades
from courselens.simulator.options import DAY_US, WEEK_US
from courselens.simulator.outline import Outline
from courselens.simulator.roster import MODES, NEVER_US, Roster
from courselens.simulator.watching import COMPLETE_SHARE

CERTIFIED_DAYS = 8  # after the end of the course


def enrol(outline: Outline, roster: Roster) -> Array:
    """Enrolments, departures, returns and upgrades; `a` is the mode, index into MODES."""
    everyone = np.arange(roster.size)
    verified = MODES.index("verified")
    upgraded_before = roster.upgraded_us < roster.left_us
    later_mode = np.where(upgraded_before, roster.mode, roster.first_mode)
    parts = [make_events(roster.created_us, everyone, 0, Kind.ACTIVATED, a=roster.first_mode)]
    for at, kind, mode in (
        (roster.upgraded_us, Kind.MODE_CHANGED, np.full(roster.size, verified)),
        (roster.left_us, Kind.DEACTIVATED, later_mode),
        (roster.back_us, Kind.ACTIVATED, later_mode),
    ):
        happened = at < NEVER_US
        parts.append(make_events(at[happened], everyone[happened], 0, kind, a=mode[happened]))
    return np.concatenate(parts)


def join_groups(outline: Outline, roster: Roster, rows: Array) -> tuple[Array, Array, Array]:
    """Cohorts at the first page, arms and library draws at the first look at them.

    Returns:
        Events, and the learners who have met the experiment and the library.
    """
    first = np.unique(rows["who"], return_index=True)[1]
    first = first[roster.cohort[rows["who"][first]] >= 0]
    entered = rows[first]
    cohort = make_events(
        entered["at_us"], entered["who"], 0, Kind.COHORT_ADDED, a=roster.cohort[entered["who"]]
    )
    in_arm = rows[outline.arm[rows["block"]] >= 0]
    arm = in_arm[np.unique(in_arm["who"], return_index=True)[1]]
    assigned = make_events(
        arm["at_us"] - 30_000, arm["who"], 0, Kind.ARM_ASSIGNED, a=roster.arm[arm["who"]]
    )
    rendered = make_events(
        arm["at_us"] - 10_000, arm["who"], _parents(outline)[arm["block"]], Kind.ARM_RENDERED
    )
    in_library = rows[outline.drawn[rows["block"]]]
    drawn = in_library[np.unique(in_library["who"], return_index=True)[1]]
    library = make_events(
        drawn["at_us"] - 20_000, drawn["who"], _parents(outline)[drawn["block"]],
        Kind.LIBRARY_ASSIGNED,
    )  # fmt: skip
    return np.concatenate([cohort, assigned, rendered, library]), arm["who"], drawn["who"]


def complete(outline: Outline, rows: Array) -> Array:
    """First completion of each leaf: text seen, video at its end, problem submitted."""
    kind = rows["kind"]
    at_end = rows["a"] >= COMPLETE_SHARE * outline.duration_ms[rows["block"]]
    stops = (kind == Kind.PAUSE_VIDEO) | (kind == Kind.MOBILE_PAUSE)
    done = rows[(kind == Kind.HTML_SEEN) | (kind == Kind.CHECK) | (stops & at_end)]
    key = done["who"].astype(np.int64) * len(outline.block_type) + done["block"]
    first = done[np.unique(key, return_index=True)[1]]
    return make_events(first["at_us"] + 110_000, first["who"], first["block"], Kind.COMPLETION)


def certify(outline: Outline, roster: Roster, courses: CourseGrades) -> Array:
    """Certificates of those who passed in a mode that gives one."""
    learner = courses.learner[courses.letter >= 0]
    learner = learner[roster.is_active[learner] & (roster.mode[learner] > 0)]
    at = certified_us(outline) + np.arange(len(learner)) * 50_000
    return make_events(at, learner, 0, Kind.CERTIFICATE, a=roster.mode[learner])


def certified_us(outline: Outline) -> int:
    """When certificates are made."""
    return outline.course.end_us + CERTIFIED_DAYS * DAY_US


def manage(outline: Outline, roster: Roster, rng: np.random.Generator) -> Array:
    """What the course team does on its dashboard, a few times a week."""
    team = np.flatnonzero(roster.is_team)
    start, end = outline.course.start_us, outline.course.end_us
    count = max(1, (end - start) // WEEK_US * 3) * len(team)
    at = rng.integers(start, end, count)
    kind = rng.choice([Kind.LIST_STUDENTS, Kind.DUMP_GRADES], count)
    return make_events(at, rng.choice(team, count) if len(team) else at[:0], 0, kind)


def _parents(outline: Outline) -> Array:
    return np.array([block.parent for block in outline.course.blocks])
