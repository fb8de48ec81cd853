"""The built-in indicators keep the contract that plugins keep."""

from __future__ import annotations

from functools import cache

import pytest

from courselens.domain import BUILT_IN
from courselens.testing import check_indicator
from indicators.registry import Registry, load_registry


@cache
def registry() -> Registry:
    return load_registry()


KEYS = sorted(key for key, one in registry().indicators.items() if one.provider == BUILT_IN)


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_the_contract_holds(key: str, postgres_server: str):
    checked = check_indicator(key, registry=registry(), database_url=postgres_server)
    assert {"values", "empty_course", "missing_sources", "order_of_rows", "graphql"} <= {
        *checked.held
    }
