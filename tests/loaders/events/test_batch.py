"""What is found among the rows of a batch: doubles, order, and who needs whose location."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from loaders.events.batch import Batch

_COLUMNS = (
    "slot", "course_no", "user_id", "ts_us", "event_id", "fingerprint", "is_activity", "own_no"
)  # fmt: skip


def batch_of(*rows):
    """A batch of rows in any order; each: slot, learner, instant, event, and what is not usual."""
    usual = {"course_no": 0, "fingerprint": 7, "is_activity": True, "own_no": 1}
    given = [
        usual
        | dict(zip(("slot", "user_id", "ts_us", "event_id"), row, strict=False))
        | (row[4] if len(row) > 4 else {})
        for row in rows
    ]
    kinds = {"fingerprint": pa.uint64()}
    return Batch(
        pa.table(
            {name: pa.array([row[name] for row in given], kinds.get(name)) for name in _COLUMNS}
        )
    )


def ordered(batch):
    return [(slot, positions.tolist()) for slot, positions in batch.slots()]


def test_rows_come_by_slot_learner_instant_and_event():
    batch = batch_of((1, 5, 90, 1), (0, 5, 30, 9), (0, 5, 20, 8), (0, 4, 70, 3), (0, 5, 20, 2))
    changed = batch_of((3, 9, 10, 4, {"fingerprint": 1}), (3, 9, 10, 2, {"fingerprint": 2}))
    assert ordered(batch) == [(0, [3, 4, 1]), (1, [0])]
    assert ordered(changed) == [(3, [1, 0])]


def test_of_the_same_event_the_smallest_number_stays():
    batch = batch_of((0, 5, 20, 8), (0, 5, 20, 2), (0, 5, 20, 5))
    assert (ordered(batch), batch.duplicates) == ([(0, [1])], 2)


def test_another_event_between_two_doubles_does_not_hide_them():
    batch = batch_of((0, 5, 20, 1), (0, 5, 20, 2, {"fingerprint": 3}), (0, 5, 20, 3))
    assert (ordered(batch), batch.duplicates) == ([(0, [0, 1])], 1)


def test_learner_instant_course_and_fingerprint_must_all_be_the_same():
    batch = batch_of(
        (0, 5, 20, 1),
        (0, 6, 20, 2),
        (0, 5, 21, 3),
        (1, 5, 20, 4, {"course_no": 1}),
        (0, 5, 20, 5, {"fingerprint": 2**64 - 1}),
    )
    assert batch.duplicates == 0


def test_what_is_left_out_later_is_counted_once():
    batch = batch_of((0, 5, 20, 1), (0, 5, 20, 2), (0, 5, 30, 3))
    batch.leave_out(np.array([1, 2]))
    assert (ordered(batch), batch.duplicates) == ([(0, [0])], 2)


def test_seekers_are_activity_without_location_and_what_was_just_before():
    nowhere, passive = {"own_no": -1}, {"own_no": -1, "is_activity": False}
    batch = batch_of(
        (0, 5, 10, 1),
        (0, 5, 20, 2),
        (0, 5, 30, 3, passive),
        (1, 5, 40, 4, nowhere),
        (1, 5, 50, 5, nowhere),
        (1, 5, 60, 6),
    )
    assert batch.seekers().tolist() == [1, 3, 4]


def test_doubles_are_no_seekers():
    nowhere = {"own_no": -1}
    batch = batch_of((0, 5, 10, 1), (0, 5, 20, 2, nowhere), (0, 5, 20, 3, nowhere))
    assert batch.seekers().tolist() == [0, 1]


def test_a_batch_without_rows_has_no_slot():
    batch = Batch(batch_of((0, 5, 10, 1)).rows.slice(0, 0))
    assert (ordered(batch), batch.seekers().tolist(), batch.duplicates) == ([], [], 0)
