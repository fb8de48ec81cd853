"""Bands of ages."""

from __future__ import annotations

from indicators.profiles import AGE_BANDS, age_band, ages_of


def test_bands_share_all_ages_that_can_be():
    assert [age_band(age) for age in (4, 5, 25, 26, 40, 41, 120, 121)] == [
        None, "<=25", "<=25", "26-40", "26-40", ">=41", ">=41", None,
    ]  # fmt: skip
    assert [age for band in AGE_BANDS for age in ages_of(band)] == list(range(5, 121))
