"""Tables of a class by profile as those see them who may not use profiles (rule R1).

What is told divides the class into blocks of `k_min` people at least, once by each dimension and
once by each pair, so that whatever is left out lies in a block that could be made up otherwise. All
pairs have gender in common: given the genders, one table says nothing about another. The proof is
in docs/decisions/0157-tables-by-profile.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aggregates.records import ReleasedRecord
from api.access.rounding import in_fives, in_steps, share_step
from api.schema.records import Row
from indicators.profiles import age_band, ages_of

_ROWS, _UNKNOWN, _BY_GENDER = "rows", "unknown", "by_gender"
_AGE, _GENDER, _YEAR = "age", "gender", "year_of_birth"
_CLOSED = frozenset({_AGE, _GENDER, "education"})
"""Dimensions of which every value has a row; of others there may be some that nobody has."""
_NOT_KNOWN = ""
"""The value of those of whom a dimension is unknown; an empty one is, so no value is the same."""

Counts = dict[str, int]
Pair = tuple[str, str]


def protect_profiles(
    tables: Mapping[str, Sequence[ReleasedRecord]], k_min: int
) -> dict[str, list[Row]]:
    """What is left of the tables, by part: counts in fives, shares by the number of people.

    Args:
        tables: parts of `demographic_distribution`, released together.
        k_min: people below which nothing is told.
    """
    counts: dict[str, Counts] = {}
    for part in (_ROWS, _UNKNOWN):
        for one in tables.get(part, ()):
            values = counts.setdefault(one.content["dimension"], {})
            values[one.content.get("value", _NOT_KNOWN)] = one.content["learners"] or 0
    size = max((one.size for one in tables.get(_UNKNOWN, ())), default=0)
    as_of = next((one.as_of for one in tables.get(_UNKNOWN, ())), None)
    told = _told_values(counts, size, as_of, k_min)
    pairs = _told_pairs(tables.get(_BY_GENDER, ()), counts, told, size, k_min)
    rows: dict[str, list[Row]] = {_ROWS: [], _UNKNOWN: [], _BY_GENDER: []}
    for part, found in rows.items():
        for one in tables.get(part, ()):
            dimension, value = one.content["dimension"], one.content.get("value", _NOT_KNOWN)
            row: dict[str, Any] = {**one.content}
            if part == _BY_GENDER:
                is_told = (row["gender"], value) in pairs.get(dimension, ())
            else:
                is_told = value in told.get(dimension, ())
            if not is_told:
                continue
            row["learners"] = in_fives(row["learners"])
            if part == _ROWS:
                is_known = _NOT_KNOWN in told[dimension]
                known = size - counts[dimension][_NOT_KNOWN]
                row["percent"] = _percent(one.content["learners"], known) if is_known else None
            found.append(row)
    return rows


def _percent(count: int, known: int) -> float:
    return in_steps(100 * count / known, 100 * share_step(known))


def _told_values(
    counts: Mapping[str, Counts], size: int, as_of: datetime | None, k_min: int
) -> dict[str, set[str]]:
    """Values of each dimension of which the count is told; years of birth within their band."""
    told = {
        dimension: told_cells(values, size, k_min, is_closed=dimension in _CLOSED)
        for dimension, values in counts.items()
        if dimension != _YEAR
    }
    ages = told.get(_AGE, set())
    told[_YEAR] = ages & {_NOT_KNOWN}
    if as_of is not None:
        bands: dict[str, Counts] = {}
        for year, count in counts.get(_YEAR, {}).items():
            band = None if year == _NOT_KNOWN else age_band(as_of.year - int(year))
            if band in ages:
                bands.setdefault(band, {})[year] = count
        for band, years in bands.items():
            is_closed = len(years) == len(ages_of(band))
            told[_YEAR] |= told_cells(years, counts[_AGE][band], k_min, is_closed=is_closed)
    return told


def told_cells(cells: Counts, total: int, k_min: int, *, is_closed: bool) -> set[str]:
    """Cells that are told though the total is known: the rest is nobody's, or `k_min` people.

    Args:
        cells: people by value.
        total: all of them, those without a cell too.
        k_min: people below which nothing is told.
        is_closed: whether there are no other values; else the rest could always be somebody's.
    """
    told = [value for value, count in cells.items() if count >= k_min]
    if is_closed and len(told) == len(cells):
        return set(told)
    if told and total - sum(cells[value] for value in told) < k_min:
        # On a tie the later one, as the catalogue says.
        told.remove(min(reversed(told), key=cells.__getitem__))
    return set(told)


def _told_pairs(
    records: Sequence[ReleasedRecord],
    counts: Mapping[str, Counts],
    told: Mapping[str, set[str]],
    size: int,
    k_min: int,
) -> dict[str, set[Pair]]:
    """Pairs of gender and value by dimension of which the count is told."""
    cells: dict[str, dict[Pair, int]] = {}
    for one in records:
        pair = one.content["gender"], one.content["value"]
        cells.setdefault(one.content["dimension"], {})[pair] = one.content["learners"] or 0
    genders = _by_size(counts.get(_GENDER, {}), told.get(_GENDER, set()))
    found: dict[str, set[Pair]] = {}
    for dimension, pairs in cells.items():
        columns = _by_size(counts[dimension], told.get(dimension, set()))
        found[dimension] = told_pairs(pairs, genders, columns, size, k_min)
    return found


def _by_size(counts: Counts, told: set[str]) -> Counts:
    """Known values that are told with their people, the most first."""
    values = [value for value in counts if value in told and value != _NOT_KNOWN]
    return {value: counts[value] for value in sorted(values, key=lambda one: -counts[one])}


def told_pairs(
    pairs: Mapping[Pair, int], rows: Counts, columns: Counts, size: int, k_min: int
) -> set[Pair]:
    """Cells of a table that are told: they and all that is left of a line are `k_min` people.

    A row that is not among those kept is one with the rest, and so is a column. Most cells are
    told of as many of the greatest rows as fit.

    Args:
        pairs: people by row and column.
        rows: people by row, the most first; each at least `k_min`, and so is the rest.
        columns: the same of columns.
        size: all people.
        k_min: people below which nothing is told.
    """
    best: set[Pair] = set()
    for number in range(len(rows), 0, -1):
        kept = list(rows)[:number]
        blocks = {
            column: [
                *(inside := [pairs.get((row, column), 0) for row in kept]),
                total - sum(inside),
            ]
            for column, total in columns.items()
        }
        totals = [*(rows[row] for row in kept), size - sum(rows[row] for row in kept)]
        shown = [column for column, block in blocks.items() if min(block) >= k_min]
        while shown and any(
            total - sum(blocks[column][place] for column in shown) < k_min
            for place, total in enumerate(totals)
        ):
            shown.pop()  # the one of the fewest people
        found = {(row, column) for row in kept for column in shown}
        best = max(best, found, key=len)
    return best
