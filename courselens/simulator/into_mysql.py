"""Writes simulated courses into MySQL as an Open edX installation would hold them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa
import pymysql  # type: ignore[import-untyped]

from courselens.errors import BadParameter, SourceRefused, SourceUnavailable
from courselens.simulator import mysql_rows
from courselens.simulator.columns import Columns
from courselens.simulator.course import Course, build_course
from courselens.simulator.into_mongo import course_documents
from courselens.simulator.mysql_rows import Row
from courselens.simulator.options import Options
from courselens.simulator.outline import outline_course
from courselens.simulator.people import People, make_people
from courselens.simulator.records import Tables, chunk_tables, course_tables
from courselens.simulator.roster import CHUNK, members
from courselens.simulator.run import Account, Progress, SimulatedCourse
from courselens.simulator.truth import Truth, imagine
from loaders.mysql.versions import TABLE as VERSIONS

EXTENDED_HISTORY = "coursewarehistoryextended_studentmodulehistoryextended"
_OWN_IDS = frozenset(
    {"auth_user", "auth_userprofile", "course_groups_courseusergroup"}
    | {"course_groups_courseusergrouppartitiongroup"}
)
_SHARED = frozenset({"auth_user", "auth_userprofile", "student_courseaccessrole"})
"""Tables whose rows several courses have in common."""
_ELSEWHERE = frozenset({"user_id_map", "course_groups_cohortmembership"})
"""Package tables that no installation has, or has in another shape."""
_ROWS_PER_INSERT = 1000
_MARKER = "courselens_simulation"
"""Table of every database that a simulation fills; no platform has it."""
_CONNECT_SECONDS = 10
_NO_ANSWER = frozenset({2002, 2003, 2006, 2013})


@dataclass(frozen=True, slots=True)
class MySQLReport:
    """The courses that were written and the rows of each table."""

    courses: tuple[SimulatedCourse, ...]
    rows: dict[str, int]


def write_into_mysql(
    url: str,
    *,
    students: int = 500,
    weeks: int = 8,
    courses: int = 1,
    seed: int = 1,
    start: date = date(2025, 2, 3),
    history_url: str | None = None,
    enrollment_history: bool = False,
    forum: bool = True,
    progress: Progress | None = None,
) -> MySQLReport:
    """Make the platform's tables and fill them with simulated courses, instead of earlier ones.

    The facts are those that `simulate` writes into files for the same arguments: the database of
    the installation whose data packages those files are. Memory does not grow with the students.

    Args:
        url: `mysql://user:password@host:port/name` of a database that is empty, or was filled by
            a simulation: what that wrote is removed.
        students: enrolments per course, beside the course team.
        weeks: length of the courses.
        courses: how many courses; they share accounts.
        seed: of all random numbers.
        start: first day of the courses, UTC.
        history_url: a second database for the states that problems went through since the second
            week; without it that history is not kept.
        enrollment_history: whether the changes of enrolments are kept, as newer releases do.
        forum: whether the forum is in MySQL; the posts of the first course were moved there from
            the old forum and keep their ids.
        progress: called as `(step, done, total)`.

    Raises:
        BadParameter: an argument is out of its range.
        SourceRefused: the server refuses, or the database holds tables of a platform.
        SourceUnavailable: the server does not answer.
    """
    options = Options(students=students, weeks=weeks, courses=courses, seed=seed, start=start)
    try:
        with _connect(url) as main:
            history = _connect(history_url) if history_url else None
            writer = _Writer(options, main, history, progress or (lambda *_: None))
            for connection in (main, *([history] if history is not None else ())):
                _clear(connection)
            writer.make_tables(enrollment_history=enrollment_history, forum=forum)
            written = writer.write()
            main.commit()
            if history is not None:
                history.commit()
                history.close()
    except pymysql.MySQLError as error:
        code, *said = error.args or (None,)
        if code in _NO_ANSWER:
            raise SourceUnavailable("mysql", _CONNECT_SECONDS) from error
        reason = str(said[0]) if said else type(error).__name__
        fix = "give an account that may create tables, and a database that exists"
        raise SourceRefused("mysql", reason, fix) from error
    return MySQLReport(tuple(written), dict(sorted(writer.rows.items())))


class _Writer:
    """Inserts course by course and chunk by chunk; counts the rows of every table."""

    def __init__(self, options: Options, main: Any, history: Any, tell: Progress) -> None:
        self.options = options
        self.main = main
        self.history = history
        self.tell = tell
        self.rows: Counter[str] = Counter()
        self.people: People = make_people(options)
        self.courses = [build_course(options, nth) for nth in range(options.courses)]
        self.columns = Columns(self.people, self.courses)
        sizes = [len(course.blocks) for course in self.courses]
        self.first_block: list[int] = (np.cumsum(sizes) - sizes).tolist()
        self.known: dict[str, frozenset[str]] = {}

    def make_tables(self, *, enrollment_history: bool, forum: bool) -> None:
        """Create what this installation has."""
        for name, statement in table_statements():
            if name == "student_courseenrollment_history" and not enrollment_history:
                continue
            if name.startswith("forum_") and not forum:
                continue
            self._create(self.main, name, statement)
            if name == "courseware_studentmodulehistory" and self.history is not None:
                extended = statement.replace(f"TABLE {name}", f"TABLE {EXTENDED_HISTORY}")
                self._create(self.history, EXTENDED_HISTORY, extended)
        if forum:
            kinds = mysql_rows.CONTENT_TYPES.items()
            self._insert(
                "django_content_type",
                [{"id": number, "app_label": "forum", "model": model} for model, number in kinds],
            )

    def write(self) -> list[SimulatedCourse]:
        """Write every course; give each with an account of its team and one of its learners."""
        return [self._write_course(course) for course in self.courses]

    def _write_course(self, course: Course) -> SimulatedCourse:
        self._insert("course_overviews_courseoverview", [mysql_rows.overview(course)])
        version = course_documents(course).published_version
        self._insert(VERSIONS, [mysql_rows.published_version(course, version)])
        videos, used = mysql_rows.videos(course)
        self._insert("edxval_video", videos)
        self._insert("edxval_coursevideo", used)
        for name, table in course_tables(course, self.people).items():
            self._insert(name, table.to_pylist())
        outline = outline_course(course)
        everybody = members(self.options, self.people, course.number)
        count = -(-len(everybody) // CHUNK)
        busiest = (0, int(everybody[-1]))
        for nth in range(count):
            self.tell(course.key, nth, count)
            first = self.first_block[course.number]
            truth = imagine(self.options, self.people, outline, nth, first)
            tables = chunk_tables(truth, self.people, self.columns, first)
            self._write_chunk(truth, tables)
            busiest = max(busiest, _busiest(truth, self.people))
        self.tell(course.key, count, count)
        staff = self.people.team_member(course.number, "staff")
        return SimulatedCourse(course.key, self._account(staff), self._account(busiest[1]))

    def _write_chunk(self, truth: Truth, tables: Tables) -> None:
        course = truth.outline.course
        before = Counter(self.rows)
        for name, table in tables.items():
            if name not in _ELSEWHERE:
                self._insert(name, _with_ids(name, table, before))
        members_of, users = mysql_rows.cohort_members(
            course, tables["course_groups_cohortmembership"]
        )
        self._insert("course_groups_cohortmembership", members_of)
        self._insert("course_groups_courseusergroup_users", users)
        if "student_courseenrollment_history" in self.known:
            ids = tables["student_courseenrollment"]["user_id"].to_pylist()
            first = before["student_courseenrollment"] + 1
            numbered = {user: first + nth for nth, user in enumerate(ids)}
            rows = mysql_rows.enrollment_changes(truth, self.people, numbered)
            self._insert("student_courseenrollment_history", rows)
        if self.history is not None:
            states = tables["courseware_studentmodule"]
            first = before["courseware_studentmodule"] + 1
            keys = zip(
                states["student_id"].to_pylist(), states["module_id"].to_pylist(), strict=True
            )
            early, late = mysql_rows.saved_states(
                truth, self.people, {key: first + nth for nth, key in enumerate(keys)}
            )
            self._insert("courseware_studentmodulehistory", early)
            self._insert(EXTENDED_HISTORY, late)
        if "forum_comment" in self.known:
            first = before["forum_commentthread"] + before["forum_comment"] + 1
            for name, rows in mysql_rows.posts_of(
                course,
                truth.posts,
                truth.roster,
                self.people,
                first_id=first,
                migrated=course.number == 0,
            ):
                self._insert(name, rows)

    def _create(self, connection: Any, name: str, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.execute(f"SHOW COLUMNS FROM {name}")
            self.known[name] = frozenset(row[0] for row in cursor.fetchall())

    def _insert(self, name: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        columns = [column for column in rows[0] if column in self.known[name]]
        verb = "INSERT IGNORE" if name in _SHARED else "INSERT"
        values = ", ".join(["%s"] * len(columns))
        names = ", ".join(f"`{column}`" for column in columns)
        connection = self.history if name == EXTENDED_HISTORY else self.main
        with connection.cursor() as cursor:
            for begin in range(0, len(rows), _ROWS_PER_INSERT):
                self.rows[name] += cursor.executemany(
                    f"{verb} INTO {name} ({names}) VALUES ({values})",
                    [
                        tuple(row[column] for column in columns)
                        for row in rows[begin : begin + _ROWS_PER_INSERT]
                    ],
                )

    def _account(self, who: int) -> Account:
        return Account(int(self.people.user_id[who]), self.people.username[who])


def table_statements() -> Iterator[tuple[str, str]]:
    """Names of the platform's tables, and the statements that create them."""
    text = resources.files("courselens.simulator").joinpath("mysql_tables.sql").read_text("utf-8")
    text = re.sub(r"(?m)^--.*$", "", text)
    for statement in text.split(";"):
        found = re.search(r"CREATE TABLE (\w+)", statement)
        if found:
            options = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci"
            yield found[1], f"{statement.strip()} {options}"


