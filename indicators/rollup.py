"""What every numeric student field gives for free: group summaries and standing (1.11, 3.9).

NumPy on rows in the order of user ids, so that a second run gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indicators.arrow import STANDING_SCHEMA, SUMMARY_SCHEMA, arrow_type
from indicators.result import COURSE_GROUP
from indicators.shape import Field, Kind, Part, adds_up

Floats = npt.NDArray[np.float64]
HISTOGRAM_BINS = 20


def summarise(
    values: pa.Table, fields: tuple[Field, ...], members: Mapping[str, npt.NDArray[np.int64]]
) -> pa.Table:
    """Summaries of scalar numeric fields for every group.

    Args:
        values: `user_id` and the fields, in the order of user ids.
        fields: scalar numeric student fields.
        members: user ids by group id, sorted.

    Returns:
        `SUMMARY_SCHEMA`; members without a row, or with null, count in `n_null`.
    """
    rows = []
    for field in fields:
        column = _floats(values, field.name)
        for group_id, ids in members.items():
            chosen = _of_members(values, column, ids)
            rows.append(
                {"group_id": group_id, "field": field.name}
                | summary(chosen, n_members=len(ids), adds=adds_up(field))
            )
    return pa.Table.from_pylist(rows, schema=SUMMARY_SCHEMA)


def summary(values: Floats, *, n_members: int, adds: bool) -> dict[str, object]:
    """Statistics of the non-null values: sample sd, type-7 quantiles, 20 equal bins."""
    n = len(values)
    known: dict[str, object] = {"n": n, "n_null": n_members - n}
    if n == 0:
        return known
    p25, median, p75 = np.quantile(values, [0.25, 0.5, 0.75])
    return known | {
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if n > 1 else None,
        "median": float(median),
        "p25": float(p25),
        "p75": float(p75),
        "sum": float(values.sum()) if adds else None,
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "histogram": histogram(values),
    }


def histogram(values: Floats) -> list[int]:
    """Counts of 20 equal bins from least to greatest, half-open, the last closed; or of one bin."""
    low, high = values.min(), values.max()
    if low == high:
        return [len(values)]
    place = np.floor((values - low) * HISTOGRAM_BINS / (high - low)).astype(np.int64)
    counts = np.bincount(np.minimum(place, HISTOGRAM_BINS - 1), minlength=HISTOGRAM_BINS)
    return [int(count) for count in counts]


def standing(
    values: pa.Table, fields: tuple[Field, ...], members: npt.NDArray[np.int64]
) -> pa.Table:
    """Percentile rank of every member in the course: 100 * (below + 0.5 * equal) / n."""
    users: list[npt.NDArray[np.int64]] = []
    names: list[str] = []
    percentiles: list[Floats] = []
    ids = values.column("user_id").to_numpy()
    is_member = np.isin(ids, members)
    for field in fields:
        column = _floats(values, field.name)
        known = is_member & ~np.isnan(column)
        chosen = column[known]
        if not len(chosen):
            continue
        ordered = np.sort(chosen)
        below = np.searchsorted(ordered, chosen, side="left")
        through = np.searchsorted(ordered, chosen, side="right")
        percentiles.append(100.0 * (below + 0.5 * (through - below)) / len(chosen))
        users.append(ids[known])
        names.extend([field.name] * len(chosen))
    if not users:
        return STANDING_SCHEMA.empty_table()
    return pa.Table.from_arrays(
        [np.concatenate(users), names, np.concatenate(percentiles)], schema=STANDING_SCHEMA
    )


def roll_up_cells(
    rows: pa.Table,
    part: Part,
    members: Mapping[str, npt.NDArray[np.int64]],
    *,
    blocks: pa.Table,
) -> pa.Table:
    """Roll student rows up to groups cell by cell: counts and seconds add up, others are averaged.

    A cell without any value is null; a group without rows has none. Rows of a group are in the
    order of its keys, blocks in course order (`blocks`: the BLOCKS dataset), unknown ones last.
    """
    keys = [field.name for field in part.keys]
    ids = rows.column("user_id").to_numpy()
    pieces = []
    for group_id, chosen in members.items():
        own = rows.filter(pa.array(np.isin(ids, chosen)))
        grouped = own.group_by(keys, use_threads=False).aggregate(
            [(f.name, "sum" if adds_up(f) else "mean") for f in part.values]
        )
        columns = {"group_id": pa.array([group_id] * grouped.num_rows, pa.string())}
        columns |= {key: grouped.column(key) for key in keys}
        for field in part.values:
            column = grouped.column(f"{field.name}_{'sum' if adds_up(field) else 'mean'}")
            columns[field.name] = column.cast(arrow_type(field) if adds_up(field) else pa.float64())
        pieces.append(_in_order(pa.table(columns), part, blocks))
    return pa.concat_tables(pieces)


def _in_order(rows: pa.Table, part: Part, blocks: pa.Table) -> pa.Table:
    places = dict(
        zip(*(blocks.column(c).to_pylist() for c in ("block_key", "position")), strict=True)
    )
    last = len(places)
    columns = []
    for field in part.keys:
        keys = rows.column(field.name).to_pylist()
        is_block = field.kind is Kind.BLOCK
        columns.append([(places.get(key, last) if is_block else 0, key) for key in keys])
    order = sorted(range(rows.num_rows), key=lambda row: tuple(column[row] for column in columns))
    return rows.take(pa.array(order, pa.int64()))


def members_by_group(memberships: pa.Table) -> dict[str, npt.NDArray[np.int64]]:
    """User ids by group id, sorted; the group of all students is always there."""
    groups = memberships.group_by("group_id", use_threads=False).aggregate([("user_id", "list")])
    members = {COURSE_GROUP: np.empty(0, np.int64)}
    for row in groups.sort_by("group_id").to_pylist():
        members[row["group_id"]] = np.sort(np.asarray(row["user_id_list"], dtype=np.int64))
    return members


def _floats(values: pa.Table, name: str) -> Floats:
    column = values.column(name).cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _of_members(values: pa.Table, column: Floats, ids: npt.NDArray[np.int64]) -> Floats:
    chosen = column[np.isin(values.column("user_id").to_numpy(), ids)]
    return chosen[~np.isnan(chosen)]
