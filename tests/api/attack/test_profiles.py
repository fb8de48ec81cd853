"""Tables by profile: nothing that is left out can be worked out, on one day or many (rule R1)."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from aggregates.releases import K_MIN
from api.access.policy import ProfileFilters
from tests.api.attack.asking import IS_LONG, SEEDS
from tests.api.attack.classes import FIRST, KEY, TEAM
from tests.api.attack.profiles import (
    UNKNOWN,
    Cell,
    Profile,
    all_cells,
    count,
    leaks,
    make_class,
    make_profile,
    profile_registry,
    results_of,
    told_cells_of,
)
from tests.data.served_courses import Served, serve

SIZES = [12, 60, 300, 2_000]
DAYS = 27 if IS_LONG else 9

_TABLES = """demographicDistribution {
  rows { dimension value learners percent } unknown { dimension learners }
  byGender { dimension value gender learners } meta { asOf suppressed } }"""
_CLASS = f"query($c: ID!) {{ course(key: $c) {{ indicators {{ {_TABLES} }} }} }}"
_COHORTS = f"query($c: ID!) {{ course(key: $c) {{ cohorts {{ indicators {{ {_TABLES} }} }} }} }}"


@asynccontextmanager
async def attack(
    postgres_url: str,
    profiles: Mapping[int, Profile],
    rule: ProfileFilters = ProfileFilters.DATA_RESEARCHER,
) -> AsyncIterator[Served]:
    """The class behind the API, where the team is told no profiles."""
    async with serve(postgres_url, [], registry=profile_registry(), profile_filters=rule) as served:
        await served.database.execute(
            "TRUNCATE courses, runs, released, course_roles", deadline_seconds=60
        )
        await refresh(served, profiles)
        yield served


async def refresh(served: Served, profiles: Mapping[int, Profile], *, day: int = 1) -> None:
    """Store the class as it is on a day."""
    results = results_of(profiles, day=day)
    await served.store.write(results, input_digest=str(day), cursors={})


async def tables(served: Served, viewer: int) -> Any:
    """What a viewer is told of the class."""
    answer = await served.ask(_CLASS, user_id=viewer, c=KEY)
    assert "errors" not in answer, answer
    return answer["data"]["course"]["indicators"]["demographicDistribution"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(max(SEEDS, 2)))
async def test_nothing_that_is_left_out_is_determined(
    postgres_url: str, size: int, seed: int
) -> None:
    profiles = make_class(size, seed)
    async with attack(postgres_url, profiles) as served:
        answer = await tables(served, FIRST)
        assert await tables(served, TEAM) == answer
    told, everybody = told_cells_of(answer), profiles.values()
    for cell, learners in told.items():
        assert learners >= K_MIN
        assert learners % 5 == 0
        assert abs(learners - count(everybody, cell)) <= 2
    found = leaks(everybody, told)
    print(f"size {size} seed {seed}: {len(told)} cells told, {len(found)} leaks")
    assert found == []
    assert told or size < 60


@pytest.mark.parametrize("size", [60, 300, 2_000])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_elimination_sees_what_size_limits_alone_give_away(size: int, seed: int) -> None:
    profiles = make_class(size, seed).values()
    told = [cell for cell in all_cells(profiles) if count(profiles, cell) >= K_MIN]
    assert leaks(profiles, told)


@pytest.mark.parametrize("seed", range(max(SEEDS, 2)))
async def test_elimination_sees_what_unprotected_pairs_give_away(
    postgres_url: str, seed: int
) -> None:
    profiles = make_class(300, seed)
    async with attack(postgres_url, profiles) as served:
        told = set(told_cells_of(await tables(served, FIRST)))
    everybody = profiles.values()
    more = {
        cell for cell in all_cells(everybody) if cell.gender and count(everybody, cell) >= K_MIN
    }
    assert leaks(everybody, told | more)


@pytest.mark.parametrize("size", [60, 300])
async def test_nobody_and_a_few_look_the_same(postgres_url: str, size: int) -> None:
    base = make_class(size, 0)
    blank = [one for one, each in base.items() if each.gender in (UNKNOWN, "o")]
    for user_id in [*blank, *sorted(base.keys() - blank)][:12]:
        base[user_id] = replace(base[user_id], gender=UNKNOWN)
    for user_id, each in base.items():
        if each.gender == "o":
            base[user_id] = replace(each, gender="f")
    told = []
    for few in (0, 1, 5, K_MIN - 1):
        profiles = dict(base)
        for user_id in sorted(one for one, each in base.items() if not each.gender)[:few]:
            profiles[user_id] = replace(base[user_id], gender="o")
        async with attack(postgres_url, profiles) as served:
            told.append(await tables(served, FIRST))
    assert [one["rows"] for one in told] == [told[0]["rows"]] * 4
    assert [one["byGender"] for one in told] == [told[0]["byGender"]] * 4
    assert [one["unknown"] for one in told] == [told[0]["unknown"]] * 4


async def test_shares_are_told_only_with_what_they_are_shares_of(postgres_url: str) -> None:
    profiles = make_class(300, 0)
    async with attack(postgres_url, profiles) as served:
        answer = await tables(served, FIRST)
    unknown = {one["dimension"] for one in answer["unknown"]}
    assert {row["dimension"] for row in answer["rows"] if row["percent"] is not None} == unknown
    for row in answer["rows"]:
        name = row["dimension"].lower()
        if row["percent"] is not None:
            known = 300 - count(profiles.values(), Cell(name, UNKNOWN))
            exact = 100 * count(profiles.values(), Cell(name, row["value"])) / known
            assert row["percent"] == pytest.approx(exact, abs=500 / known)


@pytest.mark.parametrize("rule", ProfileFilters)
async def test_who_uses_profiles_is_told_exactly(postgres_url: str, rule: ProfileFilters) -> None:
    profiles = make_class(60, 1)
    everybody = profiles.values()
    async with attack(postgres_url, profiles, rule) as served:
        team = await tables(served, TEAM)
        cohorts = await served.ask(_COHORTS, user_id=TEAM, c=KEY)
    told = told_cells_of(team)
    if rule is ProfileFilters.TEAM:
        assert told == {cell: count(everybody, cell) for cell in told}
        assert {cell for cell in all_cells(everybody) if count(everybody, cell)} <= told.keys()
        assert "errors" not in cohorts
    else:
        assert team["meta"]["suppressed"]
        assert cohorts["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_files_tell_the_same(postgres_url: str) -> None:
    async with attack(postgres_url, make_class(300, 0)) as served:
        told = await tables(served, TEAM)
        for part, name in (("rows", "rows"), ("unknown", "unknown"), ("by_gender", "byGender")):
            file = f"/exports/{KEY}/demographic_distribution.jsonl?part={part}&level="
            for viewer in (TEAM, FIRST):
                headers = served.headers(viewer)
                answer = await served.client.get(f"{file}course", headers=headers)
                lines = [orjson.loads(line) for line in answer.content.splitlines()]
                assert [{**line, "dimension": line["dimension"].upper()} for line in lines] == [
                    {"course_key": KEY, **row} for row in told[name]
                ]
                answer = await served.client.get(f"{file}group", headers=headers)
                assert answer.status_code == 403


@pytest.mark.parametrize("size", [60, 300])
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_tables_change_only_when_ten_people_changed(
    postgres_url: str, size: int, seed: int
) -> None:
    chance, profiles = random.Random(seed), make_class(size, seed)
    changes = 0
    async with attack(postgres_url, profiles) as served:
        before, shown = set(profiles.items()), await tables(served, FIRST)
        for day in range(2, 2 + DAYS):
            others = sorted(profiles.keys() - {FIRST})
            for user_id in chance.sample(others, 12 if day % 5 == 0 else chance.randrange(4)):
                profiles[user_id] = make_profile(chance)
            del profiles[chance.choice(others)]
            profiles[max(profiles) + 1] = make_profile(chance)
            await refresh(served, profiles, day=day)
            told = await tables(served, FIRST)
            now = set(profiles.items())
            if told != shown:
                changes += 1
                assert len({user_id for user_id, _ in before ^ now}) >= K_MIN
                assert told["meta"]["asOf"] > shown["meta"]["asOf"]
                before, shown = now, told
    print(f"size {size} seed {seed}: {DAYS} days, {changes} changes")
    assert 0 < changes < DAYS
