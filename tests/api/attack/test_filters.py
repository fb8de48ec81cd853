"""Rule R1: neighbouring filters and systems of equations get nowhere at any door.

Each attack is first shown to work for whoever may see named students: it is no attack without.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from api.schema.assembled import assemble
from tests.api.attack.asking import IS_LONG, SEEDS, attack, class_numbers
from tests.api.attack.classes import FIRST, KEY, TEAM, Attacked, Learner, attacked_registry
from tests.data.served_courses import Served

PAIRS = 20_000 if IS_LONG else 60
SIZES = [12, 60, 300, 2_000]

_GROUP = """query($c: ID!, $f: StudentFilter!) { course(key: $c) {
  group(filter: $f) { size indicators { hours { n mean } } } } }"""
_COMPARE = """query($c: ID!, $g: [GroupInput!]!) { course(key: $c) {
  compare(groups: $g) { size indicators { hours { n mean } } } } }"""
_ROSTER = """query($c: ID!, $f: StudentFilter, $o: StudentOrder, $a: String) { course(key: $c) {
  students(first: 5, filter: $f, orderBy: $o, after: $a) {
    totalCount pageInfo { hasNextPage endCursor } nodes { userId } } } }"""

Filter = dict[str, Any]


def make_filter(chance: random.Random) -> Filter:
    """A filter over what profiles say."""
    made: Filter = {}
    if chance.random() < 0.7:
        made["gender"] = chance.sample(["f", "m", "unknown"], chance.randrange(1, 3))
    if chance.random() < 0.7:
        made["country"] = chance.sample(["AT", "CL", "KE", "NP", "US"], chance.randrange(1, 5))
    if chance.random() < 0.5:
        made["mode"] = ["audit"]
    made["yearOfBirth"] = {"gte": chance.randrange(1955, 1980), "lte": chance.randrange(1981, 2008)}
    return made


def neighbour(chance: random.Random, first: Filter) -> Filter:
    """Nearly the same: one year of birth more."""
    years = first["yearOfBirth"]
    return {**first, "yearOfBirth": {**years, "lte": years["lte"] + 1}}


def matches(learner: Learner, made: Filter) -> bool:
    """Whether a filter means a student."""
    person, years = learner.person, made["yearOfBirth"]
    return (
        ("gender" not in made or (person.gender or "unknown") in made["gender"])
        and ("country" not in made or person.country in made["country"])
        and ("mode" not in made or person.mode in made["mode"])
        and years["gte"] <= (person.year_of_birth or 0) <= years["lte"]
    )


async def group_of(served: Served, viewer: int, made: Filter) -> Mapping[str, Any] | None:
    """The group's answer; None: refused, which always looks the same."""
    answer = await served.ask(_GROUP, user_id=viewer, c=KEY, f=made)
    if "errors" not in answer:
        found: Mapping[str, Any] = answer["data"]["course"]["group"]
        return found
    (error,) = answer["errors"]
    assert answer["data"] == {"course": {"group": None}}
    assert error["message"] == "you may not see groups of students"
    return None


async def pair_of(
    served: Served, viewer: int, pair: Sequence[Filter], *, together: bool
) -> list[Mapping[str, Any] | None]:
    """Both groups' answers, by two questions or side by side."""
    if not together:
        return [await group_of(served, viewer, made) for made in pair]
    groups = [{"label": str(number), "filter": made} for number, made in enumerate(pair)]
    answer = await served.ask(_COMPARE, user_id=viewer, c=KEY, g=groups)
    if "errors" not in answer:
        found: list[Mapping[str, Any] | None] = answer["data"]["course"]["compare"]
        return found
    (error,) = answer["errors"]
    assert answer["data"] == {"course": {"compare": None}}
    assert error["message"] == "you may not see groups of students"
    return [None, None]


