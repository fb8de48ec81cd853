"""What indicators and intermediates declare; authors import it from `courselens.plugin`."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from courselens.domain import Level
from indicators.live import Live, LiveCourse, LiveStudents
from indicators.parameters import Parameter, Parameters

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from indicators.tables import Tables

CONTRACT_VERSION = 1
"""Raised when plugins that were written for the last one would no longer do."""

ENTRY_POINT_GROUP = f"courselens.indicators.v{CONTRACT_VERSION}"
"""Entry-point group of indicators, intermediates and datasets."""


class Privacy(enum.StrEnum):
    """Who may see a result (catalogue 1.13).

    Attributes:
        SELF: students, their own.
        STAFF: the course's team, of every student and group.
        PROFILE: those of the team who may use profiles, of every group.
        AGG: students of the course, of the whole class, without small numbers.
    """

    SELF = "self"
    STAFF = "staff"
    PROFILE = "profile"
    AGG = "agg"


class Cost(enum.StrEnum):
    """How a result is obtained.

    Attributes:
        LIVE: at request time, from the platform's databases.
        PRECOMPUTED: ahead of it, by a worker.
    """

    LIVE = "live"
    PRECOMPUTED = "precomputed"


class Compute(Protocol):
    """The code of an indicator: table expressions over its declared tables.

    Returns one expression when the result has one part, else one per part by its name (the scalar
    fields are the part `values`). Student-level rows carry `user_id`, group-level rows `group_id`.
    """

    def __call__(
        self, tables: Tables, parameters: Parameters, /
    ) -> ir.Table | Mapping[str, ir.Table]:
        """Build the expressions."""
        ...


@dataclass(slots=True, eq=False, kw_only=True)
class Indicator:
    """A learning metric: what it is, what it needs, what it gives, and its code.

    Attributes:
        key: snake_case, unique; a plugin's keys start with the plugin's name.
        version: raised when a formula or default changes.
        title: a few words, for headings and lists.
        unit: of the main value: seconds, days, count, share (0 to 1), percent (0 to 100), ...
        family: under which it is listed: activity, time, grades, video, problems, ...
        levels: whom it can be asked for.
        needs: datasets and intermediates without which there is no result (null with
            `missing_source`).
        uses: the same, but an absent one is an empty table.
        parameters: own parameters; those of its intermediates come by themselves.
        definitions: values of `definition` it knows.
        student: result type of one student, or None.
        group: result type of a group where more than the free summary is given, or None. With code
            of its own (`for_groups`) any type; without, the student's own type: its cells are then
            rolled up one by one (catalogue 1.11).
        population: `enrolled`, or `ever_enrolled` with those who left (catalogue 1.1).
        summary: whether groups get the free summary of numeric student fields (catalogue 1.11);
            False where the group's code gives another one, over other students.
        takes_window: whether `start` and `end` apply.
        merges: whether daily partial results add up.
        privacy: who may see it: SELF the student alone, STAFF the course team, PROFILE in its
            place where people are counted by their profiles, AGG numbers of a class for its
            students.
        cost: LIVE where there is live code, which answers requests wherever the sources that it
            reads are configured; else, and for filters, orders and statistics, what the workers
            have computed counts.
        chart: Vega-Lite specification that draws a result, or None. Its data are the parts of the
            result by name: `{"data": {"name": "rows"}}`.
    """

    key: str
    version: int
    title: str
    description: str
    unit: str
    family: str
    levels: tuple[Level, ...]
    needs: tuple[str, ...]
    uses: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    definitions: tuple[str, ...] = ("courselens",)
    student: type | None = None
    group: type | None = None
    population: str = "enrolled"
    summary: bool = True
    takes_window: bool = False
    merges: bool = False
    privacy: tuple[Privacy, ...] = (Privacy.STAFF,)
    cost: Cost = Cost.PRECOMPUTED
    chart: Mapping[str, object] | None = None
    compute_student: Compute | None = None
    compute_group: Compute | None = None
    live_student: Live | None = field(default=None, init=False)
    live_course: Live | None = field(default=None, init=False)
    provider: str = field(default="", init=False)
    provider_version: str = field(default="", init=False)

    def for_groups(self, compute: Compute) -> Compute:
        """Decorate the code that gives the `group` result."""
        self.compute_group = compute
        return compute

    def live_for_students(
        self, *, reads: tuple[str, ...]
    ) -> Callable[[LiveStudents], LiveStudents]:
        """Decorate an async function that gives students' values at request time.

        It must give what the table expression gives for the same facts; `reads` names the datasets
        that it asks its `Sources` for.
        """

        def attach(compute: LiveStudents) -> LiveStudents:
            self.live_student = Live(reads, compute)
            return compute

        return attach

    def live_for_course(self, *, reads: tuple[str, ...]) -> Callable[[LiveCourse], LiveCourse]:
        """Decorate an async function that gives the course's `group` value at request time.

        Only for indicators that nobody but the course team sees of a course: what students see of
        others may not change with every single one of them.
        """

        def attach(compute: LiveCourse) -> LiveCourse:
            self.live_course = Live(reads, compute)
            return compute

        return attach


def indicator(
    *,
    key: str,
    version: int,
    title: str,
    unit: str,
    family: str,
    levels: tuple[Level, ...],
    needs: tuple[str, ...],
    uses: tuple[str, ...] = (),
    parameters: tuple[Parameter, ...] = (),
    definitions: tuple[str, ...] = ("courselens",),
    student: type | None = None,
    group: type | None = None,
    population: str = "enrolled",
    summary: bool = True,
    takes_window: bool = False,
    merges: bool = False,
    privacy: tuple[Privacy, ...] = (Privacy.STAFF,),
    cost: Cost = Cost.PRECOMPUTED,
    chart: Mapping[str, object] | None = None,
) -> Callable[[Compute], Indicator]:
    """Declare an indicator.

    The decorated function computes its students, or its groups if it has no student result; its
    docstring is the indicator's description. The other arguments are `Indicator`'s attributes.
    """

    def declare(compute: Compute) -> Indicator:
        return Indicator(
            key=key,
            version=version,
            title=title,
            description=inspect.getdoc(compute) or "",
            unit=unit,
            family=family,
            levels=levels,
            needs=needs,
            uses=uses,
            parameters=parameters,
            definitions=definitions,
            student=student,
            group=group,
            population=population,
            summary=summary,
            takes_window=takes_window,
            merges=merges,
            privacy=privacy,
            cost=cost,
            chart=chart,
            compute_student=compute if student is not None else None,
            compute_group=compute if student is None else None,
        )

    return declare


@dataclass(slots=True, eq=False, kw_only=True)
class Intermediate:
    """A table derived from datasets once per run and shared by indicators (catalogue 1.20).

    Attributes:
        name: snake_case, unique; begins with the plugin's name.
        columns: name -> kind (int, float, bool, string), checked when it is built.
        version: raised when its rows come out otherwise; whatever rests on it is computed again.
        needs: datasets and intermediates without which it does not exist.
        uses: the same, but an absent one is an empty table.
        parameters: what its rows depend on beside the window and the common parameters.
        notes: columns of a table of one row that every result resting on it reports in its
            envelope, such as `cutoff_defaulted`.

    `build` may raise `MissingSource` where its sources stand in for each other: the table is then
    absent, and what needs it is null with these names as `missing_source`.
    """

    name: str
    description: str
    columns: Mapping[str, str]
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    build: Callable[[Tables, Parameters], ir.Table]
    notes: tuple[str, ...] = ()
    version: int = 1
    provider: str = field(default="", init=False)
    provider_version: str = field(default="", init=False)


def intermediate(
    *,
    name: str,
    columns: Mapping[str, str],
    needs: tuple[str, ...] = (),
    uses: tuple[str, ...] = (),
    parameters: tuple[Parameter, ...] = (),
    notes: tuple[str, ...] = (),
    version: int = 1,
) -> Callable[[Callable[[Tables, Parameters], ir.Table]], Intermediate]:
    """Declare an intermediate; the function's docstring is its description."""

    def declare(build: Callable[[Tables, Parameters], ir.Table]) -> Intermediate:
        return Intermediate(
            name=name,
            description=inspect.getdoc(build) or "",
            columns=columns,
            needs=needs,
            uses=uses,
            parameters=parameters,
            build=build,
            notes=notes,
            version=version,
        )

    return declare
