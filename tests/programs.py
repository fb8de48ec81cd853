"""Programs that tests need and a machine may lack."""

from __future__ import annotations

import os
from typing import TypeVar

import pytest

T = TypeVar("T")


def required(found: T | None, reason: str) -> T:
    """What was found; without it the test is skipped, or on CI, which must have it, fails."""
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found
