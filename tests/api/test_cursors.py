from __future__ import annotations

import pytest

from api.cursors import read_cursor, read_id, write_cursor, write_id
from courselens.errors import BadCursor, QueryError


def test_cursor_gives_its_place_back() -> None:
    assert read_cursor(write_cursor("name:asc", "Ünï:code"), "name:asc") == "Ünï:code"


def test_cursor_of_another_order_is_refused() -> None:
    with pytest.raises(BadCursor, match="another order"):
        read_cursor(write_cursor("name:asc", "x"), "name:desc")


@pytest.mark.parametrize("text", ["", "x", "W10", "WzEsMl0", "é", "bnVsbA", "W251bGwsbnVsbF0="])
def test_foreign_text_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(text, "name:asc")
    with pytest.raises(QueryError):
        read_id(text)


def test_id_gives_kind_and_key_back() -> None:
    assert read_id(write_id("Student", "course-v1:A+B+C", -7)) == (
        "Student", "course-v1:A+B+C", "-7",
    )  # fmt: skip
