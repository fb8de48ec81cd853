"""The learners of a course, a chunk at a time: enrolment, groups, ability, habits, drop-out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from courselens.simulator.course import CONTENT_GROUPS, DRAWN
from courselens.simulator.events import Array
from courselens.simulator.options import DAY_US, HOUR_US, WEEK_US, Options
from courselens.simulator.outline import Outline
from courselens.simulator.people import TEAM_PER_COURSE, People

CHUNK = 1000
MODES = ("audit", "honor", "verified")
SPEEDS = ("0.75", "1.0", "1.25", "1.5", "2.0")
NEVER_US = 2**62


@dataclass(frozen=True, slots=True)
class Roster:
    """Enrolments of a chunk as parallel columns, one element per learner.

    `*_us` are `NEVER_US` where the thing never happened. A learner without `came` only enrolled.
    """

    chunk: int
    who: Array  # index into People
    is_team: Array
    created_us: Array
    first_mode: Array  # index into MODES
    upgraded_us: Array  # when the mode became verified
    left_us: Array  # unenrolment
    back_us: Array  # enrolment after it
    came: Array
    from_us: Array  # activity lies between these
    until_us: Array
    ability: Array
    diligence: Array  # 0..1
    intensity: Array  # how often they come back, median 1, with a long tail
    late_habit: Array  # 0..1, share of the work done just before it is due
    forum_taste: Array
    hint_taste: Array
    uses_mobile: Array
    speed: Array  # index into SPEEDS
    hours_east: Array
    cohort: Array  # index into COHORTS, -1 none
    arm: Array
    sees: Array  # learners x blocks: may see

    @property
    def size(self) -> int:
        """Number of learners."""
        return len(self.who)

    @property
    def mode(self) -> Array:
        """Mode at the end, index into MODES."""
        return np.asarray(
            np.where(self.upgraded_us < NEVER_US, MODES.index("verified"), self.first_mode)
        )

    @property
    def is_active(self) -> Array:
        """Whether enrolled at the end."""
        return np.asarray((self.left_us == NEVER_US) | (self.back_us < NEVER_US))


def members(options: Options, people: People, course: int) -> Array:
    """Everybody of a course as indices into People: the team first, then the learners."""
    rng = np.random.default_rng([options.seed, course, 0x3E])
    first = people.team_member(course, TEAM_PER_COURSE[0])
    team = [0, 1, *range(first, first + len(TEAM_PER_COURSE))]
    pool = len(people.user_id) - people.team
    chosen = np.sort(rng.choice(pool, options.students, replace=False)) + people.team
    return np.concatenate([team, chosen])


def draw_roster(options: Options, people: People, outline: Outline, chunk: int) -> Roster:
    """Draw chunk number `chunk` of a course's members."""
    course = outline.course
    everybody = members(options, people, course.number)
    who = everybody[chunk * CHUNK : (chunk + 1) * CHUNK]
    size = len(who)
    rng = np.random.default_rng([options.seed, course.number, chunk, 1])
    is_team = who < people.team
    start, end = course.start_us, course.end_us
    came = (rng.random(size) < 0.6) | is_team
    early = rng.random(size) < np.where(came, 0.7, 0.5)
    created = np.where(
        early,
        start - (rng.beta(1, 2, size) * 28 * DAY_US).astype(np.int64),
        start + (rng.beta(0.8, 2.5, size) * (end - start) * 0.9).astype(np.int64),
    )
    created[is_team] = start - 30 * DAY_US + rng.integers(0, HOUR_US, int(is_team.sum()))
    begin = np.maximum(created, start) + rng.integers(60, 3600, size) * 1_000_000
    span = end - begin
    ability = rng.normal(0, 1, size)
    stays = rng.random(size) < 0.22 + 0.16 / (1 + np.exp(-ability))
    gone = np.where(
        rng.random(size) < 0.5,
        rng.random(size) ** 2 * 2 * WEEK_US,
        rng.exponential(4 * WEEK_US, size),
    )
    until = np.where(stays, end + 3 * DAY_US, begin + np.minimum(gone, span * 1.0).astype(np.int64))
    until[is_team] = end + 5 * DAY_US
    mode = rng.choice(3, size, p=[0.6, 0.3, 0.1])
    wants_more = (mode == 0) & came & stays & (rng.random(size) < 0.4)
    upgraded = np.where(
        wants_more, begin + (rng.random(size) * 0.4 * span).astype(np.int64), NEVER_US
    )
    leaves = ~is_team & ~stays & (rng.random(size) < 0.15)
    left = np.where(leaves, np.maximum(until, begin) + rng.integers(1, 5 * DAY_US, size), NEVER_US)
    back = np.where(
        leaves & (rng.random(size) < 0.2), left + rng.integers(HOUR_US, 9 * DAY_US, size), NEVER_US
    )
    cohort = rng.choice([0, 1, 2, -1], size, p=[0.4, 0.28, 0.28, 0.04])
    cohort[is_team] = 0
    arm = rng.integers(0, 2, size)
    return Roster(
        chunk=chunk,
        who=who,
        is_team=is_team,
        created_us=created,
        first_mode=mode,
        upgraded_us=upgraded,
        left_us=left,
        back_us=back,
        came=came & (begin < end),
        from_us=begin,
        until_us=np.minimum(until, end + 5 * DAY_US),
        ability=ability,
        diligence=np.where(is_team, 0.5, rng.beta(2.2, 1.6, size)),
        intensity=rng.lognormal(0, 1.2, size),
        late_habit=rng.beta(1.5, 2, size),
        forum_taste=rng.exponential(1, size) * (rng.random(size) < 0.35),
        hint_taste=rng.beta(1, 2, size),
        uses_mobile=rng.random(size) < 0.18,
        speed=rng.choice(5, size, p=[0.03, 0.62, 0.15, 0.13, 0.07]),
        hours_east=people.hours_east[who],
        cohort=cohort,
        arm=arm,
        sees=_visibility(outline, cohort, arm, is_team, rng),
    )


def _visibility(
    outline: Outline, cohort: Array, arm: Array, is_team: Array, rng: np.random.Generator
) -> Array:
    """Learners x blocks; draws the library's blocks on the way."""
    group = np.array([-2, *CONTENT_GROUPS, -2])[cohort]  # cohort -1 takes the last
    sees = (outline.content_group[None, :] == -1) | (
        outline.content_group[None, :] == group[:, None]
    )
    sees &= (outline.arm[None, :] == -1) | (outline.arm[None, :] == arm[:, None])
    sees &= ~outline.staff_only[None, :] | is_team[:, None]
    drawn = np.flatnonzero(outline.drawn)
    if len(drawn):
        rank = rng.random((len(cohort), len(drawn))).argsort(axis=1).argsort(axis=1)
        sees[:, drawn] = rank < DRAWN
    return np.asarray(sees)
