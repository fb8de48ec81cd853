"""A course built row by row: structure, people, grades and events."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from courselens.domain import DAY_US, to_us
from indicators.data import CourseData, LogCoverage
from loaders.datasets import DATASETS

_CONTAINERS = ("course", "chapter", "sequential", "vertical")
_WRAPPERS = ("library_content", "split_test")

_FAMILIES = {
    "video": ("load_video", "play_video", "pause_video", "stop_video", "seek_video",
              "speed_change_video"),
    "prob": ("problem_check", "problem_show", "showanswer", "reset_problem", "problem_rescore",
             "problem_get"),
    "nav": ("page", "page_close", "seq_goto", "seq_next", "seq_prev"),
    "enr": ("edx.course.enrollment.activated", "edx.course.enrollment.deactivated",
            "edx.course.enrollment.mode_changed"),
    "hint": ("edx.problem.hint.demandhint_displayed",),
    "forum": ("edx.forum.thread.created", "edx.forum.response.created",
              "edx.forum.comment.created", "edx.forum.thread.viewed"),
}  # fmt: skip
_FAMILY_OF = {name: family for family, names in _FAMILIES.items() for name in names}
_ACTIVITY_TYPES = {"video": "video", "prob": "problem", "hint": "problem", "forum": "forum"}


class CourseBuilder:
    """Collects rows of the datasets; what is never mentioned is absent, as in a real source.

    Instants are datetimes or ISO text in UTC. Rows of any dataset can be added with `add`; the
    other methods are short forms that fill in what follows from the structure.
    """

    def __init__(self, course_key: str = "course-v1:Org+Course+Run") -> None:
        self.course_key = course_key
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self._path: list[dict[str, Any]] = []

    def add(self, dataset: str, **columns: Any) -> CourseBuilder:
        """Add one row; `*_us` columns may be given as datetimes or ISO text."""
        known = DATASETS[dataset].columns
        unknown = set(columns) - set(known)
        if unknown:
            raise ValueError(f"{dataset} has no columns {sorted(unknown)}")
        row = {
            name: _instant(value) if name.endswith("_us") else value
            for name, value in columns.items()
        }
        if "course_key" in known:
            row.setdefault("course_key", self.course_key)
        self.rows.setdefault(dataset, []).append(row)
        return self

    def course(self, **columns: Any) -> CourseBuilder:
        """Describe the course: start_us, end_us, pass_cutoff ..."""
        return self.add("courses", **columns)

    def block(
        self, block_key: str, block_type: str, *, under: str | None = None, **columns: Any
    ) -> CourseBuilder:
        """Add a block below `under`, or below the root; parents come before children."""
        blocks = self.rows.setdefault("blocks", [])
        parent = next((row for row in blocks if row["block_key"] == under), None)
        if under is not None and parent is None:
            raise ValueError(f"{block_key}: there is no block {under} yet")
        inherited = {
            name: parent.get(name) if parent else None
            for name in ("chapter_key", "sequential_key", "vertical_key", "graded",
                         "assignment_type", "released_us", "due_us", "visible_to_staff_only",
                         "draw_wrapper_key", "draw_child_key")
        }  # fmt: skip
        if block_type in ("chapter", "sequential", "vertical"):
            inherited[f"{block_type}_key"] = block_key
        given = {"graded": False, "visible_to_staff_only": False}
        given |= {name: value for name, value in inherited.items() if value is not None}
        self.add(
            "blocks",
            **{
                "block_key": block_key,
                "block_type": block_type,
                "display_name": block_key,
                "position": len(blocks),
                "depth": parent["depth"] + 1 if parent else 0,
                "parent_key": under,
                "is_leaf": block_type not in (*_CONTAINERS, *_WRAPPERS),
                **given,
                **columns,
            },
        )
        return self

    def student(
        self,
        user_id: int,
        *,
        username: str | None = None,
        enrolled: datetime | str | None = None,
        mode: str = "audit",
        is_active: bool = True,
        cohort: str | None = None,
        is_staff: bool = False,
        **profile: Any,
    ) -> CourseBuilder:
        """Enrol somebody, with a profile and perhaps a cohort."""
        self.add(
            "enrollments", user_id=user_id, mode=mode, is_active=is_active, created_us=enrolled
        )
        name = username or f"student{user_id}"
        self.add("profiles", user_id=user_id, username=name, is_staff=is_staff, **profile)
        if cohort is not None:
            self.add("cohort_members", user_id=user_id, cohort=cohort)
        return self

    def event(
        self,
        user_id: int,
        when: datetime | str,
        event_type: str,
        location: str | None = None,
        **columns: Any,
    ) -> CourseBuilder:
        """Add an event; without a location it is carried from the learner's last one."""
        family = columns.pop("family", _FAMILY_OF.get(event_type, "other"))
        source = "server" if event_type in ("problem_check", *_FAMILIES["enr"]) else "browser"
        ts_us = _instant(when)
        assert ts_us is not None  # noqa: S101 an event has a time
        located: dict[str, Any] = {"location": location, "location_gap_us": None}
        if location is None:
            located = self._carried(user_id, ts_us)
        self.add(
            "events",
            **{
                "user_id": user_id,
                "username": f"student{user_id}",
                "ts_us": ts_us,
                "event_id": len(self.rows.get("events", ())),
                "event_type": event_type,
                "source": source,
                "family": family,
                "activity_type": _ACTIVITY_TYPES.get(family, "other"),
                "is_activity": family != "enr",
                "course_from_url": False,
                **located,
                **columns,
            },
        )
        return self

    def _carried(self, user_id: int, ts_us: int) -> dict[str, Any]:
        earlier = [
            row
            for row in self.rows.get("events", ())
            if row["user_id"] == user_id and row["is_activity"]
        ]
        if not earlier:
            return {"location": "_course_", "location_gap_us": None}
        last = max(earlier, key=lambda row: (row["ts_us"], row["event_id"]))
        gap = max(last["location_gap_us"] or 0, ts_us - last["ts_us"])
        return {"location": last["location"], "location_gap_us": gap}

    def tables(self) -> dict[str, pa.Table]:
        """Arrow tables of every dataset that was mentioned."""
        return {
            name: pa.Table.from_pylist(rows, schema=DATASETS[name].schema)
            for name, rows in self.rows.items()
        }

    def data(self, folder: Path, *, covered: tuple[str, str] | None = None) -> CourseData:
        """The course as a run takes it.

        Args:
            folder: where the events are written as Parquet.
            covered: first and last day of the logs; from the events if not given.
        """
        tables = self.tables()
        events = tables.pop("events", None)
        files: tuple[Path, ...] = ()
        coverage = None
        if events is not None and events.num_rows:
            files = (folder / "events.parquet",)
            pq.write_table(events, files[0])
            days = [ts // DAY_US for ts in events.column("ts_us").to_pylist()]
            coverage = LogCoverage(min(days), max(days))
        if covered is not None:
            first, last = (_instant(day) for day in covered)
            assert first is not None  # noqa: S101 both days are given
            assert last is not None  # noqa: S101
            coverage = LogCoverage(first // DAY_US, last // DAY_US)
        return CourseData(self.course_key, tables, files, coverage)


def _instant(value: Any) -> int | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return to_us(value) if isinstance(value, datetime) else value
