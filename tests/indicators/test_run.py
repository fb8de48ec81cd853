"""Runs of a plan: parameters, failures, absent sources, groups."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from courselens.domain import Level
from courselens.errors import BadParameter
from courselens.plugin import Parameter, indicator, intermediate, literal
from courselens.testing import CourseBuilder, run_indicator, worked_example
from indicators.registry import Declaration, Registry, load_registry
from indicators.result import Status
from tests.data.runs import run_course


@dataclass(frozen=True, slots=True)
class Number:
    seconds: float | None


def measure(key: str, compute, *needs: str, **given):
    options = {"student": Number, "levels": (Level.STUDENT, Level.COURSE)} | given
    declare = indicator(
        key=key, version=1, title="", unit="", family="", needs=("population", *needs), **options
    )
    return declare(compute)


def with_built_ins(*declared) -> Registry:
    built_in = load_registry()
    known = [*built_in.intermediates.values(), *built_in.indicators.values()]
    return Registry(
        [Declaration("", "courselens", "1", one) for one in known]
        + [Declaration("", "acme", "1", one) for one in declared]
    )


def limited(t, p):
    return t.population.select("user_id", seconds=literal(float(p.limit)))


def test_one_name_may_mean_two_things_in_two_indicators():
    registry = with_built_ins(
        measure("reach", limited, parameters=(Parameter("limit", int, 5, ""),)),
        measure("depth", limited, parameters=(Parameter("limit", int, 7, ""),)),
    )
    results = run_course(worked_example(), "reach", "depth", registry=registry).results
    assert {
        result.indicator.key: (
            result.student["values"].column("seconds").to_pylist(),
            result.envelope.parameters["limit"],
        )
        for result in results
    } == {"reach": ([5.0], 5), "depth": ([7.0], 7)}


def test_a_parameter_must_be_known_to_every_indicator():
    with pytest.raises(BadParameter, match="active_days has no such parameter"):
        run_course(worked_example(), "time_on_course", "active_days", inactivity_s=600)


def test_a_definition_must_be_known_to_the_indicator():
    with pytest.raises(BadParameter, match=r"courselens \(time_on_course\)"):
        run_indicator("time_on_course", worked_example(), definition="insights")


def test_parameters_of_the_tables_it_rests_on_are_in_the_envelope():
    result = run_indicator("time_on_course", worked_example(), tail_s=5)
    assert result.envelope.parameters == {
        "definition": "courselens", "tz": "UTC", "include_staff": False,
        "include_unenrolled": False, "inactivity_s": 1800, "gap_policy": "discard", "tail_s": 5,
    }  # fmt: skip


def broken(t, p):
    raise ValueError("on\npurpose")


def test_a_failing_indicator_spoils_only_itself():
    registry = with_built_ins(measure("reach", broken))
    depth, reach = run_course(worked_example(), "active_days", "reach", registry=registry).results
    assert depth.envelope.status is Status.READY
    assert (reach.envelope.status, reach.envelope.error) == (
        Status.FAILED,
        "ValueError: on purpose",
    )
    assert reach.student["values"].to_pylist() == [{"user_id": 1, "seconds": None}]


def test_an_indicator_whose_query_fails_spoils_only_itself():
    def misread(t, p):
        return t.population.select("user_id", seconds=t.population.username.cast("float64"))

    registry = with_built_ins(measure("reach", misread))
    depth, reach = run_course(worked_example(), "active_days", "reach", registry=registry).results
    assert (depth.envelope.status, reach.envelope.status) == (Status.READY, Status.FAILED)
    assert "ConversionException" in (reach.envelope.error or "")
    assert reach.student["values"].to_pylist() == [{"user_id": 1, "seconds": None}]


@pytest.mark.parametrize("how", ["needs", "uses"])
def test_a_failing_table_fails_what_reads_it_even_what_could_do_without(how):
    wrong = intermediate(name="a_table", columns={"user_id": "int"})(broken)
    names = {"needs": ("a_table",), "uses": ()}[how]
    one = measure("reach", lambda t, p: t.a_table, *names, uses=("a_table",)[len(names) :])
    (result,) = run_course(worked_example(), "reach", registry=with_built_ins(one, wrong)).results
    assert result.envelope.error == "ValueError: on purpose"


def test_a_table_that_was_not_declared_is_not_there():
    registry = with_built_ins(measure("reach", lambda t, p: t.credits))
    (result,) = run_course(worked_example(), "reach", registry=registry).results
    assert "reads 'credits' without having declared it" in (result.envelope.error or "")


def test_an_indicator_of_the_course_alone_has_no_other_groups():
    registry = with_built_ins(
        measure("reach", lambda t, p: t.population.select("user_id", seconds=literal(1.0)))
    )
    (result,) = run_course(worked_example(), "reach", registry=registry).results
    assert result.summaries.column("group_id").to_pylist() == ["course"]


def test_the_course_alone_has_one_group():
    course = worked_example().student(2, cohort="A")
    results = run_course(course, "time_on_course", levels=(Level.COURSE,))
    assert results.roster.groups.column("group_id").to_pylist() == ["course"]
    assert set(results.results[0].summaries.column("group_id").to_pylist()) == {"course"}


def test_the_roster_tells_groups_and_members():
    course = CourseBuilder().student(1, cohort="A", mode="audit").student(2, mode="")
    course.student(3, cohort="A", mode="verified", is_active=False)
    course.add("experiment_groups", user_id=2, partition_id=50, group_id=1)
    course.add("experiment_groups", user_id=1, partition_id=50, group_id=None)
    roster = run_course(course).roster
    assert [tuple(row.values()) for row in roster.groups.to_pylist()] == [
        ("arm:50:1", 1, 1),
        ("cohort:A", 1, 2),
        ("course", 2, 3),
        ("mode:audit", 1, 1),
        ("mode:verified", 0, 1),
    ]
    assert roster.memberships.to_pylist() == [
        {"group_id": "arm:50:1", "user_id": 2},
        {"group_id": "cohort:A", "user_id": 1},
        {"group_id": "course", "user_id": 1},
        {"group_id": "course", "user_id": 2},
        {"group_id": "mode:audit", "user_id": 1},
    ]


def test_an_empty_course_still_is_a_group():
    roster = run_course(CourseBuilder().student(1, is_staff=True)).roster
    assert [tuple(row.values()) for row in roster.groups.to_pylist()] == [("course", 0, 0)]


def test_coverage_tells_what_is_partial_and_what_is_nothing():
    course = worked_example()
    result = run_indicator("time_on_course", course, start="2024-03-03", as_of="2024-03-05")
    assert (result.envelope.coverage, result.envelope.partial) == (0.5, True)
    nothing = run_indicator("time_on_course", course, start="2024-02-01", end="2024-02-08")
    assert (nothing.envelope.coverage, nothing.envelope.partial) == (0.0, False)
    assert nothing.student["values"].to_pylist() == [{"user_id": 1, "seconds": None}]


def test_progress_is_reported_to_the_end():
    seen: list[tuple[int, int]] = []
    run_course(
        worked_example(), "active_days",
        progress=lambda what, done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen[-1][0] == seen[-1][1] == len(seen) - 1
