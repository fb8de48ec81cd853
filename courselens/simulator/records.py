"""Database rows about people in a course: accounts, enrolment, groups, grades, certificates."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from courselens.simulator.columns import Columns
from courselens.simulator.course import (
    COHORTS,
    CONTENT_GROUPS,
    CONTENT_PARTITION,
    EXPERIMENT_PARTITION,
    Course,
)
from courselens.simulator.events import Array
from courselens.simulator.moments import certified_us
from courselens.simulator.options import ORG
from courselens.simulator.people import TEAM_PER_COURSE, People
from courselens.simulator.roster import MODES, NEVER_US
from courselens.simulator.states import block_completions, instants, module_states
from courselens.simulator.truth import Truth

Tables = dict[str, pa.Table]


def chunk_tables(truth: Truth, people: People, columns: Columns, first_block: int) -> Tables:
    """Rows of every table for a chunk of learners, by the table's name in the platform.

    Columns named `id` count from 0 in each chunk, and so do those that refer to them (`grade_id`):
    whoever puts chunks together adds what came before.
    """
    return {
        "auth_user": _users(truth, people),
        "auth_userprofile": _profiles(truth, people),
        "student_courseenrollment": _enrollments(truth, people),
        "courseware_studentmodule": module_states(truth, people, columns, first_block),
        "completion_blockcompletion": block_completions(truth, people, columns, first_block),
        "grades_persistentsubsectiongrade": _subsection_grades(truth, people),
        "grades_persistentsubsectiongradeoverride": _overrides(truth),
        "grades_persistentcoursegrade": _course_grades(truth, people),
        "certificates_generatedcertificate": _certificates(truth, people),
        "user_api_usercoursetag": _tags(truth, people),
        "student_anonymoususerid": _anonymous_ids(truth, people),
        "user_id_map": _id_map(truth, people),
        "course_groups_cohortmembership": _cohort_members(truth, people),
    }


def course_tables(course: Course, people: People) -> Tables:
    """Rows of the tables that hold a few rows per course: roles, cohorts and their groups."""
    team = [people.team_member(course.number, role) for role in TEAM_PER_COURSE]
    linked = range(1, len(COHORTS))
    first = course.number * len(COHORTS) + 1
    made = instants(np.full(len(COHORTS), course.start_us))
    return {
        "student_courseaccessrole": pa.table(
            {
                "org": [ORG] * (len(team) + 1),
                "course_id": [*([course.key] * len(team)), ""],
                "user_id": people.user_id[[*team, 1]],
                "role": [*TEAM_PER_COURSE, "staff"],
            }
        ),
        "course_groups_courseusergroup": pa.table(
            {
                "id": [first + nth for nth in range(len(COHORTS))],
                "name": list(COHORTS),
                "course_id": [course.key] * len(COHORTS),
                "group_type": ["cohort"] * len(COHORTS),
            }
        ),
        "course_groups_courseusergrouppartitiongroup": pa.table(
            {
                "id": [first + nth for nth in linked],
                "partition_id": [CONTENT_PARTITION for _ in linked],
                "group_id": list(CONTENT_GROUPS),
                "created_at": made[1:],
                "updated_at": made[1:],
                "course_user_group_id": [first + nth for nth in linked],
            }
        ),
    }


def _same(value: Any, size: int, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array([value] * size, pa.string() if kind is None else kind)


def _user_ids(truth: Truth, people: People, learner: Array | None = None) -> Array:
    who = truth.roster.who if learner is None else truth.roster.who[learner]
    return np.asarray(people.user_id[who])


def _users(truth: Truth, people: People) -> pa.Table:
    who = truth.roster.who.tolist()
    size = len(who)
    retired = [people.table_username[w] != people.username[w] for w in who]
    email = [
        f"{people.table_username[w]}@retired.invalid" if gone else f"user{w}@mail.example"
        for w, gone in zip(who, retired, strict=True)
    ]
    last_seen = np.where(truth.roster.came, truth.roster.until_us, truth.roster.created_us)
    empty, nothing, zero = _same("", size), _same(None, size), np.zeros(size, np.int8)
    return pa.table(
        {
            "id": _user_ids(truth, people),
            "username": [people.table_username[w] for w in who],
            "first_name": empty,
            "last_name": empty,
            "email": email,
            "password": empty,
            "is_staff": people.is_staff[who].astype(np.int8),
            "is_active": people.is_active[who].astype(np.int8),
            "is_superuser": people.is_staff[who].astype(np.int8),
            "last_login": instants(last_seen),
            "date_joined": instants(people.joined_us[who]),
            "status": empty,
            "email_key": nothing,
            "avatar_type": empty,
            "country": empty,
            "show_country": zero,
            "date_of_birth": nothing,
            "interesting_tags": empty,
            "ignored_tags": empty,
            "email_tag_filter_strategy": zero,
            "display_tag_filter_strategy": zero,
            "consecutive_days_visit_count": zero,
        }
    )


def _profiles(truth: Truth, people: People) -> pa.Table:
    # Accounts of services have no profile; the course's data researcher stands for them.
    service = people.team_member(truth.outline.course.number, "data_researcher")
    who = truth.roster.who[truth.roster.who != service]
    names = who.tolist()
    size = len(names)
    born = people.year_of_birth[who]
    goals = ["To learn\\practise:\n\tmodels\r\nand more" if w % 11 == 0 else "" for w in names]
    return pa.table(
        {
            "id": people.user_id[who] + 50_000,
            "user_id": people.user_id[who],
            "name": [people.name[w] for w in names],
            "language": _same("", size),
            "location": _same("", size),
            "meta": ['{"session_id": null}' if w % 3 else "" for w in names],
            "courseware": _same("course.xml", size),
            "gender": pa.array([people.gender[w] for w in names], pa.string()),
            "mailing_address": _same(None, size),
            "year_of_birth": pa.array(born, mask=born == 0),
            "level_of_education": pa.array(
                [people.level_of_education[w] for w in names], pa.string()
            ),
            "goals": goals,
            "country": pa.array([people.country[w] for w in names], pa.string()),
            "city": _same(None, size),
            "bio": _same(None, size),
            "profile_image_uploaded_at": _same(None, size, pa.timestamp("s")),
        }
    )


def _enrollments(truth: Truth, people: People) -> pa.Table:
    roster = truth.roster
    return pa.table(
        {
            "id": np.arange(roster.size),
            "user_id": _user_ids(truth, people),
            "course_id": _same(truth.outline.course.key, roster.size),
            "created": instants(roster.created_us),
            "is_active": roster.is_active.astype(np.int8),
            "mode": np.array(MODES)[roster.mode].tolist(),
        }
    )


def _subsection_grades(truth: Truth, people: People) -> pa.Table:
    outline, grades = truth.outline, truth.graded.subsections
    course, size = outline.course, len(truth.graded.subsections.seq)
    keys = np.array([course.block_key(course.blocks[index]) for index in outline.seq_block])
    counted = outline.seq_graded[grades.seq]
    return pa.table(
        {
            "id": np.arange(size),
            "created": instants(grades.first_us),
            "modified": instants(grades.last_us),
            "user_id": _user_ids(truth, people, grades.learner),
            "course_id": _same(course.key, size),
            "usage_key": keys[grades.seq].tolist(),
            "subtree_edited_timestamp": instants(np.full(size, course.start_us)),
            "course_version": _same(digest(course.key, 12), size),
            "earned_all": grades.earned / 100,
            "possible_all": grades.possible / 100,
            "earned_graded": np.where(counted, grades.earned / 100, 0.0),
            "possible_graded": np.where(counted, grades.possible / 100, 0.0),
            "first_attempted": instants(grades.first_us),
            "visible_blocks_hash": _same(digest(course.key + "visible", 20), size),
        }
    )


def _overrides(truth: Truth) -> pa.Table:
    grades = truth.graded.subsections
    row = np.flatnonzero(grades.overridden)
    points = grades.possible[row] / 100
    at = instants(np.full(len(row), truth.outline.course.end_us + 6 * 86_400_000_000))
    return pa.table(
        {
            "id": np.arange(len(row)),
            "earned_all_override": points,
            "possible_all_override": points,
            "earned_graded_override": points,
            "possible_graded_override": points,
            "created": at,
            "modified": at,
            "grade_id": row,
            "system": _same("GRADEBOOK", len(row)),
            "override_reason": _same("Handed in on paper", len(row)),
        }
    )


def _course_grades(truth: Truth, people: People) -> pa.Table:
    grades, course = truth.graded.courses, truth.outline.course
    size = len(grades.learner)
    names = np.array([*(name for name, _ in course.cutoffs), ""])
    return pa.table(
        {
            "id": np.arange(size),
            "created": instants(grades.created_us),
            "modified": instants(grades.modified_us),
            "user_id": _user_ids(truth, people, grades.learner),
            "course_id": _same(course.key, size),
            "course_edited_timestamp": instants(np.full(size, course.start_us)),
            "course_version": _same(digest(course.key, 12), size),
            "grading_policy_hash": _same(digest(course.key + "policy", 14), size),
            "percent_grade": grades.percent / 100,
            "letter_grade": names[grades.letter].tolist(),
            "passed_timestamp": instants(
                np.where(grades.passed_us < NEVER_US, grades.passed_us, 0),
                grades.passed_us < NEVER_US,
            ),
        }
    )


def _certificates(truth: Truth, people: People) -> pa.Table:
    grades, roster = truth.graded.courses, truth.roster
    here = roster.is_active[grades.learner]
    learner, percent = grades.learner[here], grades.percent[here]
    passed = grades.letter[here] >= 0
    mode = roster.mode[learner]
    status = np.where(
        mode == 0,
        np.where(passed, "audit_passing", "audit_notpassing"),
        np.where(passed, "downloadable", "notpassing"),
    )
    ids = _user_ids(truth, people, learner).tolist()
    size = len(ids)
    key = truth.outline.course.key
    at = instants(np.full(size, certified_us(truth.outline)))
    return pa.table(
        {
            "id": np.arange(size),
            "user_id": ids,
            "download_url": _same("", size),
            "grade": [f"{p / 100:g}" for p in percent.tolist()],
            "course_id": _same(key, size),
            "key": _same("", size),
            "distinction": np.zeros(size, np.int8),
            "status": status.tolist(),
            "verify_uuid": [digest(f"{key}/{number}", 16) for number in ids],
            "download_uuid": _same("", size),
            "name": [people.name[w] for w in roster.who[learner].tolist()],
            "created_date": at,
            "modified_date": at,
            "error_reason": _same("", size),
            "mode": np.array(MODES)[mode].tolist(),
        }
    )


def _tags(truth: Truth, people: People) -> pa.Table:
    learner = truth.in_experiment
    return pa.table(
        {
            "id": np.arange(len(learner)),
            "user_id": _user_ids(truth, people, learner),
            "key": _same(
                f"xblock.partition_service.partition_{EXPERIMENT_PARTITION}", len(learner)
            ),
            "course_id": _same(truth.outline.course.key, len(learner)),
            "value": [str(arm) for arm in truth.roster.arm[learner].tolist()],
        }
    )


def _anonymous_ids(truth: Truth, people: People) -> pa.Table:
    ids = _user_ids(truth, people)
    key = truth.outline.course.key
    return pa.table(
        {
            "id": np.arange(len(ids)),
            "user_id": ids,
            "anonymous_user_id": [digest(f"{key}|{number}", 16) for number in ids.tolist()],
            "course_id": _same(key, len(ids)),
        }
    )


def _id_map(truth: Truth, people: People) -> pa.Table:
    ids = _user_ids(truth, people)
    return pa.table(
        {
            "hash_id": [digest(f"map{number}", 16) for number in ids.tolist()],
            "id": ids,
            "username": [people.table_username[w] for w in truth.roster.who.tolist()],
        }
    )


def _cohort_members(truth: Truth, people: People) -> pa.Table:
    entered = np.zeros(truth.roster.size, bool)
    entered[np.unique(truth.rows["who"])] = True
    learner = np.flatnonzero(entered & (truth.roster.cohort >= 0))
    size = len(learner)
    return pa.table(
        {
            "user_id": _user_ids(truth, people, learner),
            "course_id": _same(truth.outline.course.key, size),
            "group_type": _same("cohort", size),
            "name": np.array(COHORTS)[truth.roster.cohort[learner]].tolist(),
        }
    )


def digest(text: str, size: int) -> str:
    """Hexadecimal digest of `size` bytes: ids that look drawn but are the same every time."""
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
