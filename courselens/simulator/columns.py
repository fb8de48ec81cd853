"""The text of each `<column>` of an event template, for many events at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from courselens.domain import from_day_number
from courselens.simulator.course import ARM_NAMES, COHORTS, Course
from courselens.simulator.events import Array
from courselens.simulator.options import DAY_US, SECOND_US
from courselens.simulator.outline import points
from courselens.simulator.people import AGENTS, LANGUAGES, People
from courselens.simulator.roster import MODES, SPEEDS
from courselens.simulator.wording import GRADES, HOST, courseware_path, word_answers

TEXT = pa.large_string()
_MARGIN_DAYS = 100  # around the courses, in which all events lie


def texts(values: list[str]) -> pa.Array:
    """Arrow strings."""
    return pa.array(values, TEXT)


def join(*parts: pa.Array | str) -> pa.Array:
    """Concatenate strings row by row."""
    scalars = [pa.scalar(part, TEXT) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, pa.scalar("", TEXT))


class Columns:
    """Looks up columns; holds the texts of all people and all blocks of all courses."""

    def __init__(self, people: People, courses: list[Course]) -> None:
        self._username = texts(people.username)
        self._user_id = texts([str(number) for number in people.user_id.tolist()])
        self._session = texts(people.session)
        self._uuid = texts([f"{s[:8]}-{s[8:12]}-4{s[12:15]}-8{s[15:18]}-" for s in people.session])
        self._client = texts(_clients(people))
        self._first_day = min(c.start_us for c in courses) // DAY_US - _MARGIN_DAYS
        self._dates = texts(_days(self._first_day, max(c.end_us for c in courses) // DAY_US))
        self._clock = texts(
            [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86_400)]
        )
        self._thousand = texts([f"{nth:03}" for nth in range(1000)])
        self._hex = texts([f"{nth:04x}" for nth in range(65_536)])
        self._speeds = texts(list(SPEEDS))
        self._modes = texts(list(MODES))
        self._arms = texts(list(ARM_NAMES))
        self._cohorts = texts(list(COHORTS))
        self._verdicts = texts(["incorrect", "correct"])
        self._answers = word_answers(courses)
        blocks = [(course, block) for course in courses for block in course.blocks]
        self._start_us = np.array([course.start_us for course, _ in blocks])
        self._inputs = np.array([block.inputs for _, block in blocks])
        self._graded = np.array([block.graded for _, block in blocks])
        self._course = np.array([course.number for course, _ in blocks])
        self._by_block = {
            "block_key": texts([course.block_key(block) for course, block in blocks]),
            "block_id": texts([block.block_id for _, block in blocks]),
            "block_name": texts([block.name for _, block in blocks]),
            "block_type": texts([block.type for _, block in blocks]),
            "page_path": texts([courseware_path(course, block) for course, block in blocks]),
            "max_grade": texts([str(block.inputs) for _, block in blocks]),
            "possible": texts([str(points(block)) for _, block in blocks]),
            "hint_len": texts([str(block.hints) for _, block in blocks]),
            "video_seconds": texts([f"{block.duration_ms / 1000:g}" for _, block in blocks]),
            "video_code": texts([block.block_id[:11] for _, block in blocks]),
            "topic": texts(
                [block.block_id if block.type == "discussion" else "course" for _, block in blocks]
            ),
        }
        self._by_course = {
            "course_key": texts([course.key for course in courses]),
            "course_slug": texts([f"{c.org}.{c.course}.{c.run}" for c in courses]),
            "course_version": texts([_hash(c.key, 12) for c in courses]),
            "policy_hash": texts([_hash(c.key + "policy", 14) for c in courses]),
            "staff_name": texts([people.username[_staff(people, c)] for c in courses]),
            "staff_id": texts([str(people.user_id[_staff(people, c)]) for c in courses]),
        }
        self._letters = [[*(name for name, _ in course.cutoffs), ""] for course in courses]
        self._makers: dict[str, Callable[[Array], pa.Array]] = {
            "username": lambda rows: self._username.take(rows["who"]),
            "user_id": lambda rows: self._user_id.take(rows["who"]),
            "client": lambda rows: self._client.take(rows["who"]),
            "session": self._make_session,
            "uuid": self._make_uuid,
            "time": lambda rows: self._instant(rows["at_us"]),
            "received": lambda rows: self._instant(rows["arrive_us"]),
            "first_attempted": self._make_first_attempted,
            "success": self._make_success,
            "b_letter": self._make_letter,
            "a_clock": lambda rows: self._clock.take(rows["a"] // 1000),
            "a_percent": lambda rows: pa.array(rows["a"] / 100).cast(TEXT),
            "c_user": lambda rows: self._username.take(rows["c"]),
            "mode": lambda rows: self._modes.take(rows["a"]),
            "arm_name": lambda rows: self._arms.take(rows["a"]),
            "cohort_name": lambda rows: self._cohorts.take(rows["a"]),
            "cohort_id": lambda rows: self._numbers(
                cohort_id(self._course[rows["block"]], rows["a"])
            ),
        }

    def column(self, name: str, rows: Array) -> pa.Array:
        """Text of column `name` for rows of `EVENT`.

        Raises:
            KeyError: There is no such column.
        """
        if name in self._by_block:
            return self._by_block[name].take(rows["block"])
        if name in self._by_course:
            return self._by_course[name].take(self._course[rows["block"]])
        if name in self._makers:
            return self._makers[name](rows)
        if name in ("answers", "correct_map", "submission", "form"):
            return getattr(self._answers, name).take(rows["block"] * GRADES + rows["b"])
        field, _, unit = name.partition("_")
        values = rows[field]
        if unit == "seconds":
            return pa.array(values / 1000).cast(TEXT)
        if unit in ("points", "graded"):
            counted = values if unit == "points" else values * self._graded[rows["block"]]
            return pa.array(counted / 100).cast(TEXT)
        if unit == "speed":
            return self._speeds.take(values)
        if unit == "post":
            return self.post_ids(self._course[rows["block"]], values)
        if unit:
            raise KeyError(name)
        return self._numbers(values)

    def post_ids(self, course_numbers: Array, numbers: Array) -> pa.Array:
        """Forum ids of posts, as `courselens.simulator.package.post_id` makes them."""
        return join(
            "65b0c0de0000",
            self._hex.take(course_numbers),
            self._hex.take(numbers >> 16),
            self._hex.take(numbers & 65_535),
        )

    def _instant(self, at_us: Array) -> pa.Array:
        """ISO text in UTC; whole seconds have no fraction, as in real logs."""
        second = at_us // SECOND_US
        micro = at_us - second * SECOND_US
        day = second // 86_400
        head = join(
            self._dates.take(day - self._first_day), "T", self._clock.take(second - day * 86_400)
        )
        fraction = join(".", self._thousand.take(micro // 1000), self._thousand.take(micro % 1000))
        return join(head, pc.if_else(pa.array(micro == 0), "", fraction), "+00:00")

    def _make_session(self, rows: Array) -> pa.Array:
        # A session of the site outlives the day and many sittings.
        span = rows["at_us"] // (5 * DAY_US) & 65_535
        return join(self._session.take(rows["who"]), self._hex.take(span))

    def _make_uuid(self, rows: Array) -> pa.Array:
        at = rows["at_us"]
        parts = [self._hex.take(at >> shift & 65_535) for shift in (32, 16, 0)]
        return join(self._uuid.take(rows["who"]), *parts)

    def _make_first_attempted(self, rows: Array) -> pa.Array:
        second = self._start_us[rows["block"]] // SECOND_US + rows["c"]
        day = second // 86_400
        return join(
            self._dates.take(day - self._first_day), " ", self._clock.take(second - day * 86_400),
            "+00:00",
        )  # fmt: skip

    def _make_success(self, rows: Array) -> pa.Array:
        solved = rows["b"] == self._inputs[rows["block"]]
        return self._verdicts.take(solved.astype(np.int8))

    def _make_letter(self, rows: Array) -> pa.Array:
        courses = self._course[rows["block"]].tolist()
        return texts(
            [self._letters[c][nth] for c, nth in zip(courses, rows["b"].tolist(), strict=True)]
        )

    def _numbers(self, values: Array) -> pa.Array:
        return pa.array(values).cast(TEXT)


def cohort_id(course: Array | int, cohort: Array | int) -> Array:
    """Id of a cohort in the database."""
    return np.asarray(np.asarray(course) * len(COHORTS) + np.asarray(cohort) + 1)


def _days(first: int, last: int) -> list[str]:
    return [from_day_number(day).isoformat() for day in range(first, last + _MARGIN_DAYS)]


def _clients(people: People) -> list[str]:
    return [
        f'"ip": "{ip}", "agent": "{AGENTS[agent]}", "host": "{HOST}", '
        f'"accept_language": "{LANGUAGES[language]}"'
        for ip, agent, language in zip(
            people.ip, people.agent.tolist(), people.language.tolist(), strict=True
        )
    ]


def _staff(people: People, course: Course) -> int:
    return people.team_member(course.number, "instructor")


def _hash(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
