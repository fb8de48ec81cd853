"""Every check of the contract suite finds what it is there for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import pytest

from courselens.errors import UnknownIndicator
from courselens.plugin import (
    Cost,
    Indicator,
    Level,
    Privacy,
    Value,
    coalesce,
    indicator,
    literal,
    null_value,
    numbers_between,
)
from courselens.testing import (
    ContractBroken,
    CourseBuilder,
    check_indicator,
    run_indicator,
    sample_course,
)
from courselens.testing.checks import computed, declared, engines, processes, served
from courselens.testing.checks.subject import NotApplicable, Subject
from indicators.registry import Declaration, Registry, load_registry
from tests.data.phoning_plugin import phone

COUNTED = Value("Something.", "count")


@dataclass(frozen=True, slots=True)
class Number:
    number: Annotated[int | None, COUNTED]


@dataclass(frozen=True, slots=True)
class SureNumber:
    number: Annotated[int, COUNTED]


@dataclass(frozen=True, slots=True)
class Share:
    number: Annotated[float | None, Value("Some of all.", "share")]


@dataclass(frozen=True, slots=True)
class Unexplained:
    number: int | None


@cache
def installed() -> tuple[Declaration, ...]:
    registry = load_registry()
    both = {**registry.intermediates, **registry.indicators}
    return tuple(
        Declaration(name, one.provider, one.provider_version, one) for name, one in both.items()
    )


def declare(compute: Callable[..., Any], **options: Any) -> Indicator:
    given: dict[str, Any] = {
        "key": "acme_number",
        "version": 1,
        "title": "Number",
        "unit": "count",
        "family": "acme",
        "levels": (Level.STUDENT, Level.COURSE),
        "needs": ("population", "events"),
        "student": Number,
        "privacy": (Privacy.STAFF,),
        **options,
    }
    compute.__doc__ = given.pop("description", "Count something.")
    return indicator(**given)(compute)


def registry_of(one: Indicator) -> Registry:
    registry = Registry([*installed(), Declaration("", "acme", "1.0", one)])
    assert not registry.errors
    return registry


def subject_of(
    compute: Callable[..., Any],
    *,
    course: CourseBuilder | None = None,
    live: Callable[..., Any] | None = None,
    **options: Any,
) -> Subject:
    one = declare(compute, **options)
    if live is not None:
        one.live_for_students(reads=("enrollments",))(live)
    return Subject(one, registry_of(one), course or sample_course())


def problems(found: Any) -> str:
    return "; ".join(finding.problem for finding in found)


def events_of_everybody(t, p):
    counts = t.events.group_by("user_id").agg(number=t.events.count())
    joined = t.population.left_join(counts, "user_id")
    return joined.select("user_id", number=joined.number.fill_null(0))


def constant(value: Any) -> Callable[..., Any]:
    return lambda t, p: t.population.select("user_id", number=literal(value))


def test_an_indicator_that_keeps_the_contract_passes_every_check(postgres_server: str):
    one = declare(events_of_everybody)
    checked = check_indicator(
        "acme_number", registry=registry_of(one), database_url=postgres_server
    )
    assert set(checked.not_applicable) - {"engines"} == {"merging", "live_values", "own_process"}
    assert {"declaration", "values", "order_of_rows", "graphql"} <= set(checked.held)


def test_everything_that_is_broken_is_told_at_once(postgres_server: str):
    one = declare(constant(2**40), title="", description="no sentence")
    with pytest.raises(ContractBroken) as broken:
        check_indicator("acme_number", registry=registry_of(one), database_url=postgres_server)
    assert set(broken.value.broken) == {"declaration", "documentation", "graphql"}
    assert "title is empty. Fix: give `title=`" in str(broken.value)


def test_an_indicator_that_was_refused_says_why():
    one = declare(constant(1), needs=("x",))
    registry = Registry([*installed(), Declaration("", "acme", "1", one)])
    with pytest.raises(ContractBroken, match="acme_number needs 'x', which nobody provides"):
        check_indicator("acme_number", registry=registry)
    with pytest.raises(UnknownIndicator) as unknown:
        run_indicator("acme_number", CourseBuilder(), registry=registry)
    refused, forgotten = unknown.value.__notes__
    assert refused == f"refused: {registry.errors[0]}"
    assert "run `pip install -e .` again" in forgotten


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"unit": " "}, "unit is empty"),
        ({"key": "number"}, "'number' does not begin with the distribution's name"),
        ({"merges": True}, "merges over time and takes no window"),
        ({"privacy": ()}, "nobody may see it"),
    ],
)
def test_declarations_are_complete_and_names_are_the_plugins_own(options, problem):
    assert problem in problems(declared.declaration(subject_of(constant(1), **options)))


def test_a_result_field_without_words_is_found():
    found = problems(declared.documentation(subject_of(constant(1), student=Unexplained)))
    assert "values.number by user_id is not described" in found


def of_the_team(t, p):
    return t.events.select("user_id").distinct().mutate(number=literal(1))


def of_the_busy(t, p):
    return t.events.semi_join(t.population, "user_id").group_by("user_id").agg(number=literal(1))


@pytest.mark.parametrize(
    ("compute", "options", "problem"),
    [
        (constant(7), {"student": Share}, "values.number runs from 7 to 7"),
        (constant(-1), {}, "values.number is negative: -1"),
        (of_the_team, {}, "rows of students who are not in the course"),
        (of_the_busy, {}, "1 students have no row of values"),
        (lambda t, p: t.population, {}, "it fails: acme_number: part values: columns missing"),
        (constant(None), {}, "every value is null on this course"),
        (constant(1), {"needs": ("population", "certificates")}, "the course has no certificates"),
        (constant(float("nan")), {"student": Share}, "values.number is not finite"),
    ],
)
def test_values_that_cannot_be_right_are_found(compute, options, problem):
    course = sample_course()
    course.rows.pop("certificates")
    course.student(10, enrolled="2024-03-01")
    assert problem in problems(computed.values(subject_of(compute, course=course, **options)))


def test_a_null_in_a_field_that_is_never_null_is_found():
    def sure(t, p):
        counts = t.events.group_by("user_id").agg(number=t.events.count())
        return t.population.left_join(counts, "user_id").select("user_id", "number")

    course = sample_course().student(10, enrolled="2024-03-01")
    found = computed.values(subject_of(sure, student=SureNumber, course=course))
    assert "values.number is null in 1 rows, its type says never" in problems(found)


def test_numbers_out_of_nothing_are_found():
    def of_three(t, p):
        ids = numbers_between(1, 7).unnest().name("user_id").as_table()
        return ids.mutate(number=literal(1))

    assert "there are rows of students, and no students" in problems(
        computed.empty_course(subject_of(of_three))
    )


def test_what_fails_for_a_single_student_is_found():
    def gaps(t, p):
        ahead = t.population.mutate(number=t.population.user_id.lead() - t.population.user_id)
        behind = ahead.user_id - ahead.user_id.lag()
        return ahead.select("user_id", number=coalesce(ahead.number, behind))

    found = problems(computed.one_student(subject_of(gaps, student=SureNumber)))
    assert "values.number is null in 1 rows" in found


def test_what_fails_without_a_source_it_can_do_without_is_found():
    def by_cohort(t, p):
        if not t.has("cohort_members"):
            raise RuntimeError("no cohorts")
        return constant(1)(t, p)

    found = problems(computed.missing_sources(subject_of(by_cohort, uses=("cohort_members",))))
    assert "cohort_members" in found
    assert "it fails: RuntimeError: no cohorts" in found


def test_a_value_that_depends_on_the_order_of_rows_is_found():
    def any_event(t, p):
        one = t.events.group_by("user_id").agg(
            number=t.events.event_id.argmax(t.events.is_activity.cast("int64"))
        )
        return t.population.left_join(one, "user_id").select("user_id", "number")

    found = problems(computed.order_of_rows(subject_of(any_event)))
    assert "other values when the rows are in another order" in found


def test_amounts_that_do_not_add_up_over_time_are_found():
    def places(t, p):
        events = t.events.filter(
            (t.events.ts_us >= p.window.start_us) & (t.events.ts_us < p.window.end_us)
        )
        found = events.group_by("user_id").agg(number=events.location.nunique())
        joined = t.population.left_join(found, "user_id")
        return joined.select("user_id", number=joined.number.fill_null(0))

    course = CourseBuilder().student(1)
    course.steps_of(1, "2024-03-04T10:00").opens("S1").after(days=1).opens("S1")
    subject = subject_of(places, course=course, takes_window=True, merges=True)
    assert "values.number of (1,) is 1, and 2 when the window is split" in problems(
        computed.merging(subject)
    )


def test_live_code_that_says_something_else_is_found():
    async def now(sources, p):
        return {user_id: Number(5) for user_id in sources.user_ids}

    subject = subject_of(constant(4), cost=Cost.LIVE, live=now)
    assert "live code says values [{'number': 5}]" in problems(served.live_values(subject))


def test_live_code_that_leaves_out_a_student_says_null():
    async def now(sources, p):
        return {}

    def nothing(t, p):
        return t.population.select("user_id", number=null_value("int64"))

    assert not problems(served.live_values(subject_of(nothing, cost=Cost.LIVE, live=now)))
    assert problems(served.live_values(subject_of(constant(4), cost=Cost.LIVE, live=now)))


def test_what_fails_in_the_process_of_plugins_alone_is_found():
    entry = "tests.data.phoning_plugin:phone"
    registry = Registry([*installed(), Declaration("", "acme", "1.0", phone, entry)])
    assert not registry.errors
    subject = Subject(phone, registry, sample_course())
    assert not problems(computed.values(subject))
    found = problems(processes.own_process(subject))
    assert "it fails there: acme: acme_phone: reaches for the network" in found


def test_what_is_not_there_is_not_checked():
    subject = subject_of(constant(1))
    with pytest.raises(NotApplicable, match="no live code"):
        list(served.live_values(subject))
    with pytest.raises(NotApplicable, match="`merges`"):
        list(computed.merging(subject))


@pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is not None, reason="pyspark is installed here"
)
def test_without_spark_the_second_engine_is_said_to_be_absent():
    with pytest.raises(NotApplicable, match="pyspark is not installed"):
        list(engines.engines(subject_of(constant(1))))


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed")
def test_an_expression_that_says_something_else_on_spark_is_found():
    def last_location(t, p):
        places = t.events.group_by("user_id").agg(place=t.events.location.max())
        joined = t.population.left_join(places, "user_id")
        return joined.select("user_id", number=joined.place.hash())

    assert "on DuckDB and on Spark" in problems(engines.engines(subject_of(last_location)))
    assert not problems(engines.engines(subject_of(events_of_everybody)))
