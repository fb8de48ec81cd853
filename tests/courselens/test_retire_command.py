"""The command `retire`, as an operator meets it."""

from __future__ import annotations

import json

import pytest


@pytest.mark.slow
def test_one_command_takes_a_person_out_and_shows_where_from(run, source):
    folder, course = source
    assert run("refresh", folder).code == 0
    person = course.student
    tried = run("retire", person.user_id, "--dry-run", "--json")
    assert tried.code == 0, tried.err
    assert "nothing was removed" in tried.err
    there = {row["place"]: row["found"] for row in json.loads(tried.out)}
    assert there["lake"] > 0
    assert there["database/students"] == 1

    done = run("retire", person.user_id, "--json")
    assert done.code == 0, done.err
    rows = {row["place"]: row for row in json.loads(done.out)}
    assert rows["lake"]["removed"] > 0
    assert rows["database/students"] == {"place": "database/students", "removed": 1, "found": 0}
    assert not any(row["found"] for row in rows.values())
    assert "nothing is left" in done.err
    assert person.username not in done.out + done.err

    assert run("refresh", folder).code == 0  # the source still has the person
    tried = json.loads(run("retire", "--dry-run", "--json").out)
    assert {row["found"] for row in tried} == {0}
    asked = ["compute", "time_on_course", "--source", folder, "--level", "student"]
    shown = json.loads(run(*asked).out)["rows"]
    assert shown
    assert person.user_id not in {row["user_id"] for row in shown}


def test_what_is_left_is_shown_and_ends_with_1(run, tmp_path):
    run("retire", 5, "--username", "ada.lovelace")
    (tmp_path / "home" / "note.txt").write_text("ada.lovelace@example.org and ada.lovelace\n")
    told = run("retire", 5, "--username", "ada.lovelace", "--text", "ada.lovelace@example.org")
    assert told.code == 1
    assert "note.txt" in told.out
    assert "1 rows are left" in told.err
    assert "ada" not in told.out + told.err


def test_with_nobody_named_and_nobody_retired_there_is_nothing_to_do(run):
    told = run("retire")
    assert told.code == 0
    assert "nobody is to be retired" in told.err


def test_an_id_that_is_none_is_refused(run):
    for wrong in ("0", "ada"):
        assert run("retire", wrong).code == 2
