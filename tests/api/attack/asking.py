"""What a student can ask for, as numbers by name."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from aggregates.layout import Layout
from aggregates.store import Store
from api.documents.limits import Limits
from tests.api.attack.classes import KEY, Attacked, attacked_registry
from tests.data.served_courses import Served, serve

SEEDS = int(os.environ.get("COURSELENS_TEST_ATTACK_SEEDS", "1"))
"""Seeds of every attack; from two on attacks are as long as the rules say."""
IS_LONG = SEEDS > 1

_SUMMARY = "n nNull mean sd median p25 p75 sum minimum maximum histogram { lower upper count }"
_CLASS = f"""query($c: ID!) {{ course(key: $c) {{ indicators {{
  hours {{ {_SUMMARY} activeLearners meanSeconds meta {{ asOf n nNull suppressed }} }}
  marks {{ points {{ {_SUMMARY} }} certified {{ {_SUMMARY} }} meta {{ n nNull suppressed }} }}
  chapters {{ rows {{ chapter {{ key }} seconds }} meta {{ suppressed }} }}
  outcomes {{ rows {{ kind honours passed failed notDone }} meta {{ suppressed }} }}
  days {{ rows {{ day enrolled joined activePercent }} meta {{ suppressed }} }}
  heads {{ learners everEnrolled active meta {{ suppressed }} }}
}} }} }}"""
_STANDING = "standing { percentile n classMean classMedian classP25 classP75 }"
_OWN = f"""query($c: ID!) {{ viewer {{ student(course: $c) {{ indicators {{
  hours {{ {_STANDING} }}
}} }} }} }}"""


@asynccontextmanager
async def attack(postgres_url: str, attacked: Attacked) -> AsyncIterator[tuple[Served, Store]]:
    """The class behind the API, and the store to refresh it."""
    limits = Limits(tokens=10_000, fields=20_000, depth=20, aliases=1_000, cost=1_000_000)
    registry = attacked_registry()
    async with serve(postgres_url, [], registry=registry, limits=limits) as served:
        # Before every class the one before is forgotten: seeds are told apart.
        await served.database.execute(
            "TRUNCATE courses, runs, released, course_roles", deadline_seconds=60
        )
        store = Store(served.database, Layout(registry), write_deadline_seconds=60)
        await refresh(store, attacked)
        yield served, store


async def refresh(store: Store, attacked: Attacked) -> None:
    """Store the class as it is on its day."""
    await store.write(attacked.results(), input_digest=str(attacked.day), cursors={})


async def class_numbers(served: Served, viewer: int) -> dict[str, Any]:
    """Everything that the class is told, by path."""
    answer = await served.ask(_CLASS, user_id=viewer, c=KEY)
    assert "errors" not in answer
    return dict(_flat(answer["data"]["course"]["indicators"], ""))


async def own_numbers(served: Served, viewer: int) -> dict[str, Any]:
    """What a student is told about their place, by path."""
    answer = await served.ask(_OWN, user_id=viewer, c=KEY)
    assert "errors" not in answer
    return dict(_flat(answer["data"]["viewer"]["student"]["indicators"], ""))


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            name = index
            for key in ("chapter", "kind", "day"):
                if key in item:
                    item = dict(item)
                    name = item.pop(key)
            yield from _flat(item, f"{path}.{name['key'] if isinstance(name, dict) else name}")
    else:
        yield path, value
