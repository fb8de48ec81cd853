"""Finished results: Arrow tables by part, with the envelope that says how they were made."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from indicators.contract import Indicator
from indicators.parameters import Parameters

if TYPE_CHECKING:
    import pyarrow as pa

COURSE_GROUP = "course"
"""`group_id` of all students. Others: `cohort:NAME`, `mode:NAME`, `arm:PARTITION:GROUP`."""

STATISTICS = ("n", "n_null", "mean", "sd", "median", "p25", "p75", "sum", "minimum", "maximum")
"""Columns of a summary; `sum` is null unless the field is seconds or a count (catalogue 1.11)."""


class Status(enum.StrEnum):
    """Whether a result is there.

    Attributes:
        READY: it is; a value may still be null, and then it has none.
        PENDING: not yet: the next refresh will compute it.
        FAILED: it could not be computed at the last refresh.
    """

    READY = "ready"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a result was made (catalogue 1.18); the subject's own n, n_null stand in the rows."""

    indicator: str
    version: int
    unit: str
    parameters: Mapping[str, object]
    start_us: int
    end_us: int
    as_of_us: int
    computed_us: int
    state_as_of_us: int | None
    coverage: float
    partial: bool
    population_basis: str  # enrollment, enr_events or events (catalogue 1.1)
    staff_excluded: bool
    missing_source: tuple[str, ...] = ()
    notes: Mapping[str, object] = field(default_factory=dict)  # such as cutoff_defaulted
    status: Status = Status.READY
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One indicator of one course.

    Attributes:
        student: rows by part, each with `user_id`, the part's keys and values.
        group: the same with `group_id`: what `for_groups` gave, or cells rolled up (1.11).
        summaries: `arrow.SUMMARY_SCHEMA`; empty without a scalar numeric student field.
        standing: `arrow.STANDING_SCHEMA`.
    """

    indicator: Indicator
    course_key: str
    parameters: Parameters
    envelope: Envelope
    student: Mapping[str, pa.Table]
    group: Mapping[str, pa.Table]
    summaries: pa.Table
    standing: pa.Table


@dataclass(frozen=True, slots=True)
class Roster:
    """The students and groups that results are about.

    Attributes:
        students: user_id, username, in_l, in_e, mode, cohort, grade_band, year_of_birth, gender,
            level_of_education, country, enrolled_us.
        groups: group_id, kind (course, cohort, mode, arm), name, members.
        memberships: group_id, user_id.
    """

    students: pa.Table
    groups: pa.Table
    memberships: pa.Table


@dataclass(frozen=True, slots=True)
class CourseResults:
    """Everything one refresh of one course gives.

    `roles` has the columns of the `course_roles` dataset: the course team of the course and of its
    org, and global staff as `global_staff` without course and org; inactive users hold no role.
    """

    course_key: str
    roster: Roster
    roles: pa.Table
    blocks: pa.Table  # BLOCKS dataset of the course, for names and order; empty without a structure
    course: Mapping[str, object]  # display_name, org, start_us, end_us, pass_cutoff ...
    results: tuple[Result, ...]
