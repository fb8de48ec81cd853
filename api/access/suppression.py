"""What a student may learn about others: rules R2, R4, R5 and R6 of docs/privacy.md.

Everything here works on what the class was told last (`aggregates/releases.py` is R3), for grants
that are `PROTECTED`; whoever has the right to see named students never comes here. Numbers of too
few people are null whether there are any such people or none, and all others are rounded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from aggregates.records import ReleasedRecord
from aggregates.small_numbers import FEW_OTHERS
from api.access.rounding import coarse, in_fives, in_steps, share_step
from api.schema.records import Row

MEDIAN_SIDES = 2
QUARTILE_SIDES = 4
STANDING_MINIMUM = 20
STANDING_STEP = 5


def protect_statistics(
    summary: Row, k_min: int, *, blocks: Sequence[int], most_equal: int | None
) -> dict[str, Any]:
    """A summary as students see it.

    Extremes are single people's values and always left out. Quantiles need `k_min` people on each
    side, bins hold at least as many.

    Args:
        summary: `n` and any others of the statistics.
        k_min: people below which nothing is told.
        blocks: students of the class, and these with all who left; as in `nearest`.
        most_equal: people with the commonest value.
    """
    n = int(summary.get("n") or 0)
    left: dict[str, Any] = dict.fromkeys(summary)
    if n < k_min:
        return left
    left["n"] = in_fives(nearest(n, blocks, k_min))
    n_null = int(summary.get("n_null") or 0)
    if n_null >= k_min:
        left["n_null"] = in_fives(n_null)
    if not is_spread(n, most_equal):
        return left
    ends = _two_values(summary.get("histogram"))
    if ends is not None:
        # A mean of two values is a share of people.
        low, high = ends
        if min(low["count"], high["count"]) >= k_min and summary.get("mean") is not None:
            step = (high["upper"] - low["lower"]) * share_step(n)
            left["mean"] = in_steps(summary["mean"], step)
        return left
    shown = ["mean", "sd", "sum"]
    if n >= MEDIAN_SIDES * k_min:
        shown.append("median")
    if n >= QUARTILE_SIDES * k_min:
        shown += ["p25", "p75"]
    for name in shown:
        if summary.get(name) is not None:
            left[name] = coarse(summary[name], n)
    if summary.get("histogram") is not None:
        left["histogram"] = merge_bins(summary["histogram"], k_min, n=n)
    return left


def nearest(count: int, blocks: Sequence[int], k_min: int) -> int:
    """The first block that differs from a count by fewer than `k_min`, else the count (rule R2)."""
    return next((block for block in blocks if abs(block - count) < k_min), count)


def _two_values(bins: Sequence[Row] | None) -> tuple[Row, Row] | None:
    """The outermost bins, if all people are in them: as good as two values."""
    filled = [bin_ for bin_ in bins or () if bin_["count"]]
    if bins and len(bins) > len(filled) == 2:
        low, high = filled
        if low is bins[0] and high is bins[-1]:
            return low, high
    return None


def merge_bins(bins: Sequence[Row], k_min: int, *, n: int) -> list[Row]:
    """Neighbouring bins joined until each holds at least `k_min`; the outermost are open.

    Borders are rounded too: between exact ones of equal bins lie the extremes, a multiple away.
    """
    merged: list[dict[str, Any]] = []
    pending: dict[str, Any] | None = None
    for bin_ in bins:
        if pending is None:
            pending = {**bin_, "lower": coarse(bin_["lower"], n)}
        else:
            pending["count"] += bin_["count"]
        pending["upper"] = coarse(bin_["upper"], n)
        if pending["count"] >= k_min and pending["upper"] > pending["lower"]:
            merged.append(pending)
            pending = None
    if pending is not None and merged:
        merged[-1]["upper"] = pending["upper"]
        merged[-1]["count"] += pending["count"]
    if merged:
        merged[0]["lower"] = merged[-1]["upper"] = None
    return [{**one, "count": in_fives(one["count"])} for one in merged]


def protect_standing(
    value: float | None, statistics: Row, released: ReleasedRecord | None
) -> dict[str, Any]:
    """A student's place in steps of 5 among those whom the class was last told about.

    Args:
        value: the student's own, now.
        statistics: of the class, protected already.
        released: the summary of the field; None: nothing is told.
    """
    people = released.people or 0 if released else 0
    told = statistics if people >= STANDING_MINIMUM else {}
    percentile = None
    if released and told and value is not None and is_spread(people, released.most_equal):
        ranks = released.ranks or ()
        steps = (bisect_left(ranks, value) + bisect_right(ranks, value)) // 2
        percentile = float(STANDING_STEP * steps)
    return {
        "percentile": percentile,
        **{f"class_{name}": told.get(name) for name in ("mean", "median", "p25", "p75")},
        "n": told.get("n"),
    }


def is_spread(people: int, most_equal: int | None) -> bool:
    """Whether more than two people have another value than the rest."""
    return most_equal is None or people - most_equal > FEW_OTHERS
