"""Bad input: a clear message or a null with its reason, never a stack trace, never a wrong zero."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

KEY = "course-v1:Org+Bad+Run"
ORG = "Org-Bad-Run"


def log_line(user: int, time: str, course: str = KEY, kind: str = "page_close") -> str:
    return json.dumps(
        {
            "username": f"user{user}",
            "event_type": kind,
            "event_source": "browser",
            "event": "{}",
            "time": f"2024-03-04T{time}+00:00",
            "context": {"user_id": user, "course_id": course, "org_id": "Org"},
            "page": "http://lms/",
        }
    )


def write_log(folder: Path, *lines: str) -> None:
    (folder / "tracking.log").write_text("".join(line + "\n" for line in lines))


def write_table(folder: Path, table: str, header: str, *rows: str) -> None:
    lines = ["\t".join(text.split()) for text in (header, *rows)]
    (folder / f"{ORG}-{table}-prod-analytics.sql").write_text("\n".join(lines) + "\n")


def write_structure(folder: Path, **children: list[str]) -> None:
    def block(name: str) -> str:
        kind = name.rstrip("0123456789")
        return f"block-v1:Org+Bad+Run+type@{kind}+block@{name}"

    document = {
        block(name): {
            "category": name.rstrip("0123456789"),
            "children": [block(child) for child in below],
            "metadata": {"display_name": name},
        }
        for name, below in children.items()
    }
    (folder / f"{ORG}-course_structure-prod-analytics.json").write_text(json.dumps(document))


def write_enrollments(folder: Path) -> None:
    write_table(
        folder,
        "student_courseenrollment",
        "id user_id course_id created is_active mode",
        f"1 1 {KEY} 2024-03-04T00:00:00 1 audit",
    )


@pytest.fixture
def compute(run, tmp_path):
    def compute_key(key: str, *options: object):
        shown = run("compute", key, "--source", tmp_path, *options)
        assert "Traceback" not in shown.err
        return shown

    return compute_key


def test_a_missing_folder_is_named(run, tmp_path):
    shown = run("inspect", tmp_path / "nowhere")
    assert shown.code == 1
    assert "nowhere" in shown.err


def test_an_empty_folder_says_what_is_expected(compute):
    shown = compute("time_on_course")
    assert shown.code == 1
    assert "tracking logs" in shown.err


def test_a_log_of_broken_lines_gives_no_number(compute, tmp_path):
    write_log(tmp_path, '{"username": "a", "event_ty', '{"time": }', "{{{")
    shown = compute("time_on_course")
    assert shown.code == 1
    assert "no course" in shown.err


def test_every_broken_line_is_counted_with_its_reason(run, tmp_path):
    write_log(tmp_path, log_line(1, "10:00:00"), '{"username": "a", "event_ty', "", "not json")
    document = json.loads(run("inspect", tmp_path, "--json").out)
    (events,) = [row for row in document["datasets"] if row["dataset"] == "events"]
    assert (events["rows"], events["rejects"]) == (1, 3)
    assert sum(row["lines"] for row in document["rejects"]) == 3


@pytest.mark.parametrize(
    "children",
    [
        {"course0": ["chapter1"], "chapter1": ["chapter1"]},
        {"course0": ["chapter1", "chapter2"], "chapter1": []},
    ],
    ids=["cycle", "missing child"],
)
def test_a_broken_tree_keeps_what_is_whole_and_says_so(run, compute, tmp_path, children):
    write_structure(tmp_path, **children)
    counted = json.loads(compute("course_module_counts").out)
    assert {row["block_type"]: row["blocks"] for row in counted["rows"]}["chapter"] == 1
    problems = json.loads(run("inspect", tmp_path, "--json").out)["problems"]
    assert problems


def test_a_table_without_a_key_column_is_left_out_with_the_reason(run, compute, tmp_path):
    write_table(tmp_path, "student_courseenrollment", "id course_id is_active", f"1 {KEY} 1")
    write_log(tmp_path, log_line(1, "10:00:00"))
    problems = json.loads(run("inspect", tmp_path, "--json").out)["problems"]
    assert any("user_id" in problem["reason"] for problem in problems)


def test_an_extra_column_does_no_harm(compute, tmp_path):
    write_table(
        tmp_path,
        "student_courseenrollment",
        "id user_id course_id created is_active mode novelty",
        f"1 1 {KEY} 2024-03-04T00:00:00 1 audit x",
    )
    (row,) = json.loads(compute("enrollment_count").out)["rows"]
    assert row["learners"] == 1


def test_two_courses_in_one_log_are_kept_apart(compute, tmp_path):
    other = "course-v1:Org+Other+Run"
    write_log(
        tmp_path,
        log_line(1, "10:00:00", kind="/courses/x/info"),
        log_line(1, "10:01:00", other, kind="/courses/x/info"),
        log_line(1, "10:10:00", kind="/courses/x/info"),
    )
    rows = json.loads(compute("time_on_course", "--level", "student").out)["rows"]
    assert [(row["course_key"], row["seconds"]) for row in rows] == [(KEY, 600.0), (other, 0.0)]


def test_a_course_without_grading_policy_has_no_outcomes(compute, tmp_path):
    write_structure(tmp_path, course0=["chapter1"], chapter1=[])
    write_enrollments(tmp_path)
    document = json.loads(compute("assignment_type_outcomes").out)
    assert document["rows"] == []
    assert "grading_policy" in document["meta"]["missing_source"]


def test_a_course_without_events_has_null_times(compute, tmp_path):
    write_enrollments(tmp_path)
    document = json.loads(compute("time_on_course", "--level", "student").out)
    assert [(row["user_id"], row["seconds"]) for row in document["rows"]] == [(1, None)]
    assert document["meta"]["missing_source"] == ["events"]


def test_a_course_without_enrolments_counts_those_who_came(compute, tmp_path):
    write_log(tmp_path, log_line(1, "10:00:00"), log_line(2, "11:00:00"))
    document = json.loads(compute("enrollment_count").out)
    assert document["meta"]["population_basis"] == "events"
    assert document["rows"][0]["learners"] == 2


def test_a_course_of_which_only_the_structure_is_known_counts_nobody(compute, tmp_path):
    write_structure(tmp_path, course0=["chapter1"], chapter1=[])
    document = json.loads(compute("enrollment_count").out)
    assert document["rows"][0]["learners"] is None
    assert "enrollments" in document["meta"]["missing_source"]
