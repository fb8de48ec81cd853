"""What a student may learn about others: small numbers are left out (catalogue 1.13).

Everything here works on what was read, for grants that are `PROTECTED`; whoever has the right to
see named students never comes here. A cell, bin or statistic is left out as null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.records import Row
from indicators.shape import Kind, Part

K_MIN = 10
"""People below which a population is not shown."""

MEDIAN_SIDES = 2
QUARTILE_SIDES = 4
STANDING_MINIMUM = 20
STANDING_STEP = 5.0


def protect_statistics(summary: Row, k_min: int) -> tuple[dict[str, Any], bool]:
    """A summary without what would tell about fewer than `k_min` people, and whether any was.

    `summary` has `n` and any of the other statistics, maybe more.
    Extremes are always left out: they are single people's values. Quantiles need `k_min` people
    on each side, histogram bins hold at least `k_min` and the outer borders stay open.
    """
    n = int(summary["n"] or 0)
    if n < k_min:
        return dict.fromkeys(summary, None), True
    hidden = ["minimum", "maximum"]
    if 0 < int(summary.get("n_null") or 0) < k_min:
        hidden.append("n_null")
    if n < MEDIAN_SIDES * k_min:
        hidden.append("median")
    if n < QUARTILE_SIDES * k_min:
        hidden += ["p25", "p75"]
    left: dict[str, Any] = {
        name: None if name in hidden else value for name, value in summary.items()
    }
    if left.get("histogram") is not None:
        left["histogram"] = merge_bins(left["histogram"], k_min)
    return left, left != dict(summary)


def merge_bins(bins: Sequence[Row], k_min: int) -> list[Row]:
    """Neighbouring bins joined until each holds at least `k_min`; the outermost are open."""
    merged: list[dict[str, Any]] = []
    pending: dict[str, Any] | None = None
    for bin_ in bins:
        if pending is None:
            pending = dict(bin_)
        else:
            pending = {**pending, "upper": bin_["upper"], "count": pending["count"] + bin_["count"]}
        if pending["count"] >= k_min:
            merged.append(pending)
            pending = None
    if pending is not None and merged:
        last = merged[-1]
        merged[-1] = {
            **last,
            "upper": pending["upper"],
            "count": last["count"] + pending["count"],
        }
    if merged:
        merged[0] = {**merged[0], "lower": None}
        merged[-1] = {**merged[-1], "upper": None}
    return list(merged)


def protect_standing(standing: Row, k_min: int) -> Row:
    """A student's place in steps, and the class's numbers, of classes that are large enough."""
    n = int(standing["n"] or 0)
    if n < max(STANDING_MINIMUM, k_min):
        return dict.fromkeys(standing, None)
    percentile = standing["percentile"]
    stepped = None if percentile is None else STANDING_STEP * round(percentile / STANDING_STEP)
    left = {**standing, "percentile": stepped}
    if n < QUARTILE_SIDES * k_min:
        left["class_p25"] = left["class_p75"] = None
    return left


def protect_rows(part: Part, rows: Sequence[Row], k_min: int) -> tuple[list[Row], bool]:
    """Rows without cells of 1 to `k_min - 1`, and whether any was left out.

    Every whole number counts as one of people. A small cell takes the next smallest non-zero one of
    its row and of its column with it, so that it cannot be had from their totals. A row that lost a
    cell loses its other measures too: they are about the same few.
    """
    counts = [f.name for f in part.values if f.kind is Kind.INT and not f.is_list]
    measures = [f.name for f in part.values if f.name not in counts]
    cells = {
        (index, name): int(row[name])
        for index, row in enumerate(rows)
        for name in counts
        if row[name]
    }
    hidden = {cell for cell, count in cells.items() if 0 < count < k_min}
    if not hidden:
        return list(rows), False
    lines: list[list[tuple[int, str]]] = [
        [(index, name) for name in counts] for index in range(len(rows))
    ]
    lines += [[(index, name) for index in range(len(rows))] for name in counts]
    changed = True
    while changed:
        changed = False
        for line in lines:
            small = [cell for cell in line if cell in hidden]
            if len(small) == 1:
                others = [cell for cell in line if cell in cells and cell not in hidden]
                if others:
                    # On a tie the later one, as the catalogue says.
                    hidden.add(min(reversed(others), key=lambda cell: cells[cell]))
                    changed = True
    protected: list[Row] = []
    for index, row in enumerate(rows):
        lost = [name for name in counts if (index, name) in hidden]
        gone = [*lost, *measures] if lost else []
        protected.append({**row, **dict.fromkeys(gone, None)})
    return protected, True
