from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from api.suppression import merge_bins, protect_rows, protect_standing, protect_statistics
from indicators.shape import Key, Part, read_shape


@dataclass(frozen=True, slots=True)
class DayRow:
    day: Annotated[str, Key("Day.")]
    here: int | None
    gone: int | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Days:
    rows: list[DayRow]


def part() -> Part:
    found = read_shape(Days).part("rows")
    assert found is not None
    return found


def day(name: str, here: int, gone: int, share: float = 0.5) -> dict[str, Any]:
    return {"day": name, "here": here, "gone": gone, "share": share}


def statistics(n: int, **changed: Any) -> dict[str, Any]:
    return {
        "n": n,
        "n_null": 0,
        "mean": 5.0,
        "sd": 1.0,
        "median": 5.0,
        "p25": 4.0,
        "p75": 6.0,
        "sum": 5.0 * n,
        "minimum": 1.0,
        "maximum": 9.0,
        "histogram": [{"lower": 1.0, "upper": 9.0, "count": n}],
        **changed,
    }


def test_summary_of_nine_is_null() -> None:
    left, is_suppressed = protect_statistics(statistics(9), 10)
    assert is_suppressed
    assert set(left.values()) == {None}


def test_summary_of_ten_keeps_its_mean_and_loses_its_quantiles() -> None:
    left, is_suppressed = protect_statistics(statistics(10), 10)
    assert is_suppressed
    assert left["n"] == 10
    assert left["mean"] == 5.0
    assert {name for name, value in left.items() if value is None} == {
        "median", "p25", "p75", "minimum", "maximum",
    }  # fmt: skip


def test_median_needs_k_on_each_side_and_quartiles_twice_as_many() -> None:
    assert protect_statistics(statistics(20), 10)[0]["median"] == 5.0
    assert protect_statistics(statistics(39), 10)[0]["p25"] is None
    assert protect_statistics(statistics(40), 10)[0]["p25"] == 4.0


def test_extremes_are_single_peoples_values() -> None:
    left, _ = protect_statistics(statistics(1000), 10)
    assert left["minimum"] is None
    assert left["maximum"] is None


def test_few_without_a_value_are_not_counted() -> None:
    assert protect_statistics(statistics(50, n_null=3), 10)[0]["n_null"] is None
    assert protect_statistics(statistics(50, n_null=10), 10)[0]["n_null"] == 10


def test_bins_are_joined_until_each_holds_k_and_the_outer_borders_are_open() -> None:
    counts = [4, 5, 6, 20, 1, 2, 30, 3]
    bins = [{"lower": n, "upper": n + 1, "count": count} for n, count in enumerate(counts)]
    # 4+5+6 = 15; 20; 1+2+30 = 33, and the last 3 go with them.
    assert merge_bins(bins, 10) == [
        {"lower": None, "upper": 3, "count": 15},
        {"lower": 3, "upper": 4, "count": 20},
        {"lower": 4, "upper": None, "count": 36},
    ]


def test_rows_without_small_cells_are_whole() -> None:
    rows = [day("a", 10, 0), day("b", 200, 30)]
    assert protect_rows(part(), rows, 10) == (rows, False)


def test_small_cell_takes_the_next_smallest_of_its_row_and_column_with_it() -> None:
    rows = [day("a", 3, 40), day("b", 20, 50), day("c", 90, 60)]
    protected, is_suppressed = protect_rows(part(), rows, 10)
    assert is_suppressed
    # here of a is small: gone of a (its row) and here of b (its column) go, then gone of b.
    assert [(row["here"], row["gone"], row["share"]) for row in protected] == [
        (None, None, None),
        (None, None, None),
        (90, 60, 0.5),
    ]


def test_no_total_of_a_line_gives_a_hidden_cell_away() -> None:
    rows = [day("a", 3, 0), day("b", 20, 50), day("c", 90, 60)]
    protected, _ = protect_rows(part(), rows, 10)
    for name in ("here", "gone"):
        hidden = [row for row in protected if row[name] is None]
        assert len(hidden) != 1


def test_zero_is_no_small_cell() -> None:
    assert protect_rows(part(), [day("a", 0, 0)], 10)[1] is False


def test_place_in_a_class_is_told_in_steps_of_five_from_twenty_on() -> None:
    standing = {
        "percentile": 63.2,
        "class_mean": 5.0,
        "class_median": 5.0,
        "class_p25": 4.0,
        "class_p75": 6.0,
        "n": 20,
    }
    assert protect_standing(standing, 10) == {
        **standing,
        "percentile": 65.0,
        "class_p25": None,
        "class_p75": None,
    }
    assert set(protect_standing({**standing, "n": 19}, 10).values()) == {None}
