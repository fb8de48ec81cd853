"""The whole truth about a chunk of a course's learners, before it takes any format."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from courselens.simulator.events import Array, Kind
from courselens.simulator.forum import Posts, discuss
from courselens.simulator.grading import Graded, grade
from courselens.simulator.moments import certify, complete, enrol, join_groups, manage
from courselens.simulator.options import Options
from courselens.simulator.outline import Outline
from courselens.simulator.people import People
from courselens.simulator.roster import Roster, draw_roster
from courselens.simulator.study import study
from courselens.simulator.visits import plan_visits


@dataclass(frozen=True, slots=True)
class Truth:
    """A chunk: `events` are all its events by arrival, with `who` and `block` of the whole site.

    The other columns are local: learners are indices into the roster, blocks into the course.
    """

    outline: Outline
    roster: Roster
    events: Array
    rows: Array  # what was done during visits, in the order of (learner, time)
    graded: Graded
    completions: Array
    posts: Posts
    in_experiment: Array  # learners who were put into an arm
    in_library: Array  # learners for whom the library drew


def imagine(
    options: Options, people: People, outline: Outline, chunk: int, first_block: int
) -> Truth:
    """Simulate chunk number `chunk` of a course.

    Args:
        options: Seed and size.
        people: The accounts.
        outline: The course.
        chunk: Number of the chunk.
        first_block: Index of the course's root among the blocks of all courses.
    """
    roster = draw_roster(options, people, outline, chunk)
    rng = np.random.default_rng([options.seed, outline.course.number, chunk, 2])
    visits = plan_visits(outline, roster, rng)
    rows = study(outline, roster, visits, rng)
    graded = grade(outline, roster, rows[rows["kind"] == Kind.CHECK], rng)
    groups, in_experiment, in_library = join_groups(outline, roster, rows)
    completions = complete(outline, rows)
    talk, posts = discuss(outline, roster, rng)
    events = np.concatenate(
        [
            rows,
            graded.events,
            groups,
            completions,
            talk,
            enrol(outline, roster),
            certify(outline, roster, graded.courses),
            manage(outline, roster, rng),
        ]
    )
    events["who"] = roster.who[events["who"]]
    events["block"] += first_block
    events = events[np.argsort(events["arrive_us"], kind="stable")]
    return Truth(
        outline=outline,
        roster=roster,
        events=events,
        rows=rows,
        graded=graded,
        completions=completions,
        posts=posts,
        in_experiment=in_experiment,
        in_library=in_library,
    )
