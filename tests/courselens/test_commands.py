"""The commands as somebody at a terminal meets them."""

from __future__ import annotations

import json

import pytest


def test_help_of_every_verb_says_what_it_does(run):
    verbs = ["demo", "simulate", "inspect", "ingest", "compute", "refresh", "serve", "token"]
    for verb in [*verbs, "check", "indicators"]:
        shown = run(verb, "--help")
        assert shown.code == 0
        assert "Usage: courselens" in shown.out


def test_inspect_counts_datasets_and_rejects(run, source):
    folder, course = source
    shown = run("inspect", folder, "--json")
    assert shown.code == 0, shown.err
    document = json.loads(shown.out)
    rows = {row["dataset"]: row for row in document["datasets"]}
    assert rows["enrollments"]["courses"] == course.course_key
    assert rows["events"]["rows"] > 1000
    assert rows["events"]["from"] >= "2025-01-01"
    assert rows["events"]["rejects"] == sum(row["lines"] for row in document["rejects"])


def test_compute_prints_rows_of_students_with_names(run, source):
    folder, course = source
    shown = run("compute", "time_on_course", "--source", folder, "--level", "student")
    assert shown.code == 0, shown.err
    document = json.loads(shown.out)
    assert document["indicator"] == "time_on_course"
    mine = [row for row in document["rows"] if row["user_id"] == course.student.user_id]
    assert mine[0]["username"] == course.student.username
    assert mine[0]["seconds"] > 0


def test_compute_takes_parameters(run, source):
    folder, _ = source
    asked = ["compute", "time_on_course", "--source", folder, "--param"]
    short = json.loads(run(*asked, "inactivity_s=60").out)
    long = json.loads(run(*asked, "inactivity_s=7200").out)
    assert short["parameters"]["inactivity_s"] == 60
    assert short["rows"][0]["sum"] < long["rows"][0]["sum"]


def test_ingesting_twice_stores_nothing_new(run, source, tmp_path):
    folder, _ = source
    first = run("ingest", folder, "--lake", tmp_path / "lake")
    assert first.code == 0, first.err
    again = run("ingest", folder, "--lake", tmp_path / "lake")
    assert "0 events stored" in again.err


def test_refreshing_twice_changes_nothing_the_second_time(run, source):
    folder, course = source
    first = json.loads(run("refresh", folder, "--json").out)
    again = json.loads(run("refresh", folder, "--json").out)
    assert [(row["course"], row["changed"], row["failed"]) for row in first] == [
        (course.course_key, True, "")
    ]
    assert [(row["course"], row["changed"]) for row in again] == [(course.course_key, False)]


def test_check_is_content_with_an_empty_installation(run):
    shown = run("check", "--json")
    assert shown.code == 0, shown.err
    assert {row["check"]: row["ok"] for row in json.loads(shown.out)} == {
        "indicators": True,
        "lake": True,
        "database": True,
    }


def test_check_names_a_database_that_cannot_be_reached(run, monkeypatch):
    monkeypatch.setenv("COURSELENS_DATABASE_URL", "postgresql://nobody:canary@127.0.0.1:9/none")
    monkeypatch.setenv("COURSELENS_DATABASE_TIMEOUT_SECONDS", "2")
    shown = run("check", "--json")
    assert shown.code == 1
    (database,) = [row for row in json.loads(shown.out) if row["check"] == "database"]
    assert database["ok"] is False
    assert "canary" not in shown.out + shown.err


def test_a_token_is_three_parts_on_one_line(run):
    shown = run("token", "--user-id", 7, "--username", "ada")
    assert shown.code == 0
    assert len(shown.out.strip().split(".")) == 3
    assert "\n" not in shown.out.strip()


def test_indicators_are_listed_and_described(run):
    listed = json.loads(run("indicators", "list", "--json").out)
    assert {"time_on_course", "learner_segment"} <= {row["key"] for row in listed}
    shown = json.loads(run("indicators", "show", "time_on_course", "--json").out)
    assert shown["rests_on"].count("events") == 1
    assert "inactivity_s" in {parameter["name"] for parameter in shown["parameters"]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compute", "time_on_curse", "--source", "."], "time_on_course"),
        (["compute", "course_module_counts", "--source", ".", "--level", "student"], "course"),
        (["compute", "time_on_course", "--source", ".", "--as-of", "soon"], "ISO date"),
        (["compute", "time_on_course", "--source", ".", "--param", "x"], "name=value"),
        (["indicators", "show", "nothing"], "indicators list"),
    ],
)
def test_a_wrong_question_ends_in_one_line_with_the_fix(run, arguments, words):
    shown = run(*arguments)
    assert shown.code == 2
    assert words in shown.err
    assert "Traceback" not in shown.err


def test_a_parameter_out_of_range_is_refused_with_the_range(run, source):
    shown = run("compute", "time_on_course", "--source", source[0], "--param", "inactivity_s=1")
    assert shown.code == 2
    assert "from 60 to 7200" in shown.err
