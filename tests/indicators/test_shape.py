"""Result types read into columns."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Annotated

import pytest

from indicators.shape import Value, adds_up, read_shape


@pytest.mark.parametrize(
    ("name", "hint", "adds"),
    [
        ("seconds", float, True),
        ("active_seconds", float | None, True),
        ("learners", int, True),
        ("days", Annotated[float, Value("Days.", unit="days")], True),
        ("mean_seconds", float, False),
        ("completed_percent", int, False),
        ("ratio", float, False),
        ("rank", int, False),
        ("hours", Annotated[int, Value("Hours late.", unit="hours")], False),
        ("weight", float, False),
        ("letter_grade", str, False),
        ("weeks", list[int], False),
    ],
)
def test_seconds_and_counts_add_up_and_nothing_else(name: str, hint: object, adds: bool):
    (field,) = read_shape(make_dataclass("Result", [(name, hint)])).values
    assert adds_up(field) is adds
