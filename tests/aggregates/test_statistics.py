"""Statistics of ad-hoc groups."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from aggregates.fields import FieldRef
from aggregates.filters import Range, StudentFilter
from aggregates.records import CourseRecord, SummaryRecord
from aggregates.store import Store
from courselens.errors import BadParameter
from indicators.registry import Registry
from indicators.rollup import summarise
from tests.data.stored_course import (
    Person,
    build_course,
    build_result,
)

SECONDS = FieldRef("toy_time", "seconds")
DAYS = FieldRef("toy_progress", "days")
RATIO = FieldRef("toy_progress", "ratio")
POSTS = FieldRef("acme_posts", "posts")


async def store_values(
    store: Store, registry: Registry, people: list[Person], key: str, **values: list[float | None]
) -> CourseRecord:
    """Store values of people in turn, by field, with the summaries that the roll-up gives."""
    members = {"course": np.array(sorted(p.user_id for p in people if p.in_l), dtype=np.int64)}
    for person in people:
        if person.cohort and person.in_l:
            ids = [p.user_id for p in people if p.cohort == person.cohort and p.in_l]
            members[f"cohort:{person.cohort}"] = np.array(sorted(ids), dtype=np.int64)
    results = []
    for ref in (SECONDS, DAYS, POSTS):
        if ref.field in values:
            given = zip(people, values[ref.field], strict=True)
            rows = [{"user_id": person.user_id, ref.field: value} for person, value in given]
            declared = registry.indicator(ref.indicator)
            result = build_result(declared, student={"values": rows}, course_key=key)
            shape = registry.student_shape(ref.indicator)
            assert shape is not None
            fields = tuple(field for field in shape.values if field.is_numeric)
            table = result.student["values"].sort_by("user_id")
            summaries = summarise(table, fields, members).to_pylist()
            results.append(
                build_result(
                    declared, student={"values": rows}, summaries=summaries, course_key=key
                )
            )
    course = build_course(people, results, course_key=key)
    await store.write(course, input_digest=repr((people, values)), cursors={})
    found = await store.reader.course(key)
    assert found is not None
    return found


async def summary_of(
    store: Store, course: CourseRecord, ref: FieldRef, who: StudentFilter | None = None
) -> SummaryRecord:
    (found,) = await store.reader.ad_hoc_summaries(course, [who or StudentFilter()], [ref])
    return found.of(ref)


async def test_statistics_follow_the_catalogue(store: Store, registry: Registry):
    people = [Person(user) for user in range(1, 6)]
    # 1 2 4 8 and nothing: mean 15/4; sd² = (2.75²+1.75²+0.25²+4.25²)/3 = 28.75/3;
    # type 7: p25 at 0.75 -> 1.75, median 3, p75 at 2.25 -> 5.
    course = await store_values(
        store, registry, people, "course-v1:Uni+Known+1", seconds=[4.0, None, 1.0, 8.0, 2.0]
    )
    (found,) = await store.reader.ad_hoc_summaries(course, [StudentFilter()], [SECONDS])
    assert found.size == 5
    summary = found.of(SECONDS)
    assert (summary.n, summary.n_null) == (4, 1)
    assert summary.mean == 3.75
    assert summary.sd == pytest.approx((28.75 / 3) ** 0.5, rel=1e-14)
    assert (summary.p25, summary.median, summary.p75) == (1.75, 3.0, 5.0)
    assert (summary.sum, summary.minimum, summary.maximum) == (15.0, 1.0, 8.0)
    # Bins of 0.35 from 1: 2 falls into 2.86, 4 into 8.57, 8 closes the last.
    assert summary.histogram == (1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)


async def test_a_ratio_has_no_sum(store: Store, registry: Registry):
    course = await store_values(store, registry, [Person(1)], "course-v1:Uni+Ratio+1", days=[3.0])
    assert (await summary_of(store, course, DAYS)).sum == 3.0
    assert (await summary_of(store, course, RATIO)).sum is None


async def test_nobody_has_no_statistics_and_one_has_no_spread(store: Store, registry: Registry):
    course = await store_values(
        store,
        registry,
        [Person(1, cohort="Blue"), Person(2)],
        "course-v1:Uni+Few+1",
        seconds=[2.5, None],
    )
    nobody = await summary_of(store, course, SECONDS, StudentFilter(cohorts=("Red",)))
    assert (nobody.n, nobody.n_null, nobody.mean, nobody.sum, nobody.histogram) == (
        0,
        0,
        None,
        None,
        (),
    )
    one = await summary_of(store, course, SECONDS, StudentFilter(cohorts=("Blue",)))
    assert (one.n, one.mean, one.sd, one.histogram) == (1, 2.5, None, (1,))


async def test_bins_can_be_chosen(store: Store, registry: Registry):
    people = [Person(user) for user in range(1, 12)]
    course = await store_values(
        store,
        registry,
        people,
        "course-v1:Uni+Bins+1",
        seconds=[float(value) for value in range(11)],
    )
    (found,) = await store.reader.ad_hoc_summaries(course, [StudentFilter()], [SECONDS], bins=5)
    assert found.of(SECONDS).histogram == (2, 2, 2, 2, 3)
    with pytest.raises(BadParameter, match="from 1 to"):
        await store.reader.ad_hoc_summaries(course, [StudentFilter()], [SECONDS], bins=0)


async def test_ad_hoc_equals_precomputed_for_the_same_members(store: Store, registry: Registry):
    draw = np.random.default_rng(7)
    people = [
        Person(user, cohort=["Blue", "Red"][user % 2], in_l=bool(user % 11))
        for user in range(1, 301)
    ]

    def maybe(values: np.ndarray) -> list[float | None]:
        return [None if draw.random() < 0.1 else float(value) for value in values]

    course = await store_values(
        store,
        registry,
        people,
        "course-v1:Uni+Equal+1",
        seconds=maybe(draw.lognormal(7, 1, 300)),
        days=maybe(draw.integers(0, 9, 300)),
    )
    refs = [SECONDS, DAYS]
    for group_id, who in (
        ("course", StudentFilter()),
        ("cohort:Blue", StudentFilter(cohorts=("Blue",))),
    ):
        stored = await store.reader.summaries(course, [group_id], refs)
        (live,) = await store.reader.ad_hoc_summaries(course, [who], refs)
        for ref in refs:
            one, other = stored[group_id, ref.indicator, ref.field], live.of(ref)
            assert (one.n, one.n_null) == (other.n, other.n_null)
            assert one.histogram == other.histogram
            for name in ("mean", "sd", "median", "p25", "p75", "sum", "minimum", "maximum"):
                assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12), name


async def test_who_left_counts_where_the_indicator_says_so(store: Store, registry: Registry):
    people = [Person(1), Person(2, in_l=False), Person(3, in_l=False)]
    course = await store_values(
        store,
        registry,
        people,
        "course-v1:Uni+Ever+1",
        seconds=[1.0, None, None],
        posts=[10, 20, None],
    )
    (found,) = await store.reader.ad_hoc_summaries(course, [StudentFilter()], [SECONDS, POSTS])
    assert found.size == 1
    assert (found.of(SECONDS).n, found.of(SECONDS).n_null) == (1, 0)
    assert (found.of(POSTS).n, found.of(POSTS).n_null, found.of(POSTS).sum) == (2, 1, 30.0)


async def test_a_filter_on_a_number_of_another_provider_chooses_the_members(
    store: Store, registry: Registry
):
    people = [Person(user) for user in (1, 2, 3)]
    course = await store_values(
        store,
        registry,
        people,
        "course-v1:Uni+Cross+1",
        seconds=[1.0, 2.0, 4.0],
        posts=[0, 5, 9],
    )
    who = StudentFilter(values=((POSTS, Range(gte=5)),))
    assert (await summary_of(store, course, SECONDS, who)).mean == 3.0


async def test_only_numbers_are_summarised(store: Store, registry: Registry):
    course = await store_values(store, registry, [Person(1)], "course-v1:Uni+Text+1")
    with pytest.raises(BadParameter, match="a number"):
        await summary_of(store, course, FieldRef("toy_progress", "pace"))
    (found,) = await store.reader.ad_hoc_summaries(course, [StudentFilter()], [])
    assert found.size == 1


async def test_groups_of_one_statement_are_each_as_if_asked_alone(store: Store, registry: Registry):
    people = [Person(user, cohort=("Blue", "Red", None)[user % 3]) for user in range(1, 31)]
    course = await store_values(
        store,
        registry,
        people,
        "course-v1:Uni+Beside+1",
        seconds=[None if user % 7 == 0 else user * 1.5 for user in range(1, 31)],
        posts=[user % 5 for user in range(1, 31)],
    )
    groups = [
        StudentFilter(cohorts=("Red",)),
        StudentFilter(),
        StudentFilter(cohorts=("Nobody's",)),
        StudentFilter(values=((POSTS, Range(gte=2)),)),
        StudentFilter(cohorts=("Red",)),
    ]
    together = await store.reader.ad_hoc_summaries(course, groups, [SECONDS, POSTS])
    for group, found in zip(groups, together, strict=True):
        (alone,) = await store.reader.ad_hoc_summaries(course, [group], [SECONDS, POSTS])
        assert found.size == alone.size
        for ref in (SECONDS, POSTS):
            one, other = asdict(found.of(ref)), asdict(alone.of(ref))
            # Adding up in another order changes the last digit.
            for name in ("mean", "sd", "sum"):
                if one[name] is not None:
                    one[name] = pytest.approx(one[name], rel=1e-14)
            assert other == one
    assert [found.size for found in together] == [10, 30, 0, 18, 10]
    assert together[2].of(SECONDS).n == 0
    assert together[2].of(SECONDS).mean is None
