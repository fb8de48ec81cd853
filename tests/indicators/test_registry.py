"""What is registered, what is refused and why."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Annotated

import pytest

from courselens.errors import UnknownIndicator
from courselens.plugin import Key, Level, Parameter, indicator, intermediate
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
    options = {"student": Number, "levels": (Level.STUDENT,)} | given
    return indicator(key=key, version=1, title="", unit="", family="", needs=needs, **options)(
        lambda t, p: t
    )


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
