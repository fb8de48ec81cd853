"""How many people changed, told from two sketches of their values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.sketches import BUCKETS, changed, hash_rows, sketches, wipe

VALUES = st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.integers(0, 3), max_size=60)


def sketch(values: dict[int, int]) -> bytes:
    table = pa.table(
        {
            "user_id": pa.array(list(values), pa.int64()),
            "value": pa.array(list(values.values()), pa.int64()),
        }
    )
    rows = np.zeros(table.num_rows, dtype=np.int64)
    (made,) = sketches(table["user_id"], hash_rows(table, ["value"]), rows, 1)
    return made


@settings(deadline=None)
@given(VALUES, VALUES)
def test_never_more_people_than_came_went_or_changed(
    before: dict[int, int], after: dict[int, int]
) -> None:
    people = {key for key, _ in before.items() ^ after.items()}
    assert changed(sketch(before), sketch(after)) <= len(people)


@settings(deadline=None)
@given(VALUES)
def test_order_does_not_matter(values: dict[int, int]) -> None:
    assert sketch(values) == sketch(dict(sorted(values.items())))


def test_a_single_change_is_seen_and_many_nearly_all() -> None:
    values = dict.fromkeys(range(300), 1)
    assert changed(sketch(values), sketch({**values, 7: 2})) == 1
    # Of ten people two fall into one of 128 buckets three times in ten.
    found = [
        changed(sketch(values), sketch({**values, **dict.fromkeys(range(n, n + 12), 2)}))
        for n in range(0, 288, 12)
    ]
    assert sum(count >= 10 for count in found) >= 0.9 * len(found)
    assert changed(sketch({}), sketch(dict.fromkeys(range(10_000), 1))) == BUCKETS


def test_every_kind_of_column_is_told_apart_from_null() -> None:
    columns = {
        "int": [1, 0, None],
        "float": [1.5, 0.0, None],
        "text": ["a", "", None],
        "flag": [True, False, None],
        "list": [["a"], [], None],
    }
    table = pa.table(columns)
    for name in columns:
        assert len(set(hash_rows(table, [name]).tolist())) == 3
    assert len(set(hash_rows(table, list(columns)).tolist())) == 3


@settings(deadline=None)
@given(VALUES, VALUES, st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5))
def test_people_who_are_wiped_out_are_never_counted_whether_they_were_in_it_or_not(
    before: dict[int, int], after: dict[int, int], gone: list[int]
) -> None:
    people = {key for key, _ in before.items() ^ after.items()} - set(gone)
    gone = [*gone, *list(before)[:2]]
    left = {key: value for key, value in after.items() if key not in gone}
    assert changed(wipe(sketch(before), gone), sketch(left)) <= len(people - set(gone))
    assert wipe(sketch(before), gone) == wipe(wipe(sketch(before), gone), gone)
    alone = {key: value for key, value in before.items() if key in gone}
    assert wipe(sketch(alone), gone) == wipe(sketch({}), gone)
