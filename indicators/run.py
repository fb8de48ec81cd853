"""Runs a plan on one course: every shared table once, then every indicator, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa
from ibis.expr import types as ir

from courselens.domain import Level
from courselens.errors import BadParameter
from indicators.apart.apart import Apart
from indicators.apart.elsewhere import Elsewhere, Found
from indicators.arrow import STANDING_SCHEMA, SUMMARY_SCHEMA
from indicators.context import (
    Times,
    coverage_share,
    default_as_of_us,
    frame,
)
from indicators.contract import Indicator, Intermediate
from indicators.data import CourseData
from indicators.engine import Engine, is_machine_fault
from indicators.events import EventFacts, prepare_events
from indicators.finish import (
    build_intermediate,
    call_indicator,
    compile_queries,
    null_parts,
    run_queries,
)
from indicators.gaps import Gaps, one_line
from indicators.parameters import Parameters
from indicators.plan import PEOPLE, Plan, needs_students
from indicators.registry import Registry
from indicators.result import (
    COURSE_GROUP,
    CourseResults,
    Envelope,
    Result,
    Roster,
    Status,
)
from indicators.roles import roles_of
from indicators.rollup import members_by_group, roll_up_cells, standing, summarise
from indicators.roster import Members, read_ever_members, read_roster
from indicators.shape import VALUES
from indicators.tables import Tables
from indicators.values import Values, common_values, values_of_plan
from loaders.datasets import DATASETS

Progress = Callable[[str, int, int], None]

_EVENTS = "events"

_AT_ONCE = 2
"""Indicators that are computed at a time, within the engine's threads and memory."""

_DESCRIBE_A_COURSE = frozenset({"blocks", "grading_policy", "courses"})
"""Datasets of which every course has rows; without any, the source does not have them for it."""


def run_plan(
    registry: Registry,
    plan: Plan,
    data: CourseData,
    *,
    engine: Engine,
    times: Times,
    given: Mapping[str, object] | None = None,
    progress: Progress | None = None,
    apart: Apart | None = None,
) -> CourseResults:
    """Compute a plan's indicators for one course.

    A failing indicator, or one whose source is missing, costs only itself: its envelope says why.
    A full disk is no indicator's fault: it ends the run, so that no number is stored as missing.

    Args:
        registry: what the plan was made from.
        plan: what to compute.
        data: raw facts of the course.
        engine: opened on the folders of `data.event_files`.
        times: now, and what the asker says about the window.
        given: parameters other than the defaults; must be known to every indicator of the plan.
        progress: called with what is done, the number of steps done and of all steps.
        apart: where code of plugins runs, its folder readable by the engine; here if not given.

    Raises:
        BadParameter: a parameter is unknown or outside its range.
    """
    elsewhere = Elsewhere(registry, engine, apart) if apart else None
    run = _Run(
        registry, plan, data, engine, times, dict(given or {}), progress, elsewhere, Gaps(registry)
    )
    try:
        return run.execute()
    finally:
        if elsewhere:
            elsewhere.close()


