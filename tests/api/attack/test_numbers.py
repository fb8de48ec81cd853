"""One day's numbers against each other: totals, flags, guesses, and what is left to the team."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import pytest

from aggregates.small_numbers import K_MIN
from tests.api.attack.asking import IS_LONG, SEEDS, attack, class_numbers
from tests.api.attack.classes import FIRST, KEY, TEAM, Attacked
from tests.data.served_courses import Served

SIZES = [12, 60, 300, 2_000]


def with_few(size: int, few: int, seed: int = 1) -> Attacked:
    """A class of which `few` are all that is small: not done, without points, and gone."""
    attacked = Attacked.of(size, seed)
    for number, (user_id, old) in enumerate(list(attacked.learners.items())):
        is_one = number < few
        attacked.learners[user_id] = replace(
            old,
            points=None if is_one else float(number % 97),
            certified=int(is_one),
            outcomes={"Homework": "not_done" if is_one else "passed", "Exam": "honours"},
        )
    return attacked


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_no_number_of_people_is_below_ten_or_exact(
    postgres_url: str, size: int, seed: int
) -> None:
    attacked = Attacked.of(size, seed)
    async with attack(postgres_url, attacked) as (served, _):
        numbers = await class_numbers(served, FIRST)
        truth = await class_numbers(served, TEAM)
    for path, value in numbers.items():
        name = path.rpartition(".")[2]
        if name in ("n", "nNull", "count", "learners", "everEnrolled", "active", "activeLearners",
                    "enrolled", "joined", "honours", "passed", "failed", "notDone"):  # fmt: skip
            assert value is None or (value >= K_MIN and value % 5 == 0), path
        assert name not in ("minimum", "maximum") or value is None
    total = sum(learner.seconds for learner in attacked.learners.values())
    n, mean = numbers["hours.n"], numbers["hours.mean"]
    exact = sum(
        guess is not None and abs(guess - total) < 1
        for guess in (numbers["hours.sum"], mean and mean * n, mean and mean * size)
    )
    assert truth["hours.sum"] == total
    assert size < 60 or numbers["hours.activeLearners"] is not None
    print(f"size {size} seed {seed}: {exact} exact recoveries")
    assert exact == 0


@pytest.mark.parametrize("size", [60, 300])
async def test_nobody_and_a_few_look_the_same(postgres_url: str, size: int) -> None:
    told = []
    for few in (0, 1, 5, K_MIN - 1):
        async with attack(postgres_url, with_few(size, few)) as (served, _):
            numbers = await class_numbers(served, FIRST)
        told.append({
            path: value
            for path, value in numbers.items()
            if path.endswith((".n", ".nNull", "suppressed", "notDone", "passed", "honours"))
            or path.startswith(("heads", "marks.certified"))
        })  # fmt: skip
    assert all(one == told[0] for one in told)
    assert told[0]["marks.points.n"] == size
    assert told[0]["marks.points.nNull"] is None
    assert told[0]["marks.certified.mean"] is None  # all, or all but a few, have none


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("gone", [0, 1, 9])
async def test_no_total_differs_from_the_class_by_a_few(
    postgres_url: str, seed: int, gone: int
) -> None:
    attacked = Attacked.of(60, seed)
    for user_id in sorted(attacked.learners)[-gone:] if gone else ():
        attacked.left[user_id] = attacked.learners.pop(user_id)
    async with attack(postgres_url, attacked) as (served, _):
        numbers = await class_numbers(served, FIRST)
        for name in ("cohorts", 'cohort(name: "Blue")'):
            query = f"query($c: ID!) {{ course(key: $c) {{ {name} {{ size }} }} }}"
            answer = await served.ask(query, user_id=FIRST, c=KEY)
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    heads = {numbers[f"heads.{name}"] for name in ("learners", "everEnrolled", "active")}
    assert len(heads - {None}) == 1
    whole = {value for path, value in numbers.items() if path.endswith("enrolled")}
    assert len(whole - {None}) == 1


@pytest.mark.parametrize("size", SIZES)
async def test_an_attribute_is_guessed_no_better_than_by_its_share(
    postgres_url: str, size: int
) -> None:
    attacked = Attacked.of(size, 3)
    async with attack(postgres_url, attacked) as (served, _):
        numbers = await class_numbers(served, FIRST)
    true = [learner.certified for learner in attacked.learners.values()]
    base = max(statistics.mean(true), 1 - statistics.mean(true))
    share = numbers["marks.certified.mean"]
    guess = int(share is not None and share > 0.5)  # nothing tells one student from another
    right = statistics.mean(one == guess for one in true)
    print(f"size {size}: guessed {right:.3f}, base rate {base:.3f}")
    assert right <= base + 0.01


@pytest.mark.parametrize("size", [60, 300, 2_000])
async def test_the_team_is_told_all(postgres_url: str, size: int) -> None:
    attacked = Attacked.of(size, 4)
    async with attack(postgres_url, attacked) as (served, _):
        team = await class_numbers(served, TEAM)
        student = await class_numbers(served, FIRST)
    shown = sum(value is not None for value in team.values()) / len(team)
    common = sum(student.get(path) is not None for path in team) / len(team)
    print(f"size {size}: {shown:.1%} of the team's cells shown, {common:.1%} to students")
    assert shown >= 0.95
    assert team["heads.learners"] == size
    assert team["outcomes.rows.Exam.honours"] == attacked.outcomes()[1]["honours"]


@pytest.mark.skipif(not IS_LONG, reason="COURSELENS_TEST_ATTACK_SEEDS: 2 or more measures time")
async def test_nobody_and_a_few_take_the_same_time(postgres_url: str) -> None:
    medians: dict[int, list[float]] = {0: [], K_MIN - 1: []}
    for turn in range(20):
        few = (0, K_MIN - 1)[turn % 2]
        async with attack(postgres_url, with_few(300, few)) as (served, _):
            each = [await _seconds(served) for _number in range(60)][10:]
        medians[few].append(statistics.median(each))
    nobody, some = (statistics.median(each) for each in medians.values())
    print(f"nobody {nobody * 1000:.2f} ms, a few {some * 1000:.2f} ms")
    assert abs(nobody / some - 1) < 0.05


async def _seconds(served: Served) -> float:
    began = time.perf_counter()
    await class_numbers(served, FIRST)
    return time.perf_counter() - began
