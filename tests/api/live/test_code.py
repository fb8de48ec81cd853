"""Live code that misbehaves spoils its own field, and never shows anybody else's rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from courselens.plugin import Cost, Level, Parameters, Privacy, Sources, indicator
from indicators.contract import Indicator
from indicators.registry import Declaration, Registry
from tests.data.live_plugin import declarations, declare_sheet
from tests.data.platform import LiveServed, Platform, serve_live


@dataclass(frozen=True, slots=True)
class Number:
    number: int | None


async def raises(sources: Sources, p: Parameters) -> dict[int, object]:
    await sources.students("course_grades")
    raise ZeroDivisionError("canary-insides")


async def hangs(sources: Sources, p: Parameters) -> dict[int, object]:
    await asyncio.sleep(60)
    return {}


async def blocks(sources: Sources, p: Parameters) -> dict[int, object]:
    while True:
        pass


async def quits(sources: Sources, p: Parameters) -> dict[int, object]:
    raise SystemExit(3)


async def gives_another_type(sources: Sources, p: Parameters) -> dict[int, object]:
    return dict.fromkeys(sources.user_ids, 1)


async def gives_no_mapping(sources: Sources, p: Parameters) -> Any:
    return [Number(1)]


async def reads_in_secret(sources: Sources, p: Parameters) -> dict[int, object]:
    await sources.students("profiles")
    return {}


async def speaks_of_others(sources: Sources, p: Parameters) -> dict[int, object]:
    grades = await sources.students("course_grades")
    seen = grades.column("user_id").to_pylist()
    assert set(seen) <= set(sources.user_ids)
    return dict.fromkeys(range(20_000), Number(len(sources.user_ids)))


async def leaves_questions_behind(sources: Sources, p: Parameters) -> dict[int, object]:
    await asyncio.gather(sources.students("course_grades"), raises(sources, p))
    return {}


CODE: tuple[Callable[..., Any], ...] = (
    raises,
    hangs,
    blocks,
    quits,
    gives_another_type,
    gives_no_mapping,
    reads_in_secret,
    speaks_of_others,
    leaves_questions_behind,
)


def declare(code: Callable[..., Any]) -> Indicator:
    @indicator(
        key=f"bad_{code.__name__}",
        version=1,
        title="",
        unit="",
        family="",
        levels=(Level.STUDENT,),
        needs=("population",),
        student=Number,
        privacy=(Privacy.SELF, Privacy.STAFF),
        cost=Cost.LIVE,
    )
    def never_computed(t: Any, p: Parameters) -> Any:
        """Give nothing."""

    never_computed.live_for_students(reads=("course_grades",))(code)
    return never_computed


@pytest.fixture(scope="module")
def bad_registry() -> Registry:
    bad = [Declaration("", "acme", "1.0", declare(code)) for code in CODE]
    registry = Registry([*declarations(), Declaration("", "acme", "1.0", declare_sheet()), *bad])
    assert not registry.errors
    return registry


@pytest.fixture
async def bad(
    postgres_url: str, platform: Platform, bad_registry: Registry
) -> AsyncIterator[LiveServed]:
    platform.heal()
    async with serve_live(platform, postgres_url, bad_registry) as live:
        yield live


async def ask(live: LiveServed, *names: str, first: int) -> tuple[list[Any], dict[str, set[str]]]:
    """Values of the first students, and the codes of the errors of each field."""
    fields = " ".join(f"{name} {{ number }}" for name in names)
    answer = await live.ask(
        "query($c: ID!, $first: Int!) { course(key: $c) { students(first: $first) { nodes {"
        f" indicators {{ courseGrade {{ ratio }} {fields} }} }} }} }} }}",
        first=first,
    )
    codes: dict[str, set[str]] = {}
    for error in answer.get("errors", []):
        assert "canary" not in error["message"]
        codes.setdefault(error["path"][-1], set()).add(error["extensions"]["code"])
    nodes = answer["data"]["course"]["students"]["nodes"]
    assert len(nodes) == first
    values = [node["indicators"] for node in nodes]
    assert all(value["courseGrade"] is not None for value in values)
    return values, codes


async def test_code_that_fails_fails_alone(bad: LiveServed) -> None:
    names = (
        "badRaises",
        "badGivesAnotherType",
        "badGivesNoMapping",
        "badReadsInSecret",
        "badLeavesQuestionsBehind",
    )
    values, codes = await ask(bad, *names, first=1)
    assert codes == {name: {"INTERNAL"} for name in names}
    assert all(value[name] is None for value in values for name in names)


async def test_code_that_wants_to_leave_fails_alone(bad: LiveServed) -> None:
    values, codes = await ask(bad, "badQuits", first=1)
    assert codes == {"badQuits": {"INTERNAL"}}
    assert values[0]["badQuits"] is None


@pytest.mark.parametrize("name", ["badHangs", "badBlocks"])
async def test_code_that_hangs_or_never_yields_is_given_up(bad: LiveServed, name: str) -> None:
    values, codes = await ask(bad, name, first=5)
    assert codes == {name: {"DEADLINE_EXCEEDED"}}
    assert all(value[name] is None for value in values)


async def test_code_that_keeps_failing_is_switched_off_and_says_so(bad: LiveServed) -> None:
    for _ in range(5):
        _, codes = await ask(bad, "badRaises", first=1)
        assert codes == {"badRaises": {"INTERNAL"}}
    values, codes = await ask(bad, "badRaises", first=1)
    assert codes == {}  # what was computed, which is nothing
    assert values[0]["badRaises"] is None or values[0]["badRaises"]["number"] is None
    answer = await bad.ask(
        "query($c: ID!) { course(key: $c) { title } indicators { key problem } }"
    )
    problems = {one["key"]: one["problem"] for one in answer["data"]["indicators"]}
    assert problems["bad_raises"] == "its live code raises ZeroDivisionError"
    assert problems["bad_quits"] is None


async def test_code_sees_only_whom_it_is_asked_about(bad: LiveServed) -> None:
    values, codes = await ask(bad, "badSpeaksOfOthers", first=5)
    assert codes == {}
    assert [value["badSpeaksOfOthers"]["number"] for value in values] == [5] * 5