@dataclass(slots=True)
class _Run:
    registry: Registry
    plan: Plan
    data: CourseData
    engine: Engine
    times: Times
    given: dict[str, object]
    progress: Progress | None
    elsewhere: Elsewhere | None
    gaps: Gaps
    values: dict[str, Values] = field(default_factory=dict)
    tables: dict[str, ir.Table] = field(default_factory=dict)
    notes: dict[str, dict[str, object]] = field(default_factory=dict)

    def execute(self) -> CourseResults:
        self.values = values_of_plan(self.registry, self.plan, self.given)
        as_of_us = self.times.as_of_us
        if as_of_us is None:
            as_of_us = default_as_of_us(self.data, self.times.now_us)
        facts = self._add_datasets(as_of_us)
        parameters = replace(
            frame(self.data, facts, self.times, as_of_us, common_values(self.given)),
            has_groups=Level.GROUP in self.plan.levels,
        )
        steps = len(self.plan.intermediates) + len(self.plan.indicators)
        for step, name in enumerate(self.plan.intermediates):
            self._report(step, steps)
            self._build(name, replace(parameters, values=self.values[name]))
        roster = read_roster(self.plan, self.tables, self.engine)
        members = members_by_group(roster.memberships)
        ever_members = read_ever_members(self.plan, self.tables, self.engine, roster)
        computing: list[Future[Result]] = []
        results: list[Result] = []
        # Queries are prepared here, one after the other, and run elsewhere: Ibis promises nothing
        # about threads, and a small query leaves the second core idle.
        with ThreadPoolExecutor(min(_AT_ONCE, self.engine.threads)) as pool:
            for one in self.plan.indicators:
                chosen = ever_members if one.population == "ever_enrolled" else members
                if Level.GROUP not in one.levels:
                    chosen = {COURSE_GROUP: chosen[COURSE_GROUP]}
                own = replace(parameters, values=self.values[one.key])
                computing.append(pool.submit(self._prepare(one, own, roster, chosen)))
            try:
                for step, result in enumerate(computing, start=len(self.plan.intermediates)):
                    self._report(step, steps)
                    results.append(result.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        self._report(steps, steps)
        courses = self.data.tables.get("courses")
        return CourseResults(
            course_key=self.data.course_key,
            roster=roster,
            roles=roles_of(self.data),
            blocks=self._blocks(),
            course=courses.slice(0, 1).to_pylist()[0] if courses and courses.num_rows else {},
            results=tuple(results),
        )

    def _report(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(f"computing {self.data.course_key}", done, total)

    def _add_datasets(self, as_of_us: int) -> EventFacts:
        """Make the course's raw facts known to the engine; what is absent is an empty table."""
        names = {*self.plan.datasets, "blocks"}
        for name in sorted(names - {_EVENTS}):
            table = self.data.tables.get(name)
            if table is None or (name in _DESCRIBE_A_COURSE and not table.num_rows):
                self.gaps.absent.add(name)
                dataset = self.registry.dataset(name)
                assert dataset is not None  # noqa: S101 the plan lists what is registered
                table = dataset.empty()
            self.tables[name] = self.engine.add(name, table)
        facts = EventFacts()
        if _EVENTS in self.plan.datasets:
            if self.data.coverage is None:
                self.gaps.absent.add(_EVENTS)
            self.tables[_EVENTS], facts = prepare_events(
                self.engine,
                self.data.event_files,
                self.tables.get("profiles"),
                as_of_us=as_of_us,
                is_insights=self.given.get("definition") == "insights",
            )
        enrollments = self.data.tables.get("enrollments")
        if not (enrollments and enrollments.num_rows) and _EVENTS in self.gaps.absent:
            self.gaps.absent.add(PEOPLE)  # nobody can say who is enrolled
        return facts

    def _build(self, name: str, parameters: Parameters) -> None:
        derived = self.registry.intermediate(name)
        assert derived is not None  # noqa: S101 the plan lists intermediates only
        if name in self.gaps.absent or any(need in self.gaps.absent for need in derived.needs):
            self.gaps.absent.add(name)
            self.tables[name] = self.engine.add(name, _empty(derived))
            return
        try:
            if self.elsewhere and self.elsewhere.takes(derived):
                expression = self.elsewhere.build(
                    derived, parameters, self.tables, self.gaps.absent
                )
            else:
                visible = self._visible(name, derived)
                expression = build_intermediate(derived, visible, parameters)
                if name in self.plan.kept:
                    expression = self.engine.materialise(name, expression)
            if derived.notes:
                (row,) = self.engine.fetch(expression.select(*derived.notes)).to_pylist()
                self.notes[name] = row
        except BadParameter:
            raise
        except Exception as exc:  # an edge: a plugin's code runs here
            if is_machine_fault(exc):
                raise
            self.gaps.note_failure(name, exc)
            expression = self.engine.add(name, _empty(derived))
        self.tables[name] = expression

    def _visible(self, owner: str, declared: Indicator | Intermediate) -> Tables:
        names = (*declared.needs, *declared.uses)
        return Tables(
            {name: self.tables[name] for name in names},
            absent=frozenset(self.gaps.absent),
            owner=owner,
        )

    def _prepare(
        self,
        one: Indicator,
        parameters: Parameters,
        roster: Roster,
        members: Members,
    ) -> Callable[[], Result]:
        """Compile an indicator's queries; what is returned runs them, in any thread."""
        envelope, is_measured = self._envelope(one, parameters)

        def fail(exc: Exception) -> Result:
            if is_machine_fault(exc):
                raise exc
            failed = replace(envelope, status=Status.FAILED, error=one_line(exc))
            return self._nothing(one, parameters, failed, roster)

        if not is_measured:
            return partial(self._nothing, one, parameters, envelope, roster)
        try:
            find = self._prepare_rows(one, parameters)
        except Exception as exc:  # an edge: a plugin's code runs here
            return partial(fail, exc)

        def measure() -> Result:
            try:
                return self._measure(one, parameters, envelope, members, find())
            except Exception as exc:  # an edge: a plugin's queries run here
                return fail(exc)

        return measure

    def _envelope(self, one: Indicator, parameters: Parameters) -> tuple[Envelope, bool]:
        """How a result is made, and whether it can be measured at all."""
        missing, broken = self.gaps.missing(one.key), self.gaps.fault(one.key)
        notes: dict[str, object] = {}
        for name in self.registry.closure(one.key):
            notes |= self.notes.get(name, {})
        reads_events = _EVENTS in self.registry.closure(one.key, hard=True)
        coverage = coverage_share(self.data, parameters.window) if reads_events else 1.0
        envelope = Envelope(
            indicator=one.key,
            version=one.version,
            unit=one.unit,
            parameters=parameters.values,
            start_us=parameters.window.start_us,
            end_us=parameters.window.end_us,
            as_of_us=parameters.as_of_us,
            computed_us=self.times.now_us,
            state_as_of_us=self.data.state_as_of_us,
            coverage=coverage,
            partial=0 < coverage < 1,
            population_basis=parameters.population_basis,
            staff_excluded="course_roles" not in self.gaps.absent,
            missing_source=missing,
            notes=notes,
        )
        if broken:
            envelope = replace(envelope, status=Status.FAILED, error=broken)
        return envelope, not (missing or broken or coverage == 0)

    def _measure(
        self,
        one: Indicator,
        parameters: Parameters,
        envelope: Envelope,
        members: Members,
        found: Found,
    ) -> Result:
        shape = self.registry.student_shape(one.key)
        for_groups = self._wants_groups(one)
        student = found.get("user_id", {})
        group = found.get("group_id", {})
        if for_groups and one.compute_group is None:
            group = self._roll_up(one, student, members)
        numbers = tuple(field for field in shape.values if field.is_numeric) if shape else ()
        values = student.get(VALUES)
        has_numbers = values is not None and bool(numbers)
        return Result(
            indicator=one,
            course_key=self.data.course_key,
            parameters=parameters,
            envelope=envelope,
            student=student,
            group=group,
            summaries=summarise(values, numbers, members)
            if has_numbers and for_groups and one.summary
            else SUMMARY_SCHEMA.empty_table(),
            standing=standing(values, numbers, members[COURSE_GROUP])
            if has_numbers and Level.STUDENT in self.plan.levels
            else STANDING_SCHEMA.empty_table(),
        )

    def _roll_up(
        self, one: Indicator, student: Mapping[str, pa.Table], members: Members
    ) -> dict[str, pa.Table]:
        shape = self.registry.group_shape(one.key)
        if shape is None:
            return {}
        return {
            part.name: roll_up_cells(student[part.name], part, members, blocks=self._blocks())
            for part in shape.parts
            if part.many
        }

    def _blocks(self) -> pa.Table:
        return self.data.tables.get("blocks", DATASETS["blocks"].empty())

    def _prepare_rows(self, one: Indicator, parameters: Parameters) -> Callable[[], Found]:
        """What gives an indicator's rows, in any thread: queries here, or a plugin's process."""
        shape = self.registry.student_shape(one.key)
        students = shape is not None and needs_students(one, shape, self.plan.levels)
        groups = self._wants_groups(one)
        if self.elsewhere and self.elsewhere.takes(one):
            return self.elsewhere.prepare(
                one, parameters, self.tables, self.gaps.absent, students=students, groups=groups
            )
        queries = compile_queries(
            one.key,
            call_indicator(
                one, self._visible(one.key, one), parameters, students=students, groups=groups
            ),
            blocks=None if "blocks" in self.gaps.absent else self.tables["blocks"],
        )

        def find() -> Found:
            with self.engine.beside() as engine:
                return run_queries(queries, engine)

        return find

    def _wants_groups(self, one: Indicator) -> bool:
        return bool(set(self.plan.levels) & set(one.levels) & {Level.COURSE, Level.GROUP})

    def _nothing(
        self, one: Indicator, parameters: Parameters, envelope: Envelope, roster: Roster
    ) -> Result:
        """The result that cannot be measured: null for every subject, the envelope says why."""
        students = roster.students.filter(
            roster.students.column("in_e" if one.population == "ever_enrolled" else "in_l")
        )
        student = self.registry.student_shape(one.key)
        group = self.registry.group_shape(one.key)
        groups = roster.groups.column("group_id").combine_chunks()
        users = students.column("user_id").combine_chunks()
        return Result(
            indicator=one,
            course_key=self.data.course_key,
            parameters=parameters,
            envelope=envelope,
            student=null_parts(student, subject="user_id", subjects=users) if student else {},
            group=null_parts(group, subject="group_id", subjects=groups) if group else {},
            summaries=SUMMARY_SCHEMA.empty_table(),
            standing=STANDING_SCHEMA.empty_table(),
        )


def _empty(derived: Intermediate) -> pa.Table:
    kinds = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "string": pa.string()}
    return pa.schema([pa.field(n, kinds[k]) for n, k in derived.columns.items()]).empty_table()
