"""Tables derived from declarations."""

from __future__ import annotations

from dataclasses import make_dataclass

import pytest

from aggregates.fields import FieldRef
from aggregates.layout import Layout
from courselens.errors import BadParameter, StoreError, UnknownIndicator
from tests.data.toy_indicators import (
    build_registry,
    declare,
    toy_registry,
)


def test_each_provider_has_one_wide_table():
    layout = Layout(toy_registry())
    assert {table.name for table in layout.wide.values()} == {
        "student_values_courselens",
        "student_values_acme_forum",
    }
    assert layout.wide["courselens"].columns == {
        "toy_time__seconds": "double precision",
        "toy_time__seconds__pct": "double precision",
        "toy_progress__days": "bigint",
        "toy_progress__days__pct": "double precision",
        "toy_progress__ratio": "double precision",
        "toy_progress__ratio__pct": "double precision",
        "toy_progress__passed": "boolean",
        "toy_progress__pace": "text",
        "toy_progress__first_at": "timestamp with time zone",
        "toy_progress__first_day": "date",
        "toy_progress__tags": "text[]",
        "toy_progress__paces": "text[]",
        "toy_progress__weeks": "bigint[]",
    }


def test_each_part_has_a_table_per_level():
    layout = Layout(toy_registry())
    assert {table.name for table in layout.parts.values()} == {
        "toy_chapters__s__rows",
        "toy_chapters__s__total",
        "toy_chapters__g__rows",
        "toy_chapters__g__total",
        "toy_time__g__values",
    }


def test_a_field_named_like_a_key_column_is_renamed():
    rows = make_dataclass("Rows", [("user_id", int)])
    result = make_dataclass("Renamed", [("best", rows)])
    layout = Layout(build_registry([declare("renamed", student=result)]))
    assert layout.part("renamed", "student", "best").columns == {"user_id_": "bigint"}


def test_two_fields_on_one_column_are_refused():
    one = make_dataclass("One", [("b__c", int)])
    other = make_dataclass("Other", [("c", int)])
    with pytest.raises(StoreError, match="same column"):
        Layout(build_registry([declare("aa", student=one), declare("aa__b", student=other)]))


def test_a_provider_with_too_many_columns_is_told_to_split():
    many = make_dataclass("Many", [(f"f{number}", int) for number in range(451)])
    with pytest.raises(StoreError, match=r"902 columns.*split"):
        Layout(build_registry([declare("many", student=many)]))


def test_an_unknown_field_is_named_with_those_there_are():
    layout = Layout(toy_registry())
    with pytest.raises(BadParameter, match="seconds"):
        layout.field(FieldRef("toy_time", "minutes"))
    with pytest.raises(UnknownIndicator):
        layout.field(FieldRef("nobody", "seconds"))
    with pytest.raises(BadParameter, match="rows"):
        layout.part("toy_chapters", "student", "columns")
