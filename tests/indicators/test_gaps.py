"""What an indicator is told that it has to do without."""

from __future__ import annotations

import pytest

from courselens.errors import MissingSource
from indicators.gaps import Gaps
from indicators.plan import PEOPLE
from indicators.registry import load_registry


@pytest.fixture
def gaps() -> Gaps:
    return Gaps(load_registry())


def test_nothing_is_missing_where_everything_is_there(gaps: Gaps) -> None:
    assert gaps.missing("time_on_course") == ()
    assert gaps.fault("time_on_course") is None


def test_datasets_are_named_and_what_is_made_of_them_is_not(gaps: Gaps) -> None:
    gaps.absent |= {"events", "credits"}
    assert gaps.missing("time_on_course") == ("events",)


def test_what_it_can_do_without_is_not_missing(gaps: Gaps) -> None:
    gaps.absent.add("cohort_members")
    assert gaps.missing("time_on_course") == ()


def test_without_people_nobody_is_enrolled(gaps: Gaps) -> None:
    gaps.absent |= {"events", PEOPLE}
    assert gaps.missing("time_on_course") == ("enrollments", "events")
    assert gaps.missing("enrollment_count") == ("enrollments",)


def test_table_that_lacks_its_source_tells_what_that_is(gaps: Gaps) -> None:
    gaps.absent.add("events")
    gaps.note_failure("credits", MissingSource("clicks", "events"))
    assert gaps.absent == {"events", "credits"}
    assert gaps.missing("time_on_course") == ("events", "clicks")
    assert gaps.fault("time_on_course") is None


def test_table_that_broke_is_a_fault_of_what_rests_on_it(gaps: Gaps) -> None:
    gaps.note_failure("credits", ValueError("no\n  such   column" + "!" * 600))
    told = gaps.fault("time_on_course")
    assert told is not None
    assert told.startswith("ValueError: no such column!!")
    assert len(told) == 500
    assert gaps.missing("time_on_course") == ()
    assert gaps.fault("enrollment_count") is None