def _connect(url: str) -> Any:
    parts = urlsplit(url)
    if not parts.path.removeprefix("/"):
        raise BadParameter("into", "mysql://...", "mysql://user:password@host:3306/database")
    return pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.removeprefix("/"),
        charset="utf8mb4",
        connect_timeout=_CONNECT_SECONDS,
        local_infile=False,
    )


def _clear(connection: Any) -> None:
    """Remove what a simulation wrote, and mark the database as one's.

    Raises:
        SourceRefused: somebody else made its tables.
    """
    made = {name for name, _ in table_statements()} | {EXTENDED_HISTORY}
    with connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        found = {row[0] for row in cursor.fetchall()}
        if found & made and _MARKER not in found:
            reason = f"the database has tables that no simulation made: {min(found & made)}, ..."
            fix = "give an empty database; a simulation never writes into a platform's own"
            raise SourceRefused("mysql", reason, fix)
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {_MARKER} (made TINYINT NOT NULL)")
        for name in sorted(found & made):
            cursor.execute(f"DROP TABLE {name}")


def _with_ids(name: str, table: pa.Table, before: Counter[str]) -> list[Row]:
    """Rows whose ids go on from those of the chunks before, of all courses."""
    rows: list[Row] = table.to_pylist()
    for row in rows:
        if name not in _OWN_IDS and "id" in row:
            row["id"] = int(str(row["id"])) + before[name] + 1
        if "grade_id" in row:
            row["grade_id"] = (
                int(str(row["grade_id"])) + before["grades_persistentsubsectiongrade"] + 1
            )
    return rows


def _busiest(truth: Truth, people: People) -> tuple[int, int]:
    """Events of the busiest enrolled learner, and who it is."""
    enrolled = truth.roster.who[truth.roster.is_active & ~truth.roster.is_team]
    learners = enrolled[people.is_active[enrolled]]
    if not len(learners):
        return 0, 0
    counts = np.bincount(truth.events["who"], minlength=len(people.user_id))
    best = int(learners[counts[learners].argmax()])
    return int(counts[best]), best
