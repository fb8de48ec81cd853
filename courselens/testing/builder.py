"""A course built row by row: structure, people, grades and events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from courselens.domain import to_us
from courselens.testing.built import BuiltCourse
from courselens.testing.loading import load_dataset
from courselens.testing.steps import Steps
from indicators.data import CourseData
from indicators.own_datasets import OwnDataset
from loaders.datasets import DATASETS

_CONTAINERS = ("course", "chapter", "sequential", "vertical")
_WRAPPERS = ("library_content", "split_test")

_FAMILIES = {
    "video": ("load_video", "play_video", "pause_video", "stop_video", "seek_video",
              "speed_change_video"),
    "prob": ("problem_check", "problem_show", "showanswer", "reset_problem", "problem_rescore",
             "problem_get"),
    "nav": ("page", "/courseware", "page_close", "seq_goto", "seq_next", "seq_prev"),
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
        self._own: dict[str, OwnDataset] = {}

    def add(self, dataset: str | OwnDataset, **columns: Any) -> CourseBuilder:
        """Add one row to a dataset of the platform, by name, or to one of a plugin's own.

        `*_us` columns may be given as datetimes or ISO text.
        """
        if isinstance(dataset, OwnDataset):
            self._own[dataset.name] = dataset
            dataset = dataset.name
        known = self._columns_of(dataset)
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

    def _columns_of(self, dataset: str) -> Mapping[str, str]:
        own = self._own.get(dataset)
        return DATASETS[dataset].columns if own is None else own.columns

    def load(self, own: OwnDataset, **settings: object) -> CourseBuilder:
        """Add the rows about this course that the loader of a plugin's own dataset gives."""
        self._own[own.name] = own
        rows = load_dataset(own, course_keys=(self.course_key,), **settings).to_pylist()
        self.rows.setdefault(own.name, []).extend(
            row for row in rows if row.get("course_key", self.course_key) == self.course_key
        )
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

    def video(
        self, block_key: str, at: str, *, seconds: float | None = None, **columns: Any
    ) -> CourseBuilder:
        """Add a video of so many seconds at a place such as `C1/S1/U1`."""
        return self.block(
            block_key, "video", under=self._place(at), duration_seconds=seconds, **columns
        )

    def problem(
        self,
        block_key: str,
        at: str,
        *,
        points: float = 1.0,
        graded_as: str | None = None,
        **columns: Any,
    ) -> CourseBuilder:
        """Add a problem at a place such as `C1/S1/U1`.

        `graded_as` is the assignment type of its sequential, for the first block placed there.
        """
        under = self._place(at, graded_as)
        return self.block(block_key, "problem", under=under, weight=points, **columns)

    def _place(self, at: str, graded_as: str | None = None) -> str:
        """Key of the last block of a path `chapter/sequential/vertical`; what is new is added."""
        under: str | None = None
        for key, kind in zip(("course", *at.split("/")), _CONTAINERS, strict=False):
            known = {row["block_key"]: row for row in self.rows.get("blocks", ())}
            if key not in known:
                graded = {} if graded_as is None or kind != "sequential" else {
                    "graded": True, "assignment_type": graded_as
                }  # fmt: skip
                self.block(key, kind, under=under, **graded)
            elif key not in self._open_blocks():
                raise ValueError(f"{at}: {key} is over; add blocks in the order of the course")
            under = key
        assert under is not None  # noqa: S101 the course itself is one
        return under

    def _open_blocks(self) -> set[str]:
        """Blocks that the last one lies in, and itself."""
        known = {row["block_key"]: row for row in self.rows.get("blocks", ())}
        row = self.rows["blocks"][-1] if known else None
        found = set()
        while row is not None:
            found.add(row["block_key"])
            row = known.get(row["parent_key"])
        return found

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

    def steps_of(self, user_id: int, begins: datetime | str) -> Steps:
        """What a student did from an instant on, as a sentence."""
        begins = datetime.fromisoformat(begins) if isinstance(begins, str) else begins
        return Steps(self, user_id, begins)

    def tables(self) -> dict[str, pa.Table]:
        """Arrow tables of every dataset that was mentioned."""
        schemas = {name: one.schema for name, one in DATASETS.items()}
        schemas |= {name: own.dataset.schema for name, own in self._own.items()}
        return {
            name: pa.Table.from_pylist(rows, schema=schemas[name])
            for name, rows in self.rows.items()
        }

    def data(self, folder: Path, *, covered: tuple[str, str] | None = None) -> CourseData:
        """The course as a run takes it: see `BuiltCourse.data`."""
        return BuiltCourse(self.course_key, self.tables()).data(folder, covered=covered)


def _instant(value: Any) -> int | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return to_us(value) if isinstance(value, datetime) else value
