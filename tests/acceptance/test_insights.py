"""Rows that edX Insights' own acceptance tests expect, from the logs that those tests read.

Everything goes the way a user goes: `courselens compute ... --definition insights`. Insights writes
no row where there is nothing to say (nobody did it, nobody was ever enrolled in that mode); we
write 0, or null where the log does not reach, so such rows are left out before comparing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

INSIGHTS = Path(__file__).parents[3] / "shared" / "data" / "insights"

pytestmark = pytest.mark.skipif(not INSIGHTS.is_dir(), reason=f"no test data at {INSIGHTS}")


def published(table: str) -> list[dict[str, Any]]:
    facts = json.loads((INSIGHTS / "facts" / "acceptance_expected_rows.shared.json").read_bytes())
    return [dict(zip(facts[table]["columns"], row, strict=True)) for row in facts[table]["rows"]]


@pytest.fixture
def compute(run):
    def compute_log(key: str, log: str, *options: str) -> dict[str, Any]:
        path = INSIGHTS / "input" / log
        shown = run("compute", key, "--source", path, "--definition", "insights", *options)
        assert shown.code == 0, shown.err
        document: dict[str, Any] = json.loads(shown.out)
        return document

    return compute_log


def test_the_ten_video_timeline_rows(compute):
    rows = compute("video_view_histogram", "video_timeline.log")["rows"]
    found = {
        (f"{row['course_key']}|{row['video']}", row["start_seconds"] // 5): (
            row["users"],
            row["views"],
        )
        for row in rows
    }
    wanted = {
        (row["pipeline_video_id"], row["segment"]): (row["num_users"], row["num_views"])
        for row in published("video_timeline")
    }
    assert len(wanted) == 10
    assert found == wanted


def test_the_four_video_rows(compute):
    rows = compute("video_view_histogram", "video_timeline.log")["videos"]
    names = ["duration_seconds", "users_at_start", "users_at_end", "total_viewed_seconds"]
    found = {
        f"{row['course_key']}|{row['video']}": tuple(row[name] for name in names) for row in rows
    }
    wanted = {
        row["pipeline_video_id"]: tuple(row[name] for name in ["duration", *names[1:]])
        for row in published("video")
    }
    assert len(wanted) == 4
    assert found == wanted


def test_the_ten_weekly_rows(compute):
    labels = {
        "active": "ACTIVE",
        "watched_video": "PLAYED_VIDEO",
        "tried_problem": "ATTEMPTED_PROBLEM",
        "posted": "POSTED_FORUM",
    }
    window = (
        "--start",
        "2014-05-19",
        "--as-of",
        "2014-06-30",
    )  # six weeks before the first of July
    rows = compute("weekly_engagement", "user_activity_tracking.log", *window)["rows"]
    found = {
        (row["course_key"], f"{row['week']}T00:00:00", label): row[name]
        for row in rows
        for name, label in labels.items()
        if row[name]
    }
    wanted = {
        (row["course_id"], row["interval_start"], row["label"]): row["count"]
        for row in published("course_activity_weekly")
    }
    assert len(wanted) == 10
    assert found == wanted


ENROLLMENT_WINDOW = ("--start", "2014-07-31", "--as-of", "2014-08-07")


def test_the_daily_enrolment_rows_by_mode(compute):
    # A mode that somebody is in or was last in has a row, also one of 0 enrolled. On 4 August the
    # only audit learner leaves as honor: audit has no row any more there, and 0 and 0 here.
    rows = compute("enrollment_daily", "enrollment_trends_tracking.log", *ENROLLMENT_WINDOW)["rows"]
    found = {
        (row["day"], row["course_key"], row["mode"]): (row["enrolled"], row["ever_enrolled"])
        for row in rows
        if row["ever_enrolled"]
    }
    wanted = {
        (row["date"], row["course_id"], row["mode"]): (row["count"], row["cumulative_count"])
        for row in published("course_enrollment_mode_daily")
    }
    assert len(wanted) == 21
    assert found == wanted


def test_the_daily_enrolment_rows(compute):
    rows = compute("enrollment_daily", "enrollment_trends_tracking.log", *ENROLLMENT_WINDOW)["rows"]
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        total = found[row["day"], row["course_key"]]
        total[0] += row["enrolled"]
        total[1] += row["ever_enrolled"]
    wanted = {
        (row["date"], row["course_id"]): [row["count"], row["cumulative_count"]]
        for row in published("course_enrollment_daily")
    }
    assert len(wanted) == 10
    assert {key: total for key, total in found.items() if total[1]} == wanted
