import numpy as np

from courselens.simulator.events import number_in_groups, spread


def test_spread_repeats_rows_and_numbers_them():
    row, nth = spread(np.array([2, 0, 3]))
    assert row.tolist() == [0, 0, 2, 2, 2]
    assert nth.tolist() == [0, 1, 0, 1, 2]


def test_numbers_start_again_where_any_key_changes():
    first = np.array([1, 1, 1, 2, 2])
    second = np.array([5, 5, 6, 6, 6])
    assert number_in_groups(first, second).tolist() == [0, 1, 0, 0, 1]


def test_nothing_has_no_numbers():
    assert number_in_groups(np.zeros(0, int)).tolist() == []
