"""Summaries of groups, standing of students, and cells rolled up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from courselens.testing import CourseBuilder
from indicators.rollup import (
    histogram,
    members_by_group,
    roll_up_cells,
    standing,
    summarise,
    summary,
)
from indicators.shape import BlockKey, Key, read_shape
from loaders.datasets import DATASETS


@dataclass(frozen=True, slots=True)
class Numbers:
    seconds: float | None
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    block: Annotated[BlockKey, Key("Block.")]
    seconds: float | None
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Cells:
    rows: list[Cell]


FIELDS = read_shape(Numbers).values
PART = read_shape(Cells).parts[0]
NO_BLOCKS = DATASETS["blocks"].empty()


def values(*rows: tuple[int, float | None, float | None]) -> pa.Table:
    users, seconds, ratios = zip(*rows, strict=True)
    return pa.table({"user_id": users, "seconds": pa.array(seconds, pa.float64()),
                     "ratio": pa.array(ratios, pa.float64())})  # fmt: skip


def members(**groups: list[int]) -> dict[str, np.ndarray]:
    return {name: np.array(ids, np.int64) for name, ids in groups.items()}


def test_statistics_of_four_values():
    assert summary(np.array([1.0, 2.0, 3.0, 10.0]), n_members=6, adds=True) == {
        "n": 4, "n_null": 2, "mean": 4.0,
        "sd": pytest.approx(np.sqrt(50 / 3)),  # squares 9 + 4 + 1 + 36 over n - 1
        "median": 2.5, "p25": 1.75, "p75": 4.75,  # type 7: positions 0.75 and 2.25
        "sum": 16.0, "minimum": 1.0, "maximum": 10.0,
        "histogram": [1, 0, 1, 0, 1] + [0] * 14 + [1],  # bins of 0.45
    }  # fmt: skip


def test_nobody_has_no_statistics_and_one_student_no_deviation():
    assert summary(np.array([]), n_members=3, adds=True) == {"n": 0, "n_null": 3}
    one = summary(np.array([5.0]), n_members=1, adds=False)
    assert (one["sd"], one["median"], one["sum"], one["histogram"]) == (None, 5.0, None, [1])


def test_equal_values_are_one_bin_and_the_last_bin_is_closed():
    assert histogram(np.array([2.0, 2.0])) == [2]
    assert histogram(np.array([0.0, 19.0, 20.0]))[-1] == 2


def test_groups_are_summarised_apart_and_nulls_are_counted():
    table = summarise(
        values((1, 10.0, None), (2, 20.0, 0.5), (3, 99.0, 0.1)), FIELDS,
        members(course=[1, 2, 4], empty=[]),
    )  # fmt: skip
    rows = {(r["group_id"], r["field"]): r for r in table.to_pylist()}
    seconds, ratio = rows["course", "seconds"], rows["course", "ratio"]
    assert (seconds["n"], seconds["n_null"], seconds["sum"]) == (2, 1, 30.0)
    assert (ratio["n"], ratio["n_null"], ratio["mean"], ratio["sum"]) == (1, 2, 0.5, None)
    assert rows["empty", "seconds"]["n"] == 0


def test_standing_puts_ties_in_the_middle_and_leaves_nulls_and_others_out():
    table = standing(
        values((1, 1.0, None), (2, 2.0, None), (3, 2.0, None), (4, 4.0, None), (5, None, None),
               (6, 0.0, None)),
        FIELDS, np.array([1, 2, 3, 4, 5]),
    )  # fmt: skip
    # 100 * (below + equal / 2) / 4
    assert [(r["user_id"], r["percentile"]) for r in table.to_pylist()] == [
        (1, 12.5), (2, 50.0), (3, 50.0), (4, 87.5),
    ]  # fmt: skip


def cells(*rows: tuple[int, str, float | None, float | None]) -> pa.Table:
    users, blocks, seconds, ratios = zip(*rows, strict=True)
    return pa.table({"user_id": users, "block": blocks, "seconds": pa.array(seconds, pa.float64()),
                     "ratio": pa.array(ratios, pa.float64())})  # fmt: skip


def test_cells_add_up_or_are_averaged_over_those_who_have_a_value():
    table = cells((1, "a", 1.0, 0.5), (2, "a", 2.0, None), (2, "b", None, 0.2), (3, "a", 9.0, 0.9))
    rolled = roll_up_cells(table, PART, members(course=[1, 2], empty=[]), blocks=NO_BLOCKS)
    assert rolled.to_pylist() == [
        {"group_id": "course", "block": "a", "seconds": 3.0, "ratio": 0.5},
        {"group_id": "course", "block": "b", "seconds": None, "ratio": 0.2},
    ]


def test_rolled_up_cells_are_in_course_order_whoever_was_where_first():
    course = CourseBuilder().block("z", "course").block("b", "chapter").block("a", "chapter")
    table = cells((1, "a", 1.0, None), (1, "_forum_", 1.0, None), (2, "b", 1.0, None))
    rolled = roll_up_cells(table, PART, members(course=[1, 2]), blocks=course.tables()["blocks"])
    assert rolled.column("block").to_pylist() == ["b", "a", "_forum_"]


def test_the_course_is_always_a_group():
    nobody = pa.table({"group_id": pa.array([], pa.string()), "user_id": pa.array([], pa.int64())})
    assert list(members_by_group(nobody)) == ["course"]


@given(numbers=st.lists(st.integers(-1000, 1000), min_size=1, max_size=20), seed=st.randoms())
def test_who_is_who_changes_no_summary(numbers, seed):
    shuffled = list(numbers)
    seed.shuffle(shuffled)
    tables = [
        summarise(
            values(*((user, float(n), None) for user, n in enumerate(column))), FIELDS,
            members(course=list(range(len(numbers)))),
        )
        for column in (numbers, shuffled)
    ]  # fmt: skip
    assert tables[0].drop_columns(["sd"]) == tables[1].drop_columns(["sd"])


@given(numbers=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_a_histogram_counts_everybody(numbers):
    assert sum(histogram(np.array(numbers))) == len(numbers)
