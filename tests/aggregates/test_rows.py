"""Results as rows: order, and what is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pyarrow as pa
import pytest

from aggregates.layout import Layout
from aggregates.rows import all_rows, instant
from courselens.errors import ResultRefused
from indicators.registry import Registry
from indicators.result import CourseResults, Result
from tests.data.stored_course import (
    Person,
    build_course,
    build_result,
)

PEOPLE = [Person(1, cohort="Blue"), Person(2), Person(3, in_l=False)]


def rows_of(registry: Registry, *results: Result) -> dict[str, pa.Table]:
    return dict(all_rows(Layout(registry), build_course(PEOPLE, results)))


def time_result(registry: Registry, *rows: dict[str, Any], **more: Any) -> Result:
    return build_result(registry.indicator("toy_time"), student={"values": rows}, **more)


def test_the_wide_row_joins_indicators_by_student(registry: Registry):
    progress = build_result(
        registry.indicator("toy_progress"),
        student={"values": [{"user_id": 3, "days": 3}, {"user_id": 1, "days": 1}]},
    )
    seconds = time_result(registry, {"user_id": 2, "seconds": 2.5})
    wide = rows_of(registry, progress, seconds)["student_values_courselens"]
    assert wide["user_id"].to_pylist() == [1, 2, 3]
    assert wide["toy_progress__days"].to_pylist() == [1, None, 3]
    assert wide["toy_time__seconds"].to_pylist() == [None, 2.5, None]


def test_standing_stands_beside_the_value(registry: Registry):
    result = time_result(
        registry,
        {"user_id": 1, "seconds": 5.0},
        standing=[{"user_id": 1, "field": "seconds", "percentile": 75.0}],
    )
    wide = rows_of(registry, result)["student_values_courselens"]
    assert wide["toy_time__seconds__pct"].to_pylist() == [75.0, None, None]


def test_a_provider_without_results_has_empty_rows(registry: Registry):
    wide = rows_of(registry)["student_values_acme_forum"]
    assert wide.to_pylist()[0] == {
        "user_id": 1,
        "acme_posts__posts": None,
        "acme_posts__posts__pct": None,
    }


def test_rows_of_a_subject_keep_the_order_of_the_result(registry: Registry):
    keys = [("c1", "forum"), ("_forum_", None), ("c2", "forum"), ("c1", None), ("c2", "video")]
    given = [
        {"user_id": user, "chapter": chapter, "activity": activity, "seconds": 1.0}
        for chapter, activity in keys
        for user in (2, 1)
    ]
    result = build_result(registry.indicator("toy_chapters"), student={"rows": given})
    table = rows_of(registry, result)["toy_chapters__s__rows"].to_pylist()
    for user in (1, 2):
        mine = [row for row in table if row["user_id"] == user]
        assert [row["ordinal"] for row in mine] == [0, 1, 2, 3, 4]
        assert [(row["chapter"], row["activity"]) for row in mine] == keys


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_is_refused_by_name(registry: Registry, value: float):
    with pytest.raises(ResultRefused, match=r"toy_time, seconds: 1 of its values are NaN") as info:
        rows_of(registry, time_result(registry, {"user_id": 1, "seconds": value}))
    assert (info.value.indicator, info.value.column) == ("toy_time", "seconds")
    assert not info.value.retryable


def test_a_summary_or_standing_that_is_no_number_is_refused(registry: Registry):
    nan = float("nan")
    summary = {"group_id": "course", "field": "seconds", "n": 1, "n_null": 0, "sd": nan}
    with pytest.raises(ResultRefused, match=r"summary\.sd"):
        rows_of(registry, time_result(registry, summaries=[summary]))
    standing = {"user_id": 1, "field": "seconds", "percentile": nan}
    with pytest.raises(ResultRefused, match="standing of seconds"):
        rows_of(registry, time_result(registry, standing=[standing]))


def test_a_student_of_nobodys_roster_is_refused(registry: Registry):
    with pytest.raises(ResultRefused, match="nobody of the roster, such as 9"):
        rows_of(registry, time_result(registry, {"user_id": 9, "seconds": 1.0}))


def test_a_group_that_does_not_exist_is_refused(registry: Registry):
    row = {"group_id": "cohort:Red", "active_learners": 1, "mean_seconds": 1.0}
    result = build_result(registry.indicator("toy_time"), group={"values": [row]})
    with pytest.raises(ResultRefused, match="cohort:Red"):
        rows_of(registry, result)


def test_two_rows_of_one_key_are_refused(registry: Registry):
    row = {"user_id": 1, "chapter": "c1", "activity": None, "seconds": 1.0}
    result = build_result(registry.indicator("toy_chapters"), student={"rows": [row, row]})
    with pytest.raises(ResultRefused, match="two rows have the same user_id, chapter, activity"):
        rows_of(registry, result)
    twice = {"user_id": 1, "seconds": 1.0}
    with pytest.raises(ResultRefused, match="two rows have the same user_id"):
        rows_of(registry, time_result(registry, twice, twice))


def test_a_column_that_is_missing_or_of_another_kind_is_refused(registry: Registry):
    result = time_result(registry, {"user_id": 1, "seconds": 1.0})
    given = result.student["values"]
    without = dataclasses.replace(result, student={"values": given.drop_columns(["seconds"])})
    with pytest.raises(ResultRefused, match="no such column"):
        rows_of(registry, without)
    words = given.set_column(1, "seconds", pa.array(["many"]))
    with pytest.raises(ResultRefused, match="does not hold double"):
        rows_of(registry, dataclasses.replace(result, student={"values": words}))


def test_a_part_that_is_not_declared_is_refused(registry: Registry):
    result = time_result(registry)
    strange = dataclasses.replace(result, student={"columns": result.student["values"]})
    with pytest.raises(ResultRefused, match="no such part"):
        rows_of(registry, strange)


def test_an_instant_that_no_calendar_names_is_none():
    assert instant(2**62) is None
    assert instant(-(2**62)) is None
    assert instant(None) is None


def test_a_course_without_results_or_blocks_has_its_roster(registry: Registry):
    course: CourseResults = build_course(PEOPLE, [], chapters=())
    tables = dict(all_rows(Layout(registry), course))
    assert tables["students"].num_rows == 3
    assert tables["blocks"].num_rows == tables["envelopes"].num_rows == 0
