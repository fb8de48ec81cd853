"""The kit runs live code as the API does: on declared datasets, about those who are asked for."""

from __future__ import annotations

import pytest

from courselens.errors import PluginError
from courselens.plugin import Cost, Level, Parameters, Sources, indicator
from courselens.testing import CourseBuilder, run_live_course, run_live_students
from indicators.registry import Declaration, Registry
from tests.data.toy_indicators import Posts


def registry_of(*reads: str) -> Registry:
    @indicator(
        key="acme_reach",
        version=1,
        title="",
        unit="",
        family="",
        levels=(Level.STUDENT,),
        needs=("profiles",),
        student=Posts,
        cost=Cost.LIVE,
    )
    def reach(t, p):
        """Give nothing."""

    @reach.live_for_students(reads=reads)
    async def now(sources: Sources, p: Parameters) -> dict[int, Posts]:
        profiles = await sources.students("profiles")
        return {user_id: Posts(1) for user_id in profiles.column("user_id").to_pylist()}

    return Registry([Declaration("", "acme", "1.0", reach)])


async def test_code_sees_whom_it_is_asked_about():
    course = CourseBuilder().student(1).student(2).student(3)
    found = await run_live_students("acme_reach", course, [1, 3], registry=registry_of("profiles"))
    assert found == {1: Posts(1), 3: Posts(1)}


async def test_code_that_reads_what_it_did_not_declare_is_told_so():
    with pytest.raises(PluginError, match="'profiles' without having declared it"):
        await run_live_students(
            "acme_reach", CourseBuilder().student(1), [1], registry=registry_of("enrollments")
        )


async def test_an_indicator_without_live_code_for_a_course_is_named():
    with pytest.raises(PluginError, match="acme_reach has no live code"):
        await run_live_course("acme_reach", CourseBuilder(), registry=registry_of("profiles"))
