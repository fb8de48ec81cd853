"""Names of tables and columns."""

from __future__ import annotations

from aggregates.naming import part_table, quote, shorten, standing_column, wide_table


def test_short_names_stay_readable():
    assert part_table("active_days", "student", "rows") == "active_days__s__rows"
    assert standing_column("active_days", "days") == "active_days__days__pct"
    assert wide_table("Acme-Forum.Reach") == "student_values_acme_forum_reach"


def test_long_names_fit_and_stay_apart():
    one, other = shorten("x" * 80 + "a"), shorten("x" * 80 + "b")
    assert len(one) == len(other) == 63
    assert one != other
    assert one == shorten("x" * 80 + "a")


def test_a_quote_in_an_identifier_is_doubled():
    assert quote('a"b') == '"a""b"'
