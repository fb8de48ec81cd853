"""The commands about work, as an operator meets them."""

from __future__ import annotations

import json

import pytest


def test_help_of_every_verb_says_what_it_does(run):
    for verb in (["worker"], ["scheduler"], ["status"], ["work", "retry"], ["work", "ask"]):
        shown = run(*verb, "--help")
        assert shown.code == 0
        assert "Usage: courselens" in shown.out


def test_status_shows_what_was_asked_for(run):
    asked = run("work", "ask", "refresh_course", "course-v1:A+B+C")
    assert asked.code == 0, asked.err
    assert "work 1 is due" in asked.out
    document = json.loads(run("status", "--json").out)
    assert document["counts"] == {"due": 1}
    (line,) = document["work"]
    assert (line["kind"], line["subject"], line["state"], line["priority"]) == (
        "refresh_course",
        "course-v1:A+B+C",
        "due",
        10,
    )
    shown = run("status")
    assert shown.code == 0, shown.err
    assert "1 due, 0 running, 0 done, 0 failed, 0 parked" in shown.out


def test_asking_twice_is_asking_once(run):
    for _ in range(2):
        assert "work 1 is due" in run("work", "ask", "ingest_logs").out


def test_only_parked_or_failed_work_can_be_retried(run):
    run("work", "ask", "ingest_logs")
    shown = run("work", "retry", 1)
    assert shown.code == 2
    assert "no parked or failed work 1" in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("verb", [["status"], ["work", "ask", "ingest_logs"]])
def test_a_broker_in_the_platforms_own_database_is_refused(run, monkeypatch, verb):
    monkeypatch.setenv("COURSELENS_BROKER_URL", "redis://:canary@127.0.0.1:9/0")
    shown = run(*verb)
    assert shown.code == 1
    assert "COURSELENS_BROKER_URL" in shown.err
    assert "canary" not in shown.out + shown.err


def test_a_broker_that_is_away_costs_a_hint_and_no_more(run, monkeypatch):
    monkeypatch.setenv("COURSELENS_BROKER_URL", "redis://127.0.0.1:9/2")
    assert run("work", "ask", "ingest_logs").code == 0
    assert json.loads(run("status", "--json").out)["queue_depth"] is None
