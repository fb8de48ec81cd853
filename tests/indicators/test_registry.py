"""What is registered, what is refused and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Annotated

import pytest

from courselens.errors import UnknownIndicator
from courselens.plugin import (
    Cost,
    Key,
    Level,
    Parameter,
    Privacy,
    Setting,
    dataset,
    indicator,
    intermediate,
)
from indicators.registry import Declaration, Registry, load_registry


@dataclass(frozen=True, slots=True)
class Number:
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Flag:
    day: Annotated[int, Key("Day.")]
    is_late: bool | None


@dataclass(frozen=True, slots=True)
class Flags:
    rows: list[Flag]


@dataclass(frozen=True, slots=True)
class Unspeakable:
    value: complex


def measure(key: str, *needs: str, **given):
    options = {"student": Number, "levels": (Level.STUDENT,), "title": ""} | given
    return indicator(key=key, version=1, unit="", family="", needs=needs, **options)(lambda t, p: t)


def table(name: str, *needs: str, **given):
    return intermediate(name=name, columns={"user_id": "int"}, needs=needs, **given)(lambda t, p: t)


def register(*declared, plugin: str = "acme") -> Registry:
    return Registry(Declaration("", plugin, "1.0", one) for one in declared)


def problem(*declared) -> str:
    (error,) = register(*declared).errors
    return str(error)


LIMIT = Parameter("limit", int, 5, "A limit.")


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ([measure("Big", "events")], "acme: 'Big' is no usable key"),
        ([measure("events", "blocks")], "'events' is the name of a dataset"),
        ([measure("reach", "evnts")], "nobody provides.*did you mean 'events'"),
        ([measure("reach", "xyzzy")], "nobody provides.*declare that intermediate"),
        ([measure("reach", student=Unspeakable)], "Unspeakable.value is a complex"),
        ([measure("reach", levels=(Level.COURSE,))], "level student and its student result"),
        ([measure("reach", student=None, levels=(Level.COURSE,))], "has no result type"),
        ([measure("reach", group=Flags)], "a group result type and no code"),
        ([measure("reach", student=Flags, group=Flags)], "rows.is_late of groups.*for_groups"),
        ([measure("reach", parameters=(Parameter("tz", str, "", ""),))], "'tz', which every run"),
        ([measure("reach", parameters=(Parameter("window", str, "", ""),))], "'window'"),
        ([measure("reach", "a_table", parameters=(Parameter("limit", int, 6, ""),)),
          table("a_table", parameters=(LIMIT,))], "two different parameters 'limit'"),
    ],
)  # fmt: skip
def test_what_cannot_take_part_is_refused_with_the_fix(declared, expected):
    with pytest.raises(AssertionError, match=expected):
        raise AssertionError(problem(*declared))


async def live_code(sources, p):
    return {}


def live(key: str, *reads: str, course: bool = False, code=live_code, **given):
    declared = measure(key, **{"cost": Cost.LIVE} | given)
    attach = declared.live_for_course if course else declared.live_for_students
    attach(reads=reads)(code)
    return declared


OF_COURSE = {"student": None, "group": Number, "levels": (Level.COURSE,)}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (measure("reach", cost=Cost.LIVE), "declares its cost and its live code apart"),
        (live("reach", "profiles", cost=Cost.PRECOMPUTED), "cost and its live code apart"),
        (live("reach", "profiles", **OF_COURSE), "live code for students and no level student"),
        (live("reach", "blocks", course=True), "for a course and no result type of one"),
        (live("reach", "blocks", course=True, privacy=(Privacy.AGG,), **OF_COURSE),
         "shows students a value of the class.*leave Privacy.AGG out"),
        (live("reach", "profiles", code=lambda s, p: {}), "is not async.*write `async def`"),
        (live("reach", "events"), "'events', which is no dataset.*blocks, certificates"),
        (live("reach", "population"), "'population', which is no dataset"),
    ],
)  # fmt: skip
def test_live_code_that_cannot_be_run_is_refused_with_the_fix(declared, expected):
    with pytest.raises(AssertionError, match=expected):
        raise AssertionError(problem(declared))


def test_only_the_tables_by_profile_that_ship_are_for_students():
    told = measure("reach", privacy=(Privacy.PROFILE, Privacy.AGG), **OF_COURSE)
    with pytest.raises(AssertionError, match=r"which profile.*leave Privacy.AGG out"):
        raise AssertionError(problem(told))
    assert not register(measure("reach", privacy=(Privacy.PROFILE,), **OF_COURSE)).errors


def test_live_code_of_both_levels_is_kept_with_what_it_reads():
    declared = live("reach", "profiles", group=Number, levels=(Level.STUDENT, Level.COURSE))
    declared.live_for_course(reads=("blocks",))(live_code)
    registry = register(declared)
    assert not registry.errors
    assert registry.indicator("reach").live_student.reads == ("profiles",)
    assert registry.indicator("reach").live_course.reads == ("blocks",)


def test_the_first_of_two_equal_keys_stays_and_built_ins_are_first():
    mine, theirs = measure("reach", "events"), measure("reach", "blocks")
    registry = Registry(
        [Declaration("", "acme", "1", theirs), Declaration("", "courselens", "1", mine)]
    )
    assert registry.indicator("reach") is mine
    assert "already registered by courselens" in str(registry.errors[0])
    assert "acme_reach" in registry.errors[0].fix


def test_an_indicator_is_no_table():
    registry = register(measure("reach", "events"), measure("depth", "reach"))
    assert list(registry.indicators) == ["reach"]


def test_a_missing_table_takes_with_it_all_that_rests_on_it():
    registry = register(
        table("a_table", "nothing"), table("b_table", "a_table"), measure("reach", "b_table")
    )
    assert not registry.indicators
    assert not registry.intermediates
    assert len(registry.errors) == 3


def test_a_cycle_is_named_and_its_dependants_go():
    registry = register(
        table("aa", "bb"), table("bb", "aa"), measure("reach", "aa"), measure("depth", "events")
    )
    assert list(registry.indicators) == ["depth"]
    assert any("cycle" in error.problem for error in registry.errors)


def test_a_parameter_is_shared_when_it_is_the_same():
    registry = register(
        table("a_table", parameters=(LIMIT,)), table("b_table", parameters=(LIMIT,)),
        measure("reach", "a_table", "b_table", parameters=(LIMIT,)),
    )  # fmt: skip
    assert not registry.errors
    assert [p.name for p in registry.parameters("reach")].count("limit") == 1


def test_two_indicators_may_use_one_name_for_two_parameters():
    other = Parameter("limit", str, "x", "Another.")
    registry = register(
        measure("reach", "events", parameters=(LIMIT,)),
        measure("depth", "events", parameters=(other,)),
    )
    assert not registry.errors
    assert other in registry.parameters("depth")


def test_dependencies_come_first():
    registry = register(table("a_table", "events"), measure("reach", "a_table", uses=("blocks",)))
    assert set(registry.closure("reach")) == {"a_table", "events", "blocks"}
    assert registry.closure("reach", hard=True) == ("events", "a_table")


def test_an_unknown_key_is_answered_with_near_ones():
    with pytest.raises(UnknownIndicator, match="Did you mean reach"):
        register(measure("reach", "events")).indicator("reech")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no_such_module:x", "failed on import: ModuleNotFoundError"),
        ("math:pi", "is a float"),
        ("tests.data.leaving_plugin:x", "failed on import: SystemExit"),
    ],
)
def test_an_entry_point_that_does_not_load_is_reported(value, problem):
    entry = EntryPoint("reach", value, "courselens.indicators.v1")
    registry = load_registry([entry])
    assert problem in str(registry.errors[0])


def test_everything_built_in_is_registered_without_a_complaint():
    registry = load_registry()
    assert [str(error) for error in registry.errors] == []
    assert {one.provider for one in registry.indicators.values()} == {"courselens"}


CHART = {"mark": "bar", "data": {"name": "values"}}


def deep(depth):
    return {"layer": [deep(depth - 1)]} if depth else CHART


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        ({"mark": "bar"}, 'chart draws no data. Fix: write {"data": {"name": "values"}}'),
        ({"data": {"name": "values"}}, "its chart draws nothing. Fix: give a Vega-Lite object"),
        ({**CHART, "data": {"name": "rows"}}, "draws the data 'rows', which is no part"),
        ({**CHART, "data": {"url": "http://x"}}, "chart has 'url': it would load something"),
        ({**CHART, "data": {"values": [{"a": 1}]}}, "chart has 'values': it would bring rows"),
        ({**CHART, "data": {"sequence": {"stop": 1}}}, "has data without a name. Fix: write"),
        ({"layer": [CHART, {"mark": {"type": "image", "url": "//x"}}]}, "chart has 'url'"),
        ({**CHART, "encoding": {"href": {"field": "seconds"}}}, "chart has 'href'"),
        ({**CHART, "usermeta": {"embedOptions": {}}}, "chart has 'usermeta'"),
        ({**CHART, "datasets": {"values": []}}, "chart has 'datasets'"),
        ({**CHART, "width": float("nan")}, "its chart is no JSON.*finite numbers"),
        ({**CHART, "title": {1, 2}}, r"its chart is no JSON \(TypeError\)"),
        ({**CHART, "title": "x" * 33_000}, "its chart takes 33050 bytes, allowed are 32768"),
        (deep(40), "its chart is nested over 32 deep"),
    ],
)  # fmt: skip
def test_charts_that_reach_for_more_than_the_result_are_refused_with_the_fix(chart, expected):
    with pytest.raises(AssertionError, match=expected):
        raise AssertionError(problem(measure("reach", chart=chart)))


def test_a_chart_is_kept_as_json():
    scale = {"domain": ["a"], "values": [1, 2]}
    chart = {"layer": [{"mark": "bar"}], **CHART, "encoding": {"x": {"axis": scale}}}
    registry = register(measure("reach", chart=chart))
    assert json.loads(registry.chart("reach")) == chart


def own(name: str = "acme_rows", **given):
    options = {"columns": {"user_id": "int"}, "key": ("user_id",)} | given
    return dataset(name=name, **options)(lambda request: [])


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (measure("reach", levels="student"), "`levels` is a str. Fix: give a tuple of levels"),
        (indicator(key="reach", version=1, title="", unit="", family="", needs=("events"),
                   student=Number, levels=(Level.STUDENT,))(lambda t, p: t),
         "`needs` is a str. Fix: give a tuple of names"),
        (measure("reach", title=None), "`title` is a NoneType. Fix: give text"),
        (measure("reach", parameters=(Parameter("x y", int, 1, ""),)), "cannot be an argument"),
        (table("a_table", version=0), "`version` is a int. Fix: give a whole number from 1"),
        (own("events"), "'events' is the name of a dataset"),
        (own(columns={"user_id": "int64"}), "'user_id' is declared as 'int64'. Fix: use one of"),
        (own(columns={}), "has no columns"),
        (own(key=("id",)), r"key \['id'\] is not among its columns"),
        (own(settings=("file",)), "its settings are none. Fix: give a tuple of Setting"),
        (own(settings=(Setting("a-b", ""),)), "'a-b' is no variable"),
        (own(every_hours=0), "`every_hours` is no time"),
        (live("reach", "acme_rows"), "'acme_rows', which is no dataset of the platform's"),
    ],
)  # fmt: skip
def test_other_things_than_the_contract_says_are_refused_with_the_fix(declared, expected):
    with pytest.raises(AssertionError, match=expected):
        raise AssertionError(problem(declared))


def test_own_datasets_are_needed_like_those_of_the_platform():
    registry = register(own(version=2), measure("reach", "acme_rows"), measure("depth", "events"))
    assert not registry.errors
    assert registry.closure("reach") == ("acme_rows",)
    assert list(registry.dataset("acme_rows").columns) == ["user_id"]
    assert registry.revision("reach") == "1, acme_rows 2"
    assert registry.revision("depth") == "1"


def test_of_two_who_claim_one_key_the_plugin_has_it_whose_name_it_begins_with():
    registry = Registry(
        Declaration("", plugin, "1.0", measure("zoo_reach", "events")) for plugin in ("acme", "zoo")
    )
    assert registry.indicator("zoo_reach").provider == "zoo"
    assert [error.plugin for error in registry.errors] == ["acme"]


def test_what_cannot_even_be_looked_at_is_refused_alone():
    strange = measure("reach", "events")
    strange.student = 5
    registry = register(strange, measure("depth", "events"))
    assert list(registry.indicators) == ["depth"]
    (error,) = registry.errors
    assert "5 is no dataclass" in str(error)
