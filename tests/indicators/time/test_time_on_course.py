"""Time on course, with the numbers of the catalogue's worked example."""

from __future__ import annotations

import pytest

from courselens.testing import run_indicator, worked_example


@pytest.mark.parametrize(
    ("parameters", "seconds"),
    [
        ({}, 1860.0),
        ({"gap_policy": "cap"}, 3660.0),
        ({"gap_policy": "cap", "inactivity_s": 600}, 2460.0),
    ],
)
def test_total_of_the_worked_example(parameters, seconds):
    result = run_indicator("time_on_course", worked_example(), as_of="2024-03-05", **parameters)
    assert result.student["values"].to_pylist() == [{"user_id": 1, "seconds": seconds}]
