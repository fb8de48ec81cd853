"""What is left of a number, a standing or a table for those who may not see named students."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import pytest

from aggregates.records import ReleasedRecord
from api.access.cells import protect_rows
from api.access.rounding import coarse, in_fives, share_step
from api.access.suppression import merge_bins, protect_standing, protect_statistics
from indicators.shape import Key, Part, Value, read_shape


@dataclass(frozen=True, slots=True)
class KindRow:
    kind: Annotated[str, Key("Kind.")]
    here: int | None
    gone: int | None
    views: Annotated[int | None, Value("Views.", unit="count")]
    here_percent: float | None
    mean_points: float | None


@dataclass(frozen=True, slots=True)
class Kinds:
    rows: list[KindRow]


@dataclass(frozen=True, slots=True)
class DayRow:
    day: Annotated[date, Key("Day.")]
    here: int | None


@dataclass(frozen=True, slots=True)
class Days:
    rows: list[DayRow]


def part(of: type) -> Part:
    found = read_shape(of).part("rows")
    assert found is not None
    return found


def released(content: dict[str, Any], **changed: Any) -> ReleasedRecord:
    facts: dict[str, Any] = {
        "indicator": "toy", "part": "rows", "people": None, "size": 300, "ever": 300,
        "most_equal": None, "ranks": None, "as_of": None, "computed_at": None,
        "state_as_of": None,
        **changed,
    }  # fmt: skip
    return ReleasedRecord(content=content, **facts)


def kind(name: str, here: int | None, gone: int | None, **more: Any) -> dict[str, Any]:
    nothing = {"views": None, "here_percent": None, "mean_points": None}
    return {"kind": name, "here": here, "gone": gone, **nothing, **more}


def statistics(n: int, **changed: Any) -> dict[str, Any]:
    return {
        "n": n,
        "n_null": 0,
        "mean": 5.24,
        "sd": 1.0,
        "median": 5.0,
        "p25": 4.0,
        "p75": 6.0,
        "sum": 5.24 * n,
        "minimum": 1.0,
        "maximum": 9.0,
        "histogram": None,
        **changed,
    }


def protect(n: int, *, size: int | None = None, equal: int = 1, **changed: Any) -> dict[str, Any]:
    blocks = [n if size is None else size]
    return protect_statistics(statistics(n, **changed), 10, blocks=blocks, most_equal=equal)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_nobody_and_nine_look_the_same(n: int) -> None:
    assert set(protect(n, size=300, n_null=300 - n).values()) == {None}


def test_quantiles_need_ten_people_on_each_side_and_extremes_are_nobodys_business() -> None:
    def hidden(n: int) -> set[str]:
        return {name for name, value in protect(n).items() if value is None}

    always = {"n_null", "minimum", "maximum", "histogram"}
    assert hidden(19) == always | {"median", "p25", "p75"}
    assert hidden(39) == always | {"p25", "p75"}
    assert hidden(40) == always


def test_people_are_told_in_fives_and_a_few_who_lack_are_not_missed() -> None:
    assert (protect(58, size=58)["n"], protect(51, size=58)["n"]) == (60, 60)
    few = protect(51, size=58, n_null=7)
    assert few["n_null"] is None
    many = protect(40, size=58, n_null=18)
    assert (many["n"], many["n_null"]) == (40, 20)


def test_value_that_all_or_all_but_two_share_is_hidden() -> None:
    assert protect(60, equal=57)["mean"] == 5.2
    for equal in (58, 60):
        left = protect(60, equal=equal)
        assert left["n"] == 60
        assert {name for name, value in left.items() if value is not None} == {"n"}


@pytest.mark.parametrize(
    ("people", "value", "told"),
    [
        (49, 523.0, 500.0),  # steps of 50, the next round number to 5 %
        (50, 523.0, 520.0),  # of 10, to 1 %
        (999, 523.0, 520.0),
        (1_000, 523.2, 523.0),  # of 1, to 0.1 %
        (60, 0.0, 0.0),
        (60, -3.14, -3.15),
    ],
)
def test_means_are_rounded_by_the_size_of_the_group(people: int, value: float, told: float) -> None:
    assert coarse(value, people) == told


@pytest.mark.parametrize(("people", "step"), [(20, 0.5), (60, 0.1), (300, 0.02), (2_000, 0.005)])
def test_share_of_people_is_no_finer_than_their_number(people: int, step: float) -> None:
    assert share_step(people) == pytest.approx(step)
    assert step * people >= 5


def test_mean_of_two_values_is_a_share_of_people() -> None:
    def ends(low: int, high: int) -> dict[str, Any]:
        bins = [{"lower": n / 20, "upper": (n + 1) / 20, "count": 0} for n in range(20)]
        bins[0]["count"], bins[-1]["count"] = low, high
        return protect(low + high, mean=high / (low + high), histogram=bins)

    left = ends(201, 99)
    assert left["mean"] == 0.34  # 0.33 to the next 0.02
    assert {name for name, value in left.items() if value is not None} == {"n", "mean"}
    assert ends(291, 9)["mean"] is None
    # Who changes from one to the other is not seen: 20 steps at most for 100 people.
    assert len({ends(300 - high, high)["mean"] for high in range(100, 200)}) <= 21


def test_bins_are_joined_until_each_holds_ten_and_their_borders_rounded() -> None:
    counts = [4, 5, 6, 20, 1, 2, 30, 3]
    bins = [
        {"lower": 101.0 * n, "upper": 101.0 * (n + 1), "count": count}
        for n, count in enumerate(counts)
    ]
    # 4+5+6 = 15; 20; 1+2+30 = 33, and the last 3 go with them.
    assert merge_bins(bins, 10, n=71) == [
        {"lower": None, "upper": 305.0, "count": 15},
        {"lower": 305.0, "upper": 405.0, "count": 20},
        {"lower": 405.0, "upper": None, "count": 35},
    ]


def test_in_fives_halves_go_up() -> None:
    assert [in_fives(count) for count in (10, 12, 13, 17, 18)] == [10, 10, 15, 15, 20]


def rows(*contents: dict[str, Any], **changed: Any) -> list[dict[str, Any]]:
    found = [released(content, **changed) for content in contents]
    return [dict(row) for row in protect_rows(part(Kinds), found, 10)]


def test_a_small_cell_takes_the_next_smallest_of_its_row_and_column_with_it() -> None:
    told = rows(kind("a", 3, 40), kind("b", 20, 50), kind("c", 90, 60))
    # here of a is small: gone of a (its row) and here of b (its column) go, then gone of b; rows
    # without anything are not there.
    assert [(row["kind"], row["here"], row["gone"]) for row in told] == [("c", 90, 60)]


def test_nobody_and_a_few_make_the_same_table() -> None:
    tables = [rows(kind("a", few, 40), kind("b", 20, 50), kind("c", 90, 60)) for few in (0, 1, 9)]
    assert tables[0] == tables[1] == tables[2]


def test_a_count_that_lacks_a_few_of_the_class_is_the_class() -> None:
    (row,) = rows(kind("a", 292, 292), size=299, ever=304)
    assert (row["here"], row["gone"]) == (300, 300)
    (row,) = rows(kind("a", 292, 340), size=299, ever=345)
    assert (row["here"], row["gone"]) == (300, 345)


def test_share_of_people_is_hidden_where_it_or_the_rest_is_of_a_few() -> None:
    def told(percent: float) -> Any:
        return rows(kind("a", 100, 200, here_percent=percent))[0]["here_percent"]

    assert (told(4.0), told(0.0), told(96.0), told(100.0)) == (None, None, None, None)
    assert told(33.4) == 35.0  # the next five of a hundred: ten people of 200


def test_measure_of_a_row_with_small_cells_may_be_about_the_few() -> None:
    assert rows(kind("a", 100, 200, mean_points=5.24))[0]["mean_points"] == 5.2
    few = rows(kind("a", 5, 200, mean_points=5.24), kind("b", 100, 200))
    assert all(row["mean_points"] is None for row in few)


def test_amounts_are_no_people() -> None:
    assert rows(kind("a", 100, 200, views=3))[0]["views"] == 3
    assert rows(kind("a", 100, 200, views=1_234), people=100)[0]["views"] == 1_240
    assert rows(kind("a", 100, 200, views=1_234), people=9) == []


def test_day_by_day_a_number_stays_until_ten_people_changed() -> None:
    counts = [60, 61, 69, 70, 71, 4, 75]
    found = [
        released({"day": date(2026, 3, day), "here": count})
        for day, count in enumerate(counts, start=1)
    ]
    told = protect_rows(part(Days), found, 10)
    # The day of four takes that of the next smallest with it, and both are not there.
    assert [(row["day"].day, row["here"]) for row in told] == [
        (1, 60), (2, 60), (4, 70), (5, 70), (7, 70),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrackRow:
    week: Annotated[int, Key("Week.")]
    track: Annotated[str, Key("Track.")]
    here: int | None


@dataclass(frozen=True, slots=True)
class Tracks:
    rows: list[TrackRow]


def test_a_week_has_two_hidden_tracks_or_none() -> None:
    counts = {(1, "a"): 50, (1, "b"): 3, (1, "c"): 30, (2, "a"): 50, (2, "b"): 20, (2, "c"): 30}
    found = [
        released({"week": week, "track": track, "here": count})
        for (week, track), count in counts.items()
    ]
    told = protect_rows(part(Tracks), found, 10)
    # b of week 1 takes c with it, as a total of the week may be known; each takes the next smallest
    # of its own weeks, and those are two of week 2.
    assert [(row["week"], row["track"], row["here"]) for row in told] == [
        (1, "a", 50), (2, "a", 50),
    ]  # fmt: skip


def test_place_in_a_class_is_told_in_steps_of_five_from_twenty_on() -> None:
    ranks = [float(rank) for rank in range(1, 21)]
    told = {"mean": 5.0, "median": 5.0, "p25": None, "p75": None, "n": 20}

    def place(own: float | None, people: int = 20, equal: int = 1) -> dict[str, Any]:
        record = released({}, people=people, ranks=ranks, most_equal=equal)
        return protect_standing(own, told, record)

    assert place(12.5) == {
        "percentile": 60.0,
        "class_mean": 5.0,
        "class_median": 5.0,
        "class_p25": None,
        "class_p75": None,
        "n": 20,
    }
    assert (place(0.0)["percentile"], place(99.0)["percentile"]) == (0.0, 100.0)
    assert place(None)["percentile"] is None
    assert place(12.5, equal=18)["percentile"] is None
    assert set(place(12.5, people=19).values()) == {None}
    assert set(protect_standing(12.5, {}, None).values()) == {None}
