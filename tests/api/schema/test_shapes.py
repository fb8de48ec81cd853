from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import pytest
from graphql import GraphQLEnumType, GraphQLObjectType

from api.schema.assembled import assemble
from courselens.domain import Level
from indicators.contract import Indicator
from indicators.shape import BlockKey, Key, Value
from tests.data.toy_indicators import (
    build_registry,
    declare,
)


class Pace(enum.StrEnum):
    SLOW = "slow-ish"
    fast = "fast"


@dataclass(frozen=True, slots=True)
class Row:
    block: Annotated[BlockKey, Key("Where.")]
    pass_: int | None


@dataclass(frozen=True, slots=True)
class One:
    seconds: Annotated[float | None, Value("Time.", unit="seconds")]


@dataclass(frozen=True, slots=True)
class Two:
    days: int | None
    ratio: float | None
    name: str | None
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class All:
    flag: bool | None
    day: date | None
    at: datetime | None
    pace: Pace | None
    paces: list[Pace] | None
    blocks: list[BlockKey] | None


@dataclass(frozen=True, slots=True)
class Extra:
    active_learners: int | None


@dataclass(frozen=True, slots=True)
class Clash:
    meta: int | None


@dataclass(frozen=True, slots=True)
class Camel:
    a_b: int | None
    aB: int | None


@dataclass(frozen=True, slots=True)
class Foreign:
    größe: int | None


def fields(type_name: str, *declared: Indicator) -> dict[str, str]:
    """Fields of a type of the schema and their types, by name."""
    assembled = assemble(build_registry(declared))
    assert not assembled.refused, assembled.refused
    found = assembled.schema.type_map[type_name]
    assert isinstance(found, GraphQLObjectType)
    return {name: str(field.type) for name, field in found.fields.items()}


def test_one_number_has_its_summary_and_standing_at_top_level() -> None:
    one = declare("toy", student=One, group=Extra)
    group = fields("Toy", one)
    assert list(group) == [
        "n", "nNull", "mean", "sd", "median", "p25", "p75", "sum", "minimum", "maximum",
        "histogram", "activeLearners", "meta",
    ]  # fmt: skip
    assert fields("StudentToy", one) == {
        "seconds": "Float",
        "standing": "Standing",
        "meta": "ResultMeta!",
    }
    assert "activeLearners" not in fields("ToySummary", one)


def test_several_numbers_have_a_summary_each_under_their_name() -> None:
    two = declare("toy", student=Two, group=Two)
    assert fields("Toy", two) == {
        "days": "Summary",
        "ratio": "Summary",
        "rows": "[ToyRow!]",
        "meta": "ResultMeta!",
    }
    student = fields("StudentToy", two)
    assert student["days"] == "Int"
    assert student["daysStanding"] == "Standing"
    assert student["rows"] == "[ToyRow!]"
    assert fields("ToyRow", two) == {"block": "Block!", "pass": "Int"}


def test_group_that_gives_its_own_statistics_has_no_free_ones() -> None:
    own = declare("toy", student=One, group=Extra, summary=False)
    assert fields("Toy", own) == {"activeLearners": "Int", "meta": "ResultMeta!"}
    assert "indicators" not in fields("GroupSummary", own)


def test_every_kind_has_its_type() -> None:
    student = fields("StudentToy", declare("toy", student=All))
    assert student == {
        "flag": "Boolean",
        "day": "Date",
        "at": "DateTime",
        "pace": "Pace",
        "paces": "[Pace!]",
        "blocks": "[Block!]",
        "meta": "ResultMeta!",
    }


def test_enums_are_upper_case() -> None:
    schema = assemble(build_registry([declare("toy", student=All)])).schema
    pace = schema.type_map["Pace"]
    assert isinstance(pace, GraphQLEnumType)
    assert {name: value.value for name, value in pace.values.items()} == {
        "SLOW": "slow-ish",
        "FAST": "fast",
    }


def test_levels_decide_where_an_indicator_is_a_field() -> None:
    student_only = declare("mine", student=One, levels=(Level.STUDENT,))
    course_only = declare("ours", group=Extra, levels=(Level.COURSE,))
    assert list(fields("StudentIndicators", student_only, course_only)) == ["mine"]
    assert list(fields("CourseIndicators", student_only, course_only)) == ["ours"]
    assert "indicators" not in fields("Cohort", student_only, course_only)


def test_registry_without_indicators_makes_a_schema() -> None:
    assembled = assemble(build_registry([]))
    assert "indicators" not in assembled.schema.type_map["Course"].fields  # type: ignore[union-attr]
    assert "StudentMetric" not in assembled.schema.type_map


@pytest.mark.parametrize(
    ("key", "changes", "problem"),
    [
        ("toy", {"student": Clash}, "two fields 'meta'"),
        ("toy", {"student": Camel}, "two fields 'aB'"),
        ("toy", {"student": Foreign}, "no GraphQL name"),
        ("course", {"student": One}, "name Course is already used"),
        ("summary", {"student": One}, "name Summary is already used"),
        ("student_good", {"group": Extra, "levels": (Level.COURSE,)}, "StudentGood is already"),
    ],
)
def test_indicator_that_cannot_be_expressed_is_left_out_with_its_plugin_and_a_fix(
    key: str, changes: dict[str, Any], problem: str
) -> None:
    bad = declare(key, **changes)
    good = declare("good", student=One)
    assembled = assemble(build_registry([bad, good], plugins={key: "acme"}))
    (error,) = assembled.refused
    assert error.plugin == "acme"
    assert problem in error.problem
    assert error.fix
    assert list(assembled.catalog.values) == ["good"]


def test_two_enums_of_one_name_are_told_apart_by_whose_they_are() -> None:
    other = enum.StrEnum("Pace", {"A": "a"})

    @dataclass(frozen=True)
    class Other:
        pace: other | None  # type: ignore[valid-type]

    Other.__annotations__["pace"] = other | None
    registry = build_registry([declare("one", student=All), declare("two", student=Other)])
    (error,) = assemble(registry).refused
    assert "Pace is already used" in error.problem
