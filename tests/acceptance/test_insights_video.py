"""The video numbers that edX Insights published for the logs of its own acceptance test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from courselens.testing import CourseBuilder, run_indicator

INSIGHTS = Path(__file__).parents[3] / "shared" / "data" / "insights"
LOG = INSIGHTS / "input" / "video_timeline.log"
FACTS = INSIGHTS / "facts" / "acceptance_expected_rows.shared.json"

pytestmark = pytest.mark.skipif(not LOG.exists(), reason=f"{INSIGHTS} (AGPL) is not here")


def courses() -> dict[str, CourseBuilder]:
    """The log's events by course, as a loader would give them."""
    built: dict[str, CourseBuilder] = {}
    for line in LOG.read_text().splitlines():
        if not line.startswith("{"):
            continue
        event = json.loads(line)
        payload = json.loads(event["event"])
        key = event["context"]["course_id"]
        built.setdefault(key, CourseBuilder(key)).event(
            event["context"]["user_id"],
            event["time"],
            event["event_type"],
            payload["id"],
            username=event["username"],
            current_seconds=payload.get("currentTime"),
            old_seconds=payload.get("old_time"),
            new_seconds=payload.get("new_time"),
            duration_seconds=payload.get("duration"),
        )
    return built


@pytest.fixture(scope="module")
def results():
    return {
        key: run_indicator("video_view_histogram", course, definition="insights")
        for key, course in courses().items()
    }


def rows_of(results, part):
    """(course|video, row) of the whole course."""
    return [
        (f"{key}|{row['video']}", row)
        for key, result in results.items()
        for row in result.group[part].to_pylist()
        if row["group_id"] == "course"
    ]


def published(name):
    return json.loads(FACTS.read_text())[name]["rows"]


def test_the_timeline_of_every_video_is_the_published_one(results):
    found = [
        [video, row["start_seconds"] // 5, row["users"], row["views"]]
        for video, row in rows_of(results, "rows")
    ]
    assert sorted(found) == sorted(published("video_timeline"))
    assert len(found) == 10


def test_every_video_as_a_whole_is_the_published_one(results):
    found = {
        video: [
            row["duration_seconds"],
            row["users_at_start"],
            row["users_at_end"],
            row["total_viewed_seconds"],
        ]
        for video, row in rows_of(results, "videos")
    }
    expected = {row[0]: [row[3], *row[5:]] for row in published("video")}
    assert found == expected
    assert len(found) == 4
