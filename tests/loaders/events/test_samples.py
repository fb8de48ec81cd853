"""Every line of the real samples is parsed, or rejected with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from loaders.events.lake import Lake
from tests.data.log_lines import bring_in, rows

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no test data at {DATA}")


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def test_each_sample_of_an_event_type_is_one_event(lake):
    samples = sorted((DATA / "events" / "input").glob("*.json"))
    report = bring_in(lake, *samples)
    assert report.lines == len(samples) > 60
    rejected = {
        Path(file).name: next(iter(one.rejected))
        for file, one in report.files.items()
        if one.rejected
    }
    # an anonymous visitor, and a sample without a context
    assert rejected == {
        "edx.ui.lms.link_clicked(anonymous_user).json": "dropped_no_user",
        "edx.ui.lms.link_clicked.required.only.data.json": "dropped_no_course",
    }


def test_the_container_log_loses_only_its_broken_lines(lake):
    report = bring_in(lake, DATA / "events" / "tracking.log")
    assert report.lines == 12
    assert report.rejected == {"dropped_parse": 2}
    assert rows(lake, "user_id") == [6] * 10


def test_the_guides_examples_without_envelope_are_rejected_for_it(lake):
    report = bring_in(lake, DATA / "research-guide-examples.log")
    assert (report.lines, report.parsed, report.rejected) == (10, 5, {"dropped_no_course": 5})


@pytest.mark.parametrize(
    "log", sorted((DATA / "insights" / "input").glob("*.log")), ids=lambda path: path.name
)
def test_every_insights_log_is_accounted_for(lake, log):
    report = bring_in(lake, log)
    lines = log.read_bytes().split(b"\n")
    assert report.lines == len(lines) - (not lines[-1])
    comments = sum(one.startswith(b"#") for one in lines)
    assert report.rejected.get("comment", 0) == comments
    assert set(report.rejected) <= {
        "blank", "comment", "dropped_no_course", "dropped_no_user", "dropped_parse",
    }  # fmt: skip
    if log.name != "tags_dist_acceptance_tracking.log":
        assert "dropped_parse" not in report.rejected
