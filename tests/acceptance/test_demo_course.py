"""The Open edX demo course gives the counts that its description states."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[3] / "shared" / "data" / "demo-course" / "course"

pytestmark = pytest.mark.skipif(not DEMO.is_dir(), reason=f"no test data at {DEMO}")


def test_blocks_of_each_type(run):
    shown = run("compute", "course_module_counts", "--source", DEMO)
    assert shown.code == 0, shown.err
    document = json.loads(shown.out)
    counts = {row["block_type"]: row["blocks"] for row in document["rows"]}
    assert {row["course_key"] for row in document["rows"]} == {"course-v1:OpenedX+DemoX+DemoCourse"}
    wanted = {
        "chapter": 6,
        "sequential": 17,
        "vertical": 58,
        "html": 266,
        "problem": 29,
        "video": 11,
        "openassessment": 2,
        "lti": 2,
    }
    once = ("library_content", "drag-and-drop-v2", "edx_sga", "staffgradedxblock", "done",
            "annotatable", "discussion", "poll", "survey")  # fmt: skip
    assert {name: counts[name] for name in [*wanted, *once]} == wanted | dict.fromkeys(once, 1)
