"""The loaders on real samples, where they are at hand."""

from __future__ import annotations

from collections import Counter

import pyarrow.compute as pc
import pytest

from loaders.files.source import open_source

DEMO = "course-v1:OpenedX+DemoX+DemoCourse"


@pytest.fixture(scope="module")
def demo(shared_data):
    return open_source([shared_data / "demo-course"]).load()


@pytest.fixture(scope="module")
def package(shared_data):
    return open_source([shared_data / "data-package"]).load()


@pytest.fixture(scope="module")
def insights(shared_data):
    return open_source([shared_data / "insights" / "input"])


def test_the_demo_course_has_the_blocks_that_its_source_page_counts(demo):
    blocks = demo.tables["blocks"]

    assert demo.problems == ()
    assert Counter(blocks["block_type"].to_pylist()) == {
        "course": 1,
        "chapter": 6,
        "sequential": 17,
        "vertical": 58,
        "html": 266,
        "problem": 29,
        "video": 11,
        "openassessment": 2,
        "lti": 2,
        **dict.fromkeys(
            (
                "library_content",
                "drag-and-drop-v2",
                "edx_sga",
                "staffgradedxblock",
                "done",
                "annotatable",
                "discussion",
                "poll",
                "survey",
            ),
            1,
        ),
    }
    assert set(blocks["course_key"].to_pylist()) == {DEMO}
    assert blocks["position"].to_pylist() == list(range(blocks.num_rows))


def test_three_sequentials_of_the_demo_course_are_graded(demo):
    rows = demo.tables["blocks"].to_pylist()

    assert {
        (row["assignment_type"], row["graded"])
        for row in rows
        if row["block_type"] == "sequential" and row["graded"]
    } == {(f"{level} Assessment Tools", True) for level in ("Basic", "Intermediate", "Advanced")}
    assert sum(row["block_type"] == "sequential" and row["graded"] for row in rows) == 3
    # The six problems of the library are drawn, two for each learner.
    assert sum(row["draw_wrapper_key"] is not None for row in rows) == 6
    assert all(row["html_id"] for row in rows)
    assert all(row["due_us"] is None and row["duration_seconds"] is None for row in rows)


def test_the_demo_course_has_its_policy(demo):
    policy = demo.tables["grading_policy"].select(["assignment_type", "weight"]).to_pylist()
    (course,) = demo.tables["courses"].to_pylist()

    assert [(row["assignment_type"], row["weight"]) for row in policy] == [
        ("Basic Assessment Tools", 0.3),
        ("Intermediate Assessment Tools", 0.35),
        ("Advanced Assessment Tools", 0.35),
    ]
    assert course["pass_cutoff"] == 0.5
    assert course["self_paced"] is True
    # 2020-01-01T00:00:00Z
    assert course["start_us"] == 1_577_836_800_000_000


def test_the_data_package_is_read_without_a_reject(package):
    reports = {each.dataset: (each.lines, each.rows, each.rejects) for each in package.reports}

    assert reports["profiles"] == (8, 4, 0)
    assert reports["enrollments"] == (4, 4, 0)
    assert reports["module_states"] == (4, 4, 0)
    assert reports["certificates"] == (4, 4, 0)
    assert reports["experiment_groups"] == (4, 4, 0)
    assert reports["forum_posts"] == (3, 3, 0)
    assert package.tables["module_states"]["position"].to_pylist() == [None, 2, 4, 1]
    assert package.tables["experiment_groups"]["group_id"].to_pylist() == [0, 2, 1, 2]
    assert package.tables["profiles"]["year_of_birth"].to_pylist() == [1980, None, None, None]
    assert package.tables["forum_posts"]["kind"].to_pylist() == [
        "response",
        "response",
        "comment",
    ]


def test_the_partial_structure_of_the_package_is_loaded_with_its_gaps_reported(package):
    reasons = [problem.reason for problem in package.problems]

    assert len(reasons) == 2
    assert "the course root is missing" in reasons[0]
    assert "has a child that does not exist" in reasons[1]
    assert pc.sum(pc.equal(package.tables["blocks"]["block_type"], "course")).as_py() == 4


def test_dumps_and_course_lists_of_insights_are_read(insights):
    loaded = insights.load()
    rows = {report.dataset: report.rows for report in loaded.reports}

    assert rows["enrollments"] == 7
    assert rows["module_states"] == 57
    assert rows["profiles"] == 4
    assert loaded.tables["profiles"]["country"].to_pylist()[0] == "ES"
    members = loaded.tables["cohort_members"].select(["course_key", "user_id", "cohort"])
    assert members.to_pylist()[0] == {
        "course_key": "edX/DemoX/Demo_Course",
        "user_id": 1,
        "cohort": "best-cohort",
    }
    assert rows["cohort_members"] == 5
    assert "edX/Open_DemoX/edx_demo_course" in loaded.tables["courses"]["course_key"].to_pylist()


def test_every_log_of_insights_is_taken_for_a_log(insights):
    assert len(insights.log_files) == 8
    assert {path.suffix for path in insights.log_files} == {".log"}
    assert [path.name for path in insights.other_files] == [
        "course_runs.json",
        "user_activity_by_user",
    ]


def test_every_sample_event_is_taken_for_a_log(shared_data):
    source = open_source([shared_data / "events"])

    assert source.other_files == ()
    assert len(source.log_files) == sum(
        path.is_file() for path in (shared_data / "events").rglob("*")
    )
