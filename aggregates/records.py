"""What is read from the store, as values; instants are aware datetimes in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aggregates.fields import FieldRef
from aggregates.filters import Cursor


@dataclass(frozen=True, slots=True)
class CourseRecord:
    """A course that has numbers; `run_id` names the version of its data."""

    course_id: int
    course_key: str
    display_name: str | None
    org: str | None
    start_at: datetime | None
    end_at: datetime | None
    self_paced: bool | None
    pass_cutoff: float | None
    lowest_passing_grade: float | None
    run_id: int
    computed_at: datetime


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A named set of the course's students; `kind` is course, cohort, mode or arm."""

    group_id: str
    kind: str
    name: str
    members: int


@dataclass(frozen=True, slots=True)
class EnvelopeRecord:
    """How a result was made (catalogue 1.18); a border of the window is None where unbounded."""

    indicator: str
    version: int
    provider: str
    provider_version: str
    unit: str
    parameters: Mapping[str, Any]
    start_at: datetime | None
    end_at: datetime | None
    as_of: datetime | None
    computed_at: datetime | None
    state_as_of: datetime | None
    coverage: float
    partial: bool
    population_basis: str
    staff_excluded: bool
    missing_source: tuple[str, ...]
    notes: Mapping[str, Any]
    status: str
    error: str | None


@dataclass(frozen=True, slots=True)
class SummaryRecord:
    """Statistics of a field over a group (catalogue 1.11); `group_id` is empty for an ad-hoc one.

    `histogram` counts equal bins from minimum to maximum, half-open, the last closed; one bin when
    all values are equal, none without values.
    """

    group_id: str
    indicator: str
    field: str
    n: int
    n_null: int
    mean: float | None
    sd: float | None
    median: float | None
    p25: float | None
    p75: float | None
    sum: float | None
    minimum: float | None
    maximum: float | None
    histogram: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReleasedRecord:
    """A number or row as the class was last told it (`aggregates/releases.py` says when).

    Attributes:
        part: of the group's result; `summary.<field>` for the free summary of a field.
        content: values by field, days and instants as text.
        people: whose values they are made of; None: the counts among them tell.
        size: students of the class then.
        ever: the same with those who had left.
        most_equal: people with the commonest value, of a summary.
        ranks: values at `units.RANKS`, of a summary.
    """

    indicator: str
    part: str
    content: Mapping[str, Any]
    people: int | None
    size: int
    ever: int
    most_equal: int | None
    ranks: Sequence[float] | None
    as_of: datetime | None
    computed_at: datetime | None
    state_as_of: datetime | None


@dataclass(frozen=True, slots=True)
class AdHocSummaries:
    """Statistics of whoever matches a filter; `size` counts them, all from one snapshot."""

    size: int
    summaries: Mapping[tuple[str, str], SummaryRecord]

    def of(self, ref: FieldRef) -> SummaryRecord:
        """The summary of one of the fields that were asked for."""
        return self.summaries[ref.indicator, ref.field]


@dataclass(frozen=True, slots=True)
class StudentRecord:
    """A student of a course: in `L` (enrolled) or only in `E` (ever enrolled)."""

    user_id: int
    username: str | None
    mode: str | None
    cohort: str | None
    grade_band: str | None
    year_of_birth: int | None
    gender: str | None
    level_of_education: str | None
    country: str | None
    enrolled_at: datetime | None
    in_l: bool
    in_e: bool


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """A role of a user: for a course, for all of an org (no course), or global (neither)."""

    org: str | None
    course_key: str | None
    role: str


@dataclass(frozen=True, slots=True)
class OwnCourses:
    """The courses of which a user is told their own row.

    Attributes:
        user_id: whose.
        team_keys: those that the user has left are told in these courses; None: in all.
        team_orgs: and in all courses of these.
        within_orgs: courses of other orgs are left out; None: none is.
    """

    user_id: int
    team_keys: Sequence[str] | None
    team_orgs: Sequence[str]
    within_orgs: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class StudentPage:
    """Students in the order asked for, a cursor for each, and whether more follow."""

    students: list[StudentRecord]
    cursors: list[Cursor]
    has_next: bool


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """A block of the course tree, for names and order; `position` is its place in preorder."""

    block_key: str
    block_type: str | None
    display_name: str | None
    position: int | None
    depth: int | None
    parent_key: str | None
    chapter_key: str | None
    sequential_key: str | None
    vertical_key: str | None
    graded: bool | None
    assignment_type: str | None
    due_at: datetime | None
