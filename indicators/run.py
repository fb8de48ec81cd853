"""Runs a plan on one course: every shared table once, then every indicator, each on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from ibis import null as null_value
from ibis.expr import types as ir

from courselens.domain import Level
from courselens.errors import BadParameter, CourselensError, MissingSource
from indicators.context import (
    Times,
    coverage_share,
    default_as_of_us,
    frame,
)
from indicators.contract import Compute, Indicator, Intermediate
from indicators.data import CourseData
from indicators.engine import Engine
from indicators.events import EventFacts, prepare_events
from indicators.finish import finish_parts, null_parts
from indicators.lint import check_portable
from indicators.parameters import COMMON, Parameter, Parameters, ParameterValue, check_values
from indicators.plan import GRADE_BANDS, PEOPLE, Plan, needs_students
from indicators.registry import Registry
from indicators.result import (
    COURSE_GROUP,
    STANDING_SCHEMA,
    SUMMARY_SCHEMA,
    CourseResults,
    Envelope,
    Result,
    Roster,
    Status,
)
from indicators.roles import roles_of
from indicators.rollup import members_by_group, roll_up_cells, standing, summarise
from indicators.shape import VALUES, Shape
from indicators.tables import Tables
from loaders.datasets import DATASETS

Progress = Callable[[str, int, int], None]
Members = Mapping[str, npt.NDArray[np.int64]]

_EVENTS = "events"

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
) -> CourseResults:
    """Compute a plan's indicators for one course.

    A failing indicator, or one whose source is missing, costs only itself: its envelope says why.

    Args:
        registry: what the plan was made from.
        plan: what to compute.
        data: raw facts of the course.
        engine: opened on the folders of `data.event_files`.
        times: now, and what the asker says about the window.
        given: parameters other than the defaults; must be known to every indicator of the plan.
        progress: called with what is done, the number of steps done and of all steps.

    Raises:
        BadParameter: a parameter is unknown or outside its range.
    """
    return _Run(registry, plan, data, engine, times, dict(given or {}), progress).execute()


@dataclass(slots=True)
class _Run:
    registry: Registry
    plan: Plan
    data: CourseData
    engine: Engine
    times: Times
    given: dict[str, object]
    progress: Progress | None
    values: dict[str, dict[str, ParameterValue]] = field(default_factory=dict)
    tables: dict[str, ir.Table] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)
    lacking: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: dict[str, dict[str, object]] = field(default_factory=dict)

    def execute(self) -> CourseResults:
        self.values = self._check_parameters()
        as_of_us = self.times.as_of_us
        if as_of_us is None:
            as_of_us = default_as_of_us(self.data, self.times.now_us)
        facts = self._add_datasets(as_of_us)
        parameters = replace(
            frame(self.data, facts, self.times, as_of_us, self._common_values()),
            has_groups=Level.GROUP in self.plan.levels,
        )
        steps = len(self.plan.intermediates) + len(self.plan.indicators)
        for step, name in enumerate(self.plan.intermediates):
            self._report(step, steps)
            self._build(name, replace(parameters, values=self.values[name]))
        roster = self._roster()
        members = members_by_group(roster.memberships)
        ever_members = self._ever_members(roster)
        results = []
        for step, one in enumerate(self.plan.indicators, start=len(self.plan.intermediates)):
            self._report(step, steps)
            chosen = ever_members if one.population == "ever_enrolled" else members
            if Level.GROUP not in one.levels:
                chosen = {COURSE_GROUP: chosen[COURSE_GROUP]}
            own = replace(parameters, values=self.values[one.key])
            results.append(self._compute(one, own, roster, chosen))
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

    def _check_parameters(self) -> dict[str, dict[str, ParameterValue]]:
        """Values for every indicator and intermediate: one name may mean two things in two."""
        values: dict[str, dict[str, ParameterValue]] = {}
        for one in self.plan.indicators:
            checked = check_values(self.registry.parameters(one.key), self.given, owner=one.key)
            if checked["definition"] not in one.definitions:
                raise BadParameter(
                    "definition",
                    checked["definition"],
                    f"{' | '.join(one.definitions)} ({one.key})",
                )
            values[one.key] = checked
        for name in self.plan.intermediates:
            values[name] = self._known_values(self.registry.parameters(name), name)
        return values

    def _common_values(self) -> dict[str, ParameterValue]:
        return self._known_values(tuple(COMMON.values()), "the run")

    def _known_values(self, declared: Sequence[Parameter], owner: str) -> dict[str, ParameterValue]:
        names = {parameter.name for parameter in declared}
        given = {name: value for name, value in self.given.items() if name in names}
        return check_values(declared, given, owner=owner)

    def _add_datasets(self, as_of_us: int) -> EventFacts:
        """Make the course's raw facts known to the engine; what is absent is an empty table."""
        names = {*self.plan.datasets, "blocks"}
        for name in sorted(names - {_EVENTS}):
            table = self.data.tables.get(name)
            if table is None or (name in _DESCRIBE_A_COURSE and not table.num_rows):
                self.absent.add(name)
                table = DATASETS[name].empty()
            self.tables[name] = self.engine.add(name, table)
        facts = EventFacts()
        if _EVENTS in self.plan.datasets:
            if self.data.coverage is None:
                self.absent.add(_EVENTS)
            self.tables[_EVENTS], facts = prepare_events(
                self.engine,
                self.data.event_files,
                self.tables.get("profiles"),
                as_of_us=as_of_us,
                is_insights=self.given.get("definition") == "insights",
            )
        enrollments = self.data.tables.get("enrollments")
        if not (enrollments and enrollments.num_rows) and _EVENTS in self.absent:
            self.absent.add(PEOPLE)  # nobody can say who is enrolled
        return facts

    def _build(self, name: str, parameters: Parameters) -> None:
        derived = self.registry.intermediate(name)
        assert derived is not None  # noqa: S101 the plan lists intermediates only
        if name in self.absent or any(need in self.absent for need in derived.needs):
            self.absent.add(name)
            self.tables[name] = self.engine.add(name, _empty(derived))
            return
        try:
            expression = derived.build(self._visible(derived.name, derived), parameters)
            check_portable(name, expression)
            expression = expression.select(*derived.columns)
            if name in self.plan.kept:
                expression = self.engine.materialise(name, expression)
            if derived.notes:
                (row,) = self.engine.fetch(expression.select(*derived.notes)).to_pylist()
                self.notes[name] = row
        except BadParameter:
            raise
        except Exception as exc:  # an edge: a plugin's code runs here
            if isinstance(exc, MissingSource):
                self.lacking[name] = exc.names
            else:
                self.broken[name] = _one_line(exc)
            self.absent.add(name)
            expression = self.engine.add(name, _empty(derived))
        self.tables[name] = expression

    def _visible(self, owner: str, declared: Indicator | Intermediate) -> Tables:
        names = (*declared.needs, *declared.uses)
        return Tables(
            {name: self.tables[name] for name in names},
            absent=frozenset(self.absent),
            owner=owner,
        )

    def _roster(self) -> Roster:
        people = self.tables[PEOPLE]
        if self.plan.full_roster and GRADE_BANDS in self.tables:
            bands = self.tables[GRADE_BANDS].select("user_id", "grade_band")
            people = people.left_join(bands, "user_id").drop("user_id_right")
        else:
            people = people.mutate(grade_band=null_value("string"))
        students = self.engine.fetch(people.order_by("user_id"))
        if Level.GROUP not in self.plan.levels:
            return _course_roster(students)
        memberships = self.tables["memberships"].order_by("group_id", "user_id")
        groups = self.engine.fetch(self.tables["groups"].order_by("group_id"))
        if not groups.num_rows:  # nobody can say who is enrolled, but there is a course
            groups = pa.concat_tables([groups, _course_roster(students).groups.cast(groups.schema)])
        return Roster(
            students=students,
            groups=groups,
            memberships=self.engine.fetch(memberships),
        )

    def _ever_members(self, roster: Roster) -> Members:
        if Level.GROUP not in self.plan.levels:
            return members_by_group(_memberships(roster.students, "in_e"))
        return members_by_group(self.engine.fetch(self.tables["ever_memberships"]))

    def _compute(
        self,
        one: Indicator,
        parameters: Parameters,
        roster: Roster,
        members: Members,
    ) -> Result:
        needed = self.registry.closure(one.key, hard=True)
        missing = tuple(name for name in needed if name in self.absent and name in DATASETS)
        if PEOPLE in needed and PEOPLE in self.absent:
            missing = ("enrollments", *missing)
        lacking = (self.lacking.get(name, ()) for name in needed)
        missing = tuple(dict.fromkeys((*missing, *chain.from_iterable(lacking))))
        everything = self.registry.closure(one.key)
        broken = next((self.broken[name] for name in everything if name in self.broken), None)
        notes: dict[str, object] = {}
        for name in everything:
            notes |= self.notes.get(name, {})
        reads_events = _EVENTS in needed
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
            staff_excluded="course_roles" not in self.absent,
            missing_source=missing,
            notes=notes,
        )
        if missing or broken or coverage == 0:
            failed = replace(envelope, status=Status.FAILED, error=broken) if broken else envelope
            return self._nothing(one, parameters, failed, roster)
        try:
            return self._measure(one, parameters, envelope, members)
        except Exception as exc:  # an edge: a plugin's code runs here
            failed = replace(envelope, status=Status.FAILED, error=_one_line(exc))
            return self._nothing(one, parameters, failed, roster)

    def _measure(
        self, one: Indicator, parameters: Parameters, envelope: Envelope, members: Members
    ) -> Result:
        shape = self.registry.student_shape(one.key)
        student: dict[str, pa.Table] = {}
        if shape and one.compute_student and needs_students(one, shape, self.plan.levels):
            student = self._finish(one, one.compute_student, shape, "user_id", parameters)
        numbers = tuple(field for field in shape.values if field.is_numeric) if shape else ()
        values = student.get(VALUES)
        has_numbers = values is not None and bool(numbers)
        for_groups = self._wants_groups(one)
        return Result(
            indicator=one,
            course_key=self.data.course_key,
            parameters=parameters,
            envelope=envelope,
            student=student,
            group=self._group_parts(one, parameters, student, members) if for_groups else {},
            summaries=summarise(values, numbers, members)
            if has_numbers and for_groups and one.summary
            else SUMMARY_SCHEMA.empty_table(),
            standing=standing(values, numbers, members[COURSE_GROUP])
            if has_numbers and Level.STUDENT in self.plan.levels
            else STANDING_SCHEMA.empty_table(),
        )

    def _group_parts(
        self,
        one: Indicator,
        parameters: Parameters,
        student: Mapping[str, pa.Table],
        members: Members,
    ) -> dict[str, pa.Table]:
        shape = self.registry.group_shape(one.key)
        if shape is None:
            return {}
        if one.compute_group is not None:
            return self._finish(one, one.compute_group, shape, "group_id", parameters)
        return {
            part.name: roll_up_cells(student[part.name], part, members, blocks=self._blocks())
            for part in shape.parts
            if part.many
        }

    def _blocks(self) -> pa.Table:
        return self.data.tables.get("blocks", DATASETS["blocks"].empty())

    def _finish(
        self, one: Indicator, compute: Compute, shape: Shape, subject: str, parameters: Parameters
    ) -> dict[str, pa.Table]:
        return finish_parts(
            one.key,
            shape,
            compute(self._visible(one.key, one), parameters),
            subject=subject,
            blocks=None if "blocks" in self.absent else self.tables["blocks"],
            engine=self.engine,
        )

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


def _course_roster(students: pa.Table) -> Roster:
    """The roster of a run that asks for no other group than the course."""
    memberships = _memberships(students, "in_l")
    counts = {
        "members": memberships.num_rows,
        "ever_members": pc.sum(students["in_e"]).as_py() or 0,
    }
    groups = pa.Table.from_pylist([{"group_id": COURSE_GROUP, **counts}])
    return Roster(students=students, groups=groups, memberships=memberships)


def _memberships(students: pa.Table, condition: str) -> pa.Table:
    users = students.filter(students[condition])["user_id"]
    course = pa.array([COURSE_GROUP] * len(users), pa.string())
    return pa.table({"group_id": course, "user_id": users})


def _empty(derived: Intermediate) -> pa.Table:
    kinds = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "string": pa.string()}
    return pa.schema([pa.field(n, kinds[k]) for n, k in derived.columns.items()]).empty_table()


def _one_line(exc: Exception) -> str:
    """An error as one line for the operator; it may name values, so no client is shown it."""
    text = str(exc) if isinstance(exc, CourselensError) else f"{type(exc).__name__}: {exc}"
    return " ".join(text.split())[:500]
