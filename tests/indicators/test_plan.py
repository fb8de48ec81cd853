"""Which tables a set of indicators rests on, in which order, and which are kept."""

from __future__ import annotations

import pytest

from courselens.domain import Level
from courselens.errors import LevelNotOffered, UnknownIndicator
from indicators.plan import GRADE_BANDS, GROUPS, PEOPLE, make_plan
from indicators.registry import load_registry


def test_tables_come_before_those_that_read_them():
    plan = make_plan(load_registry(), ["time_per_block"])
    order = plan.intermediates
    assert order.index("credits") < order.index("located_time")
    assert order.index("people") < order.index("population") < order.index("memberships")
    assert "events" in plan.datasets


def test_a_run_knows_its_people_and_reads_groups_only_if_asked_about_them():
    registry = load_registry()
    everything = make_plan(registry, ["time_on_course"])
    assert {PEOPLE, *GROUPS} <= set(everything.intermediates)
    students = make_plan(registry, ["time_on_course"], levels=(Level.STUDENT,))
    assert PEOPLE in students.intermediates
    assert "groups" not in students.intermediates


def test_grade_bands_are_read_for_a_full_roster_alone():
    registry = load_registry()
    assert GRADE_BANDS not in make_plan(registry, ["active_days"]).intermediates
    assert GRADE_BANDS in make_plan(registry, ["active_days"], full_roster=True).kept


def test_a_table_is_kept_when_it_is_read_more_than_once():
    registry = load_registry()
    # read by the students' numbers and by the groups'
    assert "credits" in make_plan(registry, ["time_on_course"]).kept
    # read by located_time alone
    assert "credits" not in make_plan(registry, ["time_per_block"]).kept


def test_summaries_of_a_group_read_the_students_tables_too():
    plan = make_plan(load_registry(), ["time_on_course"], levels=(Level.COURSE,))
    assert "credits" in plan.kept


def test_tables_that_nobody_asks_for_are_left_out():
    plan = make_plan(load_registry(), ["active_days"])
    assert not {"credits", "located_time", "sessions"} & set(plan.intermediates)


def test_indicators_are_computed_once_in_the_order_of_their_keys():
    plan = make_plan(load_registry(), ["time_on_course", "active_days", "time_on_course"])
    assert [one.key for one in plan.indicators] == ["active_days", "time_on_course"]


def test_an_unknown_key_or_a_level_that_is_not_offered_is_refused():
    registry = load_registry()
    with pytest.raises(UnknownIndicator):
        make_plan(registry, ["time_on_curse"])
    with pytest.raises(LevelNotOffered, match="offers course, group"):
        make_plan(registry, ["weekly_engagement"], levels=(Level.STUDENT,))
