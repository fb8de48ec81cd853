"""Values of profiles that are counted together (catalogue 3.10)."""

from __future__ import annotations

from collections.abc import Mapping

MINIMUM_AGE = 5
MAXIMUM_AGE = 120
"""Other ages, and the years of birth behind them, are unknown."""

AGE_BANDS: Mapping[str, int] = {"<=25": 25, "26-40": 40, ">=41": MAXIMUM_AGE}
"""Name of each band and its greatest age."""


def ages_of(band: str) -> range:
    """The ages of a band."""
    less = [greatest for greatest in AGE_BANDS.values() if greatest < AGE_BANDS[band]]
    return range(max((one + 1 for one in less), default=MINIMUM_AGE), AGE_BANDS[band] + 1)


def age_band(age: int) -> str | None:
    """The band of an age in years; None: unknown."""
    return next((band for band in AGE_BANDS if age in ages_of(band)), None)
