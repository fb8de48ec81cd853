"""The simulated learners behave like those of real courses (published figures in comments)."""

from collections import Counter

import numpy as np
import pytest

from courselens.simulator.course import build_course
from courselens.simulator.events import Kind
from courselens.simulator.options import DAY_US, HOUR_US, WEEK_US, Options
from courselens.simulator.outline import outline_course
from courselens.simulator.people import make_people
from courselens.simulator.truth import imagine

OPTIONS = Options(students=900, weeks=8)


@pytest.fixture(scope="module")
def truth():
    outline = outline_course(build_course(OPTIONS, 0))
    return imagine(OPTIONS, make_people(OPTIONS), outline, 0, 0)


def events_per_learner(truth):
    return np.bincount(truth.rows["who"], minlength=truth.roster.size)


def test_between_a_third_and_a_half_never_come(truth):
    # HarvardX/MITx first year: 35 % never entered; MITx 6.00x: 46 %.
    assert 0.35 <= np.mean(events_per_learner(truth) == 0) <= 0.46


def test_a_few_learners_make_most_of_the_events(truth):
    counts = np.sort(events_per_learner(truth))
    came = counts[counts > 0]
    assert 50 <= np.median(came) <= 250
    assert np.mean(came) > 1.5 * np.median(came)
    # The busiest tenth of all makes at least four tenths of the events.
    assert counts[-len(counts) // 10 :].sum() > 0.4 * counts.sum()


def test_half_of_the_visitors_are_gone_after_the_first_weeks(truth):
    week = (truth.rows["at_us"] - OPTIONS.start_us) // WEEK_US
    active = [len(np.unique(truth.rows["who"][week == n])) for n in range(OPTIONS.weeks)]
    assert active[4] < 0.6 * active[0]
    assert active[7] > 0.2 * active[0]


def test_the_hours_before_a_deadline_are_several_times_as_busy(truth):
    dues = np.unique(truth.outline.seq_due_us[truth.outline.seq_graded])
    left = dues[np.minimum(np.searchsorted(dues, truth.rows["at_us"]), len(dues) - 1)]
    in_burst = np.sum((left - truth.rows["at_us"] < 4 * HOUR_US) & (left >= truth.rows["at_us"]))
    per_hour = in_burst / (4 * len(dues))
    assert per_hour > 3 * len(truth.rows) / (OPTIONS.weeks * 168)


def test_nights_are_quieter_than_evenings(truth):
    here = truth.roster.hours_east[truth.rows["who"]]
    hour = (truth.rows["at_us"] // HOUR_US + here) % 24
    assert np.mean((hour >= 2) & (hour < 7)) < 0.5 * np.mean((hour >= 18) & (hour < 23))


def test_rows_of_a_learner_are_in_the_order_of_time(truth):
    same = np.diff(truth.rows["who"]) == 0
    browser = truth.rows["kind"] < Kind.MOBILE_LOAD
    browser |= truth.rows["kind"] > Kind.MOBILE_SEEK
    step = np.diff(truth.rows["at_us"])
    assert (step[same & browser[1:] & browser[:-1]] >= 0).all()


def test_every_kind_of_event_happens(truth):
    assert set(truth.events["kind"].tolist()) == {kind.value for kind in Kind if kind}


def test_positions_in_videos_lie_within_their_length(truth):
    rows = truth.rows
    video = np.isin(
        rows["kind"], [Kind.PLAY_VIDEO, Kind.PAUSE_VIDEO, Kind.STOP_VIDEO, Kind.SEEK_VIDEO]
    )
    length = truth.outline.duration_ms[rows["block"][video]]
    for field in ("a", "b"):
        assert (rows[field][video] >= 0).all()
        assert (rows[field][video] <= length).all()


def test_those_who_left_do_nothing_until_they_are_back(truth):
    roster, rows = truth.roster, truth.rows
    # A sitting that had begun may end after the learner left.
    away = rows["at_us"] > roster.left_us[rows["who"]] + DAY_US // 4
    away &= rows["at_us"] < roster.back_us[rows["who"]]
    assert not away.any()


def test_groups_and_tracks_are_all_used(truth):
    assert set(Counter(truth.roster.cohort.tolist())) == {-1, 0, 1, 2}
    assert set(truth.roster.mode.tolist()) == {0, 1, 2}
    assert (truth.roster.back_us < truth.roster.left_us.max() + 60 * DAY_US).any()
