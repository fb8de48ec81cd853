"""What is left of tables by profile; that nothing else follows is shown in tests/api/attack."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from aggregates.records import ReleasedRecord
from api.access.profiles import protect_profiles, told_cells, told_pairs

SIZE = 100


def test_cells_that_leave_nobody_or_ten_are_told() -> None:
    assert told_cells({"f": 60, "m": 30, "": 10}, 100, 10, is_closed=True) == {"f", "m", ""}
    few = {"a": 3, "b": 4, "c": 3, "d": 90}
    assert told_cells(few, 100, 10, is_closed=True) == {"d"}


def test_a_few_take_the_next_smallest_with_them_and_so_does_nobody() -> None:
    for few in (0, 1, 9):
        cells = {"f": 60, "m": 40 - few, "o": few}
        assert told_cells(cells, 100, 10, is_closed=True) == {"f"}
    assert told_cells({"f": 46, "m": 46, "o": 8}, 100, 10, is_closed=True) == {"f"}  # the later


def test_where_others_are_possible_nobody_may_be_left() -> None:
    countries = {"AT": 50, "ES": 30, "CL": 20}
    assert told_cells(countries, 100, 10, is_closed=False) == {"AT", "ES"}
    assert told_cells(countries, 110, 10, is_closed=False) == {"AT", "ES", "CL"}
    assert told_cells({"AT": 100}, 100, 10, is_closed=False) == set()
    assert told_cells({}, 0, 10, is_closed=False) == set()


ROWS, COLUMNS = {"f": 45, "m": 40}, {"x": 40, "y": 30, "z": 20}


def pairs(**cells: tuple[int, int]) -> dict[tuple[str, str], int]:
    """People by row and column: of f and m in each column."""
    return {
        (row, column): count
        for column, counts in cells.items()
        for row, count in zip(("f", "m"), counts, strict=True)
    }


def test_pairs_are_told_if_they_and_the_rest_of_each_line_are_ten() -> None:
    whole = pairs(x=(30, 30), y=(30, 30))
    assert told_pairs(whole, {"f": 70, "m": 70}, {"x": 70, "y": 70}, 200, 10) == whole.keys()


def test_a_row_of_few_is_one_with_the_rest() -> None:
    # Of x and y a few are neither f nor m: with m they are ten, and z is the rest of the columns.
    cells = pairs(x=(20, 15), y=(12, 15), z=(3, 5))
    assert told_pairs(cells, ROWS, COLUMNS, SIZE, 10) == {("f", "x"), ("f", "y")}


def test_a_column_joins_the_rest_until_that_is_ten_in_each_row() -> None:
    # All f are of x or y: that would leave nobody of them for the rest.
    cells = pairs(x=(25, 0), y=(20, 0))
    assert told_pairs(cells, ROWS, COLUMNS, SIZE, 10) == {("f", "x")}


@pytest.mark.parametrize("cells", [pairs(x=(5, 5)), pairs(x=(40, 0)), {}])
def test_no_pair_is_told_where_each_leaves_a_few(cells: dict[tuple[str, str], int]) -> None:
    assert told_pairs(cells, ROWS, {"x": 40}, SIZE, 10) == set()


def protect(
    rows: Mapping[tuple[str, str], int | None],
    unknown: Mapping[str, int],
    *,
    size: int = SIZE,
    k_min: int = 10,
) -> dict[str, list[dict[str, Any]]]:
    def record(part: str, **content: Any) -> ReleasedRecord:
        as_of = datetime(2026, 3, 1, tzinfo=UTC)
        return ReleasedRecord("demographics", part, content, size, size, size, None, None,
                              as_of, as_of, as_of)  # fmt: skip

    found = protect_profiles(
        {
            "rows": [
                record("rows", dimension=name, value=value, learners=count, percent=1.0)
                for (name, value), count in rows.items()
            ],
            "unknown": [
                record("unknown", dimension=name, learners=count) for name, count in unknown.items()
            ],
        },
        k_min,
    )
    return {part: [dict(row) for row in told] for part, told in found.items()}


def test_people_are_told_in_fives_and_shares_in_steps_of_five_people() -> None:
    told = protect({("gender", "f"): 57, ("gender", "m"): 31, ("gender", "o"): 0}, {"gender": 12})
    # Nobody is o, so the smallest of the others, the unknown, are not told; nor is what is known.
    assert told["rows"] == [
        {"dimension": "gender", "value": "f", "learners": 55, "percent": None},
        {"dimension": "gender", "value": "m", "learners": 30, "percent": None},
    ]
    assert told["unknown"] == []
    told = protect({("gender", "f"): 57, ("gender", "m"): 11, ("gender", "o"): 0}, {"gender": 32})
    assert told["rows"] == [
        {"dimension": "gender", "value": "f", "learners": 55, "percent": 80.0}  # of 68: 83.8
    ]
    assert told["unknown"] == [{"dimension": "gender", "learners": 30}]


def test_years_of_birth_are_cells_of_their_band() -> None:
    years = {"2005": 40, "2006": 15, "1990": 25, "1950": 10, "1951": 1}
    rows: dict[tuple[str, str], int | None] = {
        ("age", "<=25"): 55, ("age", "26-40"): 25, ("age", ">=41"): 11,
        **{("year_of_birth", year): count for year, count in years.items()},
    }  # fmt: skip
    told = protect(rows, {"age": 9, "year_of_birth": 9})
    # Nine are unknown and take >=41 with them, and its years. Of each other band somebody could be
    # of another year, so the smallest year is not told.
    assert [(row["value"], row["learners"]) for row in told["rows"]] == [
        ("<=25", 55), ("26-40", 25), ("2005", 40),
    ]  # fmt: skip


def test_a_greater_minimum_hides_more() -> None:
    rows: dict[tuple[str, str], int | None] = {("gender", "f"): 60, ("gender", "m"): 25}
    assert len(protect(rows, {"gender": 15})["rows"]) == 2
    assert [row["value"] for row in protect(rows, {"gender": 15}, k_min=20)["rows"]] == ["f"]


def test_numbers_that_were_blanked_are_of_a_few() -> None:
    told = protect({("gender", "f"): 60, ("gender", "m"): 31, ("gender", "o"): None}, {"gender": 9})
    assert [row["value"] for row in told["rows"]] == ["f"]


def test_before_a_first_release_nothing_is_told() -> None:
    assert protect_profiles({}, 10) == {"rows": [], "unknown": [], "by_gender": []}
