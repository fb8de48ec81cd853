from __future__ import annotations

import pytest

from loaders.block_settings import read_bool, read_float, read_int, read_text


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True),
        ("true", True),
        ("True", True),
        ('"true"', True),
        (1, True),
        (False, False),
        ("false", False),
        ("0", False),
        (None, None),
        ("null", None),
        ("", None),
        ("perhaps", None),
    ],
)
def test_truth_is_read_from_json_and_the_like(value, truth):
    assert read_bool(value) is truth


@pytest.mark.parametrize(
    ("value", "number"),
    [(2, 2.0), ("2.5", 2.5), ('"2"', 2.0), (0, 0.0), (None, None), ("null", None), (True, None)]
    + [(bad, None) for bad in ("", "x", "NaN", "Infinity", float("nan"), [1])],
)
def test_numbers_are_read_from_json_and_the_like(value, number):
    assert read_float(value) == number


@pytest.mark.parametrize(("value", "number"), [("3", 3), (3.0, 3), ("3.5", None), ("", None)])
def test_whole_numbers_are_whole(value, number):
    assert read_int(value) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ('"quoted \\u00e9"', "quoted é"),
        ('"half', '"half'),
        ('"bad \\x"', '"bad \\x"'),
        (12, "12"),
        ("", ""),
        ("null", None),
        (None, None),
    ],
)
def test_text_is_read_from_json_and_the_like(value, text):
    assert read_text(value) == text
