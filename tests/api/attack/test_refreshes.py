"""Day after day: numbers change only when at least ten people did, and give no newcomer away."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from aggregates.small_numbers import K_MIN
from tests.api.attack.asking import IS_LONG, SEEDS, attack, class_numbers, own_numbers, refresh
from tests.api.attack.classes import CHAPTERS, FIRST, KINDS, OPENED, TEAM, Attacked

DAYS = 100 if IS_LONG else 30
Facts = frozenset[Hashable]


def facts_behind(attacked: Attacked) -> Mapping[str, Facts]:
    """Beginnings of paths, and what people have that these numbers are made of."""
    here = attacked.learners
    everybody = {**here, **attacked.left}
    found = {
        "hours": {(one, each.seconds) for one, each in here.items()},
        "marks.points": {
            (one, each.points) for one, each in here.items() if each.points is not None
        },
        "marks.certified": {(one, each.certified) for one, each in here.items()},
        "heads": {(one, one in here, each.seconds) for one, each in everybody.items()},
    }
    for chapter in CHAPTERS:
        found[f"chapters.rows.{chapter}"] = {
            (one, each.chapters[chapter]) for one, each in here.items() if chapter in each.chapters
        }
    for kind in KINDS:
        found[f"outcomes.rows.{kind}."] = {(one, each.outcomes[kind]) for one, each in here.items()}
    for day in range(attacked.day + 1):
        found[f"days.rows.{OPENED + timedelta(days=day)}."] = {
            (one, bool(each.seconds)) for one, each in here.items() if each.joined <= day
        }
    return {path: frozenset(facts) for path, facts in found.items()}


def people_changed(before: Facts, after: Facts) -> int:
    """How many came, went or have something else."""
    return len({fact[0] for fact in before ^ after})  # type: ignore[index]


def of_path(path: str, facts: Mapping[str, Facts]) -> Facts | None:
    """What a number is made of; None for those of no people."""
    return next((facts[start] for start in facts if path.startswith(start)), None)


@pytest.mark.parametrize("size", [12, 60, 300])
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_numbers_change_only_when_ten_people_changed(
    postgres_url: str, size: int, seed: int
) -> None:
    attacked, chance, me = Attacked.of(size, seed), random.Random(seed), FIRST
    shown: dict[str, tuple[Any, Facts]] = {}
    changes = differences = recovered = single = 0
    async with attack(postgres_url, attacked) as (served, store):
        yesterday: dict[str, Any] = {}
        facts_yesterday: Mapping[str, Facts] = {}
        for day in range(DAYS):
            if day:
                changing = 12 if day % 7 == 0 else chance.randrange(3)
                attacked.pass_day(chance, changing=changing, me=me)
                await refresh(store, attacked)
            numbers = {**await class_numbers(served, me), **_own(await own_numbers(served, me))}
            facts = facts_behind(attacked)
            for path, value in numbers.items():
                behind = of_path(path, facts)
                if behind is None or "meta" in path:
                    continue
                if path in shown and shown[path][0] == value:
                    continue
                if path in shown:
                    changes += 1
                    differences += people_changed(shown[path][1], behind) < K_MIN
                shown[path] = value, behind
            if yesterday:
                old, new = facts_yesterday["hours"], facts["hours"]
                single += people_changed(old, new) == 1
                recovered += _recovers(yesterday, numbers, old, new)
            yesterday, facts_yesterday = numbers, facts
    print(f"size {size} seed {seed}: {DAYS} days, {changes} changes, {differences} by fewer than")
    print(f"  {K_MIN} people; {single} days on which one changed, {recovered} values recovered")
    assert (differences, recovered) == (0, 0)
    assert changes > 0 or size < 2 * K_MIN  # nothing is frozen for ever


async def test_a_number_says_of_when_it_is(postgres_url: str) -> None:
    attacked, chance = Attacked.of(60, 1), random.Random(1)
    async with attack(postgres_url, attacked) as (served, store):
        found = []
        for changing in (0, 2, 2, 50):
            if changing:
                attacked.pass_day(chance, changing=changing, me=FIRST)
                await refresh(store, attacked)
            mine, team = await class_numbers(served, FIRST), await class_numbers(served, TEAM)
            found.append((mine["hours.meta.asOf"][:10], team["hours.meta.asOf"][:10]))
    days = ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"]
    assert found == [(days[0], days[0]), (days[0], days[1]), (days[0], days[2]), (days[3], days[3])]


def _own(numbers: dict[str, Any]) -> dict[str, Any]:
    return {f"{path}.own": value for path, value in numbers.items()}


def _recovers(before: Mapping[str, Any], after: Mapping[str, Any], old: Facts, new: Facts) -> bool:
    """Whether two days' n and mean give the value of the only one who changed."""
    came, went = list(new - old), list(old - new)
    if people_changed(old, new) != 1 or not came or went:
        return False
    if None in (before["hours.n"], after["hours.n"], before["hours.mean"], after["hours.mean"]):
        return False
    guess = after["hours.n"] * after["hours.mean"] - before["hours.n"] * before["hours.mean"]
    return abs(guess - came[0][1]) < 1  # type: ignore[index]
