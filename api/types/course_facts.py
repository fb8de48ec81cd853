"""A course's own facts, wherever it is met."""

from __future__ import annotations

from datetime import datetime

import strawberry

from api.context import CourseSource
from api.cursors import write_id
from api.schema.records import Column, Record

COURSE_ID = "Course"

COURSE_FACTS = Record(
    "Course",
    "A course run that has numbers.",
    (
        Column("id", strawberry.ID, "Global id.", nullable=False),
        Column("key", strawberry.ID, "Course key, `course-v1:…`.", nullable=False),
        Column("title", str, "Name of the course."),
        Column("org", str, "Organisation."),
        Column("start", datetime, "Start of the course."),
        Column("end", datetime, "End of the course."),
        Column("computed_at", datetime, "When its numbers were last computed.", nullable=False),
    ),
    is_node=True,
)


class CourseNode:
    """What the fields of `Course` are read from."""

    def __init__(self, source: CourseSource) -> None:
        record = source.record
        self.source = source
        self.key = record.course_key
        self.title = record.display_name
        self.org = record.org
        self.start = record.start_at
        self.end = record.end_at
        self.computed_at = record.computed_at

    @property
    def id(self) -> str:
        """Global id."""
        return write_id(COURSE_ID, self.key)
