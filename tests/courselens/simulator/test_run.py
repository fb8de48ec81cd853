import hashlib
import os
import subprocess
import sys
import time
from datetime import date, datetime
from pathlib import Path

import pytest

from courselens.errors import BadParameter
from courselens.simulator import simulate


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_in_another_process(tmp_path):
    script = (
        "import sys; from pathlib import Path; from courselens.simulator import simulate; "
        "simulate(Path(sys.argv[1]), students=50, weeks=1, courses=2, seed=3)"
    )
    for name, hash_seed in (("one", "1"), ("two", "4711")):
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / name)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
        )
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


@pytest.fixture(scope="module")
def two_chunks(tmp_path_factory) -> Path:
    """A course whose learners are simulated in two chunks, side by side."""
    folder = tmp_path_factory.mktemp("chunks") / "out"
    simulate(folder, students=1030, weeks=1)
    return folder


def test_chunks_side_by_side_give_the_same_bytes_every_time(two_chunks, tmp_path):
    simulate(tmp_path / "out", students=1030, weeks=1)
    assert digests(tmp_path / "out") == digests(two_chunks)


def test_ids_of_a_table_go_on_from_chunk_to_chunk(two_chunks):
    for name in ("student_courseenrollment", "courseware_studentmodule"):
        (path,) = two_chunks.glob(f"*-{name}-prod-analytics.sql")
        ids = [int(line.split("\t", 1)[0]) for line in path.read_text().splitlines()[1:]]
        assert ids == list(range(1, len(ids) + 1))


def test_another_seed_gives_other_events(tmp_path):
    simulate(tmp_path / "one", students=5, weeks=1, seed=1)
    simulate(tmp_path / "two", students=5, weeks=1, seed=2)
    assert digests(tmp_path / "one") != digests(tmp_path / "two")


@pytest.mark.parametrize(
    "wrong",
    [
        {"students": 0},
        {"students": True},
        {"students": 2.5},
        {"weeks": 0},
        {"weeks": 53},
        {"courses": 0},
        {"seed": -1},
        {"start": datetime(2025, 2, 3)},  # noqa: DTZ001 - the mistake itself
        {"start": date(1900, 1, 1)},
        {"start": "2025-02-03"},
    ],
    ids=str,
)
def test_an_argument_out_of_range_is_named(tmp_path, wrong):
    with pytest.raises(BadParameter, match=next(iter(wrong))):
        simulate(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(BadParameter, match="empty folder"):
        simulate(tmp_path, students=5, weeks=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_progress_begins_at_nothing_and_ends_with_everything(tmp_path):
    told = []
    report = simulate(
        tmp_path / "out", students=20, weeks=1, progress=lambda *step: told.append(step)
    )
    events = [(done, total) for step, done, total in told if step == "events"]
    assert events[0] == (0, report.events)
    assert events[-1] == (report.events, report.events)
    assert {step for step, _, _ in told} == {"accounts", "students", "events"}


def test_nothing_is_left_beside_the_files(simulated):
    assert all(path.is_file() for path in simulated.folder.iterdir())
    assert simulated.report.files == len(list(simulated.folder.iterdir()))


def test_courses_share_the_days_files_and_some_people(tmp_path):
    report = simulate(tmp_path / "out", students=60, weeks=1, courses=2)
    keys = [course.course_key for course in report.courses]
    assert keys == ["course-v1:SimX+SIM101+2025_02", "course-v1:SimX+SIM102+2025_02"]
    people = [
        {line.split("\t")[1] for line in path.read_text().splitlines()[1:]}
        for path in sorted((tmp_path / "out").glob("*-student_courseenrollment-*"))
    ]
    # 60 learners each out of 102 accounts: at least 18 are in both, plus the two of the site.
    assert len(people[0] & people[1]) >= 20


def test_the_reported_accounts_are_a_team_member_and_a_busy_learner(simulated):
    (course,) = simulated.report.courses
    roles = {row["user_id"]: row["role"] for row in simulated.table("student_courseaccessrole")}
    assert roles[str(course.team_member.user_id)] == "staff"
    assert str(course.student.user_id) not in roles
    enrolled = {
        row["user_id"]
        for row in simulated.table("student_courseenrollment")
        if row["is_active"] == "1"
    }
    assert str(course.student.user_id) in enrolled
    names = {row["id"]: row["username"] for row in simulated.table("auth_user")}
    assert names[str(course.student.user_id)] == course.student.username
    counts: dict[int, int] = {}
    for event in simulated.events:
        counts[event["user_id"]] = counts.get(event["user_id"], 0) + 1
    assert counts[course.student.user_id] > sum(counts.values()) / len(counts)


def test_seconds_are_those_that_passed(tmp_path):
    began = time.monotonic()
    report = simulate(tmp_path / "out", students=1, weeks=1)
    assert 0 < report.seconds <= time.monotonic() - began
