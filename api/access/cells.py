"""Rows of a group's table as students see them (rules R2, R4 and R5 of docs/privacy.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aggregates.records import ReleasedRecord
from aggregates.small_numbers import counts_people
from api.access.rounding import coarse, in_fives, in_steps, share_step, step_of
from api.access.suppression import nearest
from api.schema.records import Row
from indicators.shape import Field, Kind, Part

_SHARES = frozenset({"share", "rate", "ratio", "percent"})
Cell = tuple[int, str]


def protect_rows(part: Part, released: Sequence[ReleasedRecord], k_min: int) -> list[Row]:
    """Rows without what would tell about fewer than `k_min` people; rows without the rest are gone.

    A count below `k_min`, nobody included, is null, and takes the next smallest of its row and of
    its column with it where it would be the only one. One that lacks fewer than `k_min` of the
    class is the class. Along days a number stays what it was until `k_min` people changed.
    """
    counts = [field.name for field in part.values if counts_people(field)]
    rows = [dict(one.content) for one in released]
    _hold_along_days(part, rows, counts, k_min)
    hidden = _hidden(part, rows, counts, k_min)
    protected: list[Row] = []
    for index, (row, one) in enumerate(zip(rows, released, strict=True)):
        seen = [name for name in counts if (index, name) not in hidden]
        people = one.people
        if people is None:
            people = max((int(row[name]) for name in seen), default=0)
        left: dict[str, Any] = {field.name: row[field.name] for field in part.keys}
        for field in part.values:
            value = row[field.name]
            if people < k_min or value is None:
                left[field.name] = None
            elif field.name in counts:
                left[field.name] = _count(value, one, k_min) if field.name in seen else None
            elif _share_of_people(field, counts):
                left[field.name] = _share(field, value, people, k_min)
            elif one.people is None and len(seen) < len(counts):
                left[field.name] = None  # it may be about the few
            else:
                left[field.name] = _measure(field, value, people)
        if any(left[field.name] is not None for field in part.values):
            protected.append(left)
    return protected


def _count(value: int, one: ReleasedRecord, k_min: int) -> int:
    return in_fives(nearest(value, (one.size, one.ever), k_min))


def _share_of_people(field: Field, counts: Sequence[str]) -> bool:
    """Whether a share is likely one of people: beside counts. Else it is of time, or a mean."""
    return bool(counts) and field.kind is Kind.FLOAT and _unit(field) in _SHARES


def _share(field: Field, value: float, people: int, k_min: int) -> float | None:
    """A share of people, null where it or the rest is too few of them."""
    whole = _whole(field)
    share = value / whole
    if min(share, 1 - share) * people < k_min:
        return None
    return in_steps(value, whole * share_step(people))


def _measure(field: Field, value: Any, people: int) -> Any:
    if not field.is_numeric:
        return value
    if _unit(field) in _SHARES:
        return in_steps(value, _whole(field) * step_of(people))
    rounded = coarse(value, people)
    return round(rounded) if field.kind is Kind.INT else rounded


def _unit(field: Field) -> str:
    """Of the declaration, else the last word of its name (catalogue 2.2)."""
    return field.unit or field.name.rpartition("_")[2]


def _whole(field: Field) -> float:
    return 100.0 if _unit(field) == "percent" else 1.0


def _hold_along_days(
    part: Part, rows: Sequence[dict[str, Any]], counts: Sequence[str], k_min: int
) -> None:
    """Let numbers of people stay what they were until enough people changed, day after day."""
    days = [field.name for field in part.keys if field.kind is Kind.DAY]
    if not days:
        return
    others = [field.name for field in part.keys if field.name not in days]
    shares = [field for field in part.values if _share_of_people(field, counts)]
    last: dict[tuple[Any, ...], Any] = {}
    for row in sorted(rows, key=lambda row: [row[day] for day in days]):
        people = max((int(row[name] or 0) for name in counts), default=0)
        scales = [(name, 1.0) for name in counts]
        scales += [(field.name, people / _whole(field)) for field in shares]
        for name, scale in scales:
            series = (name, *(row[other] for other in others))
            value, before = row[name], last.get(series)
            if value is None or value * scale < k_min:
                continue
            if before is not None and abs(value - before) * scale < k_min:
                row[name] = before
            last[series] = row[name]


def _hidden(part: Part, rows: Sequence[Row], counts: Sequence[str], k_min: int) -> set[Cell]:
    """Cells of too few people, and those that would give one away by a total."""
    cells = {
        (index, name): int(row[name])
        for index, row in enumerate(rows)
        for name in counts
        if row[name] is not None
    }
    hidden = {cell for cell, count in cells.items() if count < k_min}
    lines: list[list[Cell]] = [[(index, name) for name in counts] for index in range(len(rows))]
    for group in _groups(part, rows):
        lines += [[(index, name) for index in group] for name in counts]
    changed = bool(hidden)
    while changed:
        changed = False
        for line in lines:
            if len([cell for cell in line if cell in hidden]) == 1:
                others = [cell for cell in line if cell in cells and cell not in hidden]
                if others:
                    # On a tie the later one, as the catalogue says.
                    hidden.add(min(reversed(others), key=lambda cell: cells[cell]))
                    changed = True
    return hidden


def _groups(part: Part, rows: Sequence[Row]) -> list[list[int]]:
    """Rows that differ in one key alone: a total over it may be known, as of a day's tracks."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for key in part.keys:
        others = [field.name for field in part.keys if field is not key]
        for index, row in enumerate(rows):
            found.setdefault((key.name, *(row[other] for other in others)), []).append(index)
    return list(found.values())