def test_filters_and_orders_are_arguments_of_three_fields_only() -> None:
    schema = assemble(attacked_registry()).schema
    found = {
        (type_.name, name)
        for type_ in schema.type_map.values()
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
        for name, field in type_.fields.items()
        if any(isinstance(get_named_type(arg.type), GraphQLInputObjectType)
               for arg in field.args.values())
    }  # fmt: skip
    assert found == {("Course", "group"), ("Course", "compare"), ("Course", "students")}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_neighbouring_filters_recover_nothing(
    postgres_url: str, size: int, seed: int
) -> None:
    attacked, chance = Attacked.of(size, seed), random.Random(seed)
    recovered = {TEAM: 0, FIRST: 0}
    asked = {TEAM: min(PAIRS, 60), FIRST: PAIRS}
    async with attack(postgres_url, attacked) as (served, _):
        for viewer, pairs in asked.items():
            for number in range(pairs):
                small = make_filter(chance)
                pair = (small, neighbour(chance, small))
                told = await pair_of(served, viewer, pair, together=bool(number % 2))
                if None in told:
                    assert told == [None, None]
                    continue
                less, more = (one["indicators"]["hours"]["n"] for one in told if one is not None)
                # Both have n and mean: the one who makes the difference has no secret left.
                recovered[viewer] += more - less == 1
    print(f"size {size} seed {seed}: {recovered[FIRST]} of {PAIRS} pairs recover a value")
    assert recovered[FIRST] == 0
    assert recovered[TEAM] > 0 or size == 12  # those who may are told all


@pytest.mark.parametrize("size", [12, 60, 300] if IS_LONG else [12, 60])
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_no_system_of_equations_determines_a_student(
    postgres_url: str, size: int, seed: int
) -> None:
    attacked, chance = Attacked.of(size, seed), random.Random(seed)
    learners = list(attacked.learners.values())
    determined = {}
    async with attack(postgres_url, attacked) as (served, _):
        for viewer in (TEAM, FIRST):
            numbers = await class_numbers(served, viewer)
            rows, sums = [], []
            if numbers["hours.mean"] is not None:
                rows.append([1.0] * size)
                sums.append(numbers["hours.mean"] * size)
            for _number in range(8 * size):
                made = make_filter(chance)
                told = await group_of(served, viewer, made)
                if told is not None and told["indicators"]["hours"]["n"]:
                    hours = told["indicators"]["hours"]
                    rows.append([float(matches(learner, made)) for learner in learners])
                    sums.append(hours["n"] * hours["mean"])
            determined[viewer] = count_determined(
                rows, sums, [learner.seconds for learner in learners]
            )
    print(f"size {size} seed {seed}: team {determined[TEAM]}, student {determined[FIRST]}")
    assert determined[FIRST] == 0
    assert determined[TEAM] > 0


def count_determined(rows: list[list[float]], sums: list[float], values: list[float]) -> int:
    """Students whose value the equations leave no choice about."""
    if not rows:
        return 0
    matrix = np.array(rows)
    solved, *_ = np.linalg.lstsq(matrix, np.array(sums), rcond=None)
    _, strengths, right = np.linalg.svd(matrix)
    rank = int((strengths > 1e-9 * strengths[0]).sum())
    is_free = (np.abs(right[rank:]) > 1e-6).any(axis=0)
    return int((~is_free & (np.abs(solved - values) < 1)).sum())


async def test_refusals_look_the_same_whoever_matches(postgres_url: str) -> None:
    attacked = Attacked.of(60, 1)
    filters: list[Filter | None] = [
        None,
        {"country": ["AT"]},
        {"country": ["nowhere"]},
        {"values": {"hours": {"gte": 1e12}}},
        {"values": {"marksPoints": {"gte": 0}}},
    ]
    orders = [None, {"indicator": "HOURS"}, {"profile": "YEAR_OF_BIRTH", "direction": "DESC"}]
    async with attack(postgres_url, attacked) as (served, _):
        seen = set()
        for made in filters:
            for order in orders:
                for after in (None, "no cursor", "eyJ"):
                    answer = await served.ask(
                        _ROSTER, user_id=FIRST, c=KEY, f=made, o=order, a=after
                    )
                    for error in answer["errors"]:
                        del error["extensions"]["requestId"]
                    answer.pop("extensions", None)
                    seen.add(str(answer))
        (only,) = seen
        assert "FORBIDDEN" in only
        team = await served.ask(_ROSTER, user_id=TEAM, c=KEY, f=None, o=None, a=None)
        assert team["data"]["course"]["students"]["totalCount"] == 60
