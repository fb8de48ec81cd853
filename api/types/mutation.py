"""What may be set going: a refresh of a course's numbers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

import strawberry

from aggregates.work import Ask, Kind, Priority, State
from api.access.policy import require_team
from api.context import context_of
from api.schema.fields import Argument, Info, TypeMaker, plain, resolved
from api.types.course_facts import CourseNode

_ASKED_BY = "course team"
"""Not who: the work is done with nobody's rights, and the table keeps no people."""


class RefreshState(enum.StrEnum):
    """Where a refresh stands.

    Attributes:
        QUEUED: It waits for a worker; for ever, if none runs.
        RUNNING: It is being computed. What was asked for meanwhile is computed once more after it.
        SET_ASIDE: It was stopped too often, and waits until an operator has looked at it.
    """

    QUEUED = "queued"
    RUNNING = "running"
    SET_ASIDE = "set_aside"


_STATES = {
    State.DUE: RefreshState.QUEUED,
    State.RUNNING: RefreshState.RUNNING,
    State.PARKED: RefreshState.SET_ASIDE,
}


@dataclass(frozen=True, slots=True)
class CourseRefresh:
    """What the fields of the type of this name are read from."""

    course: CourseNode
    state: str
    requested_at: datetime
    started_at: datetime | None


def mutation_type(maker: TypeMaker, course: type) -> type:
    """The type `Mutation`; `course` is the registry's type of a course."""
    refresh = maker.object(
        "CourseRefresh",
        [
            plain("course", course, "The course, with the numbers that it has now."),
            plain("state", maker.enum(RefreshState), "Where the refresh stands."),
            plain("requested_at", datetime, "When it was first asked for."),
            plain("started_at", datetime | None, "Since when it is computed; null: it is not."),
        ],
        description="A refresh that was asked for. `courseRefreshed` tells when it has ended, "
        "also where the numbers stay as they are.",
    )
    return maker.object(
        "Mutation",
        [
            resolved(
                "refresh_course",
                _refresh_course,
                refresh | None,
                description="Have a course's numbers computed anew, before anything that nobody "
                "waits for. Asked twice it is done once. For the course team.",
                arguments={"key": Argument(strawberry.ID, "Course key, `course-v1:…`.")},
            ),
        ],
        description="What may be set going. Not by GET.",
    )


async def _refresh_course(root: None, info: Info, key: str) -> CourseRefresh:
    context = context_of(info)
    source = await context.course(key)
    require_team(source.access, what="have it refreshed")
    assert context.work is not None  # noqa: S101 - given by every door for mutations
    ask = Ask(Kind.REFRESH_COURSE, source.record.course_key, Priority.PERSON)
    standing = await context.work.ask(ask, asked_by=_ASKED_BY)
    return CourseRefresh(
        CourseNode(source), _STATES[standing.state].value, standing.asked_at, standing.started_at
    )
