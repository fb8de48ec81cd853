"""A course run as it was loaded: its tables, and what is needed to bring them up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from loaders.course_rows import build_course_tables
from loaders.datasets import BLOCK_ACCESS, BLOCKS, COURSES, GRADING_POLICY
from loaders.problem import Problem
from loaders.tree import RawCourse


@dataclass(frozen=True, slots=True)
class LoadedCourse:
    """The tables of a course run.

    `tables` are `courses`, `blocks`, `block_access` and `grading_policy`, the last absent where
    the policy is unknown or empty. `version` is the id of the published structure, None in the
    old store and where the run was never published. `video_ids` is `edx_video_id` by block key.
    """

    course_key: str
    version: str | None
    tables: dict[str, pa.Table]
    problems: tuple[Problem, ...] = ()
    video_ids: Mapping[str, str] = field(default_factory=dict)

    def with_videos(self, course_videos: pa.Table) -> LoadedCourse:
        """The course with the lengths of its videos, which are not in its structure.

        Args:
            course_videos: the dataset of that name; a length that is null or 0 is unknown.
        """
        seconds = dict(
            zip(
                course_videos["edx_video_id"].to_pylist(),
                course_videos["duration_seconds"].to_pylist(),
                strict=True,
            )
        )
        known = {
            block_key: seconds[video_id]
            for block_key, video_id in self.video_ids.items()
            if seconds.get(video_id)
        }
        if not known:
            return self
        blocks = self.tables[BLOCKS.name]
        column = [
            known.get(key, before)
            for key, before in zip(
                blocks["block_key"].to_pylist(),
                blocks["duration_seconds"].to_pylist(),
                strict=True,
            )
        ]
        at = blocks.schema.get_field_index("duration_seconds")
        changed = blocks.set_column(at, blocks.schema.field(at), pa.array(column, pa.float64()))
        return replace(self, tables={**self.tables, BLOCKS.name: changed})


def no_course(course_key: str) -> LoadedCourse:
    """A run that has no published structure: tables without rows."""
    datasets = (COURSES, BLOCKS, BLOCK_ACCESS, GRADING_POLICY)
    return LoadedCourse(course_key, None, {each.name: each.empty() for each in datasets})


def build_course(
    course: RawCourse, *, version: str | None, problems: tuple[Problem, ...] = ()
) -> LoadedCourse:
    """Walk a course and make its tables; takes the time of its size."""
    tables, found = build_course_tables([course])
    return LoadedCourse(
        course_key=course.course_key,
        version=version,
        tables=tables,
        problems=problems + found,
        video_ids={
            key: video_id
            for key, block in course.blocks.items()
            if block.block_type == "video"
            and isinstance(video_id := block.fields.get("edx_video_id"), str)
            and video_id
        },
    )
