"""Questions of one turn become one statement, and end with whoever asked them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from aggregates.together import Together


class Answers:
    """Answers numbers with their squares, and remembers what it was asked at a time."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.was_cancelled = False

    async def squares(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return [number * number for number in numbers]

    async def nothing(self, numbers: Sequence[int]) -> list[int]:
        raise LookupError(f"{len(numbers)} numbers")


async def test_what_is_asked_in_a_turn_is_answered_at_once() -> None:
    together, answers = Together(), Answers()
    works = (together.ask("square", number, answers.squares) for number in (3, 1, 3))
    assert await asyncio.gather(*works) == [9, 1, 9]
    assert answers.asked == [[3, 1, 3]]
    assert await together.ask("square", 5, answers.squares) == 25
    assert answers.asked == [[3, 1, 3], [5]]


async def test_other_kinds_are_asked_apart() -> None:
    together, answers, others = Together(), Answers(), Answers()
    found = await asyncio.gather(
        together.ask("square", 2, answers.squares), together.ask("other", 4, others.squares)
    )
    assert found == [4, 16]
    assert (answers.asked, others.asked) == ([[2]], [[4]])


async def test_a_failure_is_everybodys() -> None:
    together, answers = Together(), Answers()
    works = (together.ask("square", number, answers.nothing) for number in (1, 2))
    first, second = await asyncio.gather(*works, return_exceptions=True)
    assert isinstance(first, LookupError)
    assert isinstance(second, LookupError)
    assert str(first) == "2 numbers"


async def test_who_leaves_does_not_take_the_answer_of_others_with_them() -> None:
    together, answers = Together(), Answers()
    answers.go_on.clear()
    leaving, staying = (
        asyncio.create_task(together.ask("square", number, answers.squares)) for number in (1, 2)
    )
    while not answers.asked:
        await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    answers.go_on.set()
    assert await staying == 4
    assert leaving.cancelled()
    assert not answers.was_cancelled


async def test_a_statement_ends_when_nobody_waits_for_it_any_more() -> None:
    together, answers = Together(), Answers()
    answers.go_on.clear()
    asking = [
        asyncio.create_task(together.ask("square", number, answers.squares)) for number in (1, 2)
    ]
    while not answers.asked:
        await asyncio.sleep(0)
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    while not answers.was_cancelled:
        await asyncio.sleep(0)
    assert all(task.cancelled() for task in asking)


async def test_what_nobody_waits_for_is_not_asked() -> None:
    together, answers = Together(), Answers()
    asking = asyncio.create_task(together.ask("square", 1, answers.squares))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.sleep(0)
    assert answers.asked == []
