"""Where an event is, what kind of activity it is, and what it is called (catalogue 1.4, 1.16)."""

from __future__ import annotations

import pytest

from loaders.events.structure import Structure
from tests.data.log_lines import COURSE, key, lake_of, line, rows, tree

TREE = Structure(
    blocks=tree(
        ("course", "course", None),
        ("chapter", "ch1", "course"),
        ("sequential", "s1", "ch1"),
        ("vertical", "u1", "s1"),
        ("video", "v1", "u1"),
        ("vertical", "u2", "s1"),
        ("problem", "p1", "u2"),
    )
)
BROWSER = {"event_source": "browser"}
WARE = f"https://x.org/courses/{COURSE}/courseware"


def place(tmp_path, *lines, structure=TREE):
    return rows(lake_of(tmp_path, *lines, structure=structure), "location")


def test_a_key_in_the_payload_is_the_location(tmp_path):
    check = line("problem_check", event={"problem_id": key("problem", "p1")}, page="x_module")
    assert place(tmp_path, check) == [key("problem", "p1")]


def test_html_ids_are_mapped_through_the_course_tree(tmp_path):
    play = line("play_video", event={"id": "v1"}, **BROWSER)
    show = line("problem_show", 1, event={"problem": "p1"}, **BROWSER)
    assert place(tmp_path, play, show) == [key("video", "v1"), key("problem", "p1")]


def test_an_html_id_that_no_tree_knows_stays_as_it_is(tmp_path):
    play = line("play_video", event={"id": "i4x-Org-Bio-video-v9"}, **BROWSER)
    assert place(tmp_path, play) == ["i4x-Org-Bio-video-v9"]


def test_the_module_in_the_context_names_the_block(tmp_path):
    event = line("edx.drag_and_drop_v2.loaded", context={"module": {"usage_key": key("x", "d")}})
    assert place(tmp_path, event) == [key("x", "d")]


@pytest.mark.parametrize(
    "path",
    [
        f"/courses/{COURSE}/xblock/{key('problem', 'p1')}/handler/xmodule_handler/problem_get",
        f"/xblock/{key('problem', 'p1')}",
        f"/courses/{COURSE}/xblock/{key('problem', 'p1').replace('+', '%2B').replace('@', '%40')}",
    ],
)
def test_an_xblock_request_is_at_its_block(tmp_path, path):
    assert place(tmp_path, line(path)) == [key("problem", "p1")]


def test_old_keys_in_requests_are_unquoted(tmp_path):
    old = {"context": {"course_id": "Org/Bio/2013"}}
    got = place(
        tmp_path,
        line("/courses/Org/Bio/2013/xblock/i4x:;_;_Org;_Bio;_video;_v1/handler/save", **old),
        line("/xblock/i4x://Org/Bio/vertical/u1/student_view", 1, **old),
        line("/courses/Org/Bio/2013/courseware/ch1/s1/", 2, **old),
    )
    assert got == [
        "i4x://Org/Bio/video/v1",
        "i4x://Org/Bio/vertical/u1",
        "i4x://Org/Bio/sequential/s1",
    ]


@pytest.mark.parametrize(
    ("event_type", "name", "payload", "unit", "old", "new"),
    [
        ("seq_goto", None, {"id": key("sequential", "s1"), "old": 1, "new": 2}, "u2", 1, 2),
        ("seq_next", None, {"id": "s1", "old": "2", "new": "1"}, "u1", 2, 1),
        (
            "seq_goto",
            "edx.ui.lms.sequence.tab_selected",
            {"id": "s1", "current_tab": 1, "target_tab": 2},
            "u2",
            1,
            2,
        ),
    ],
)
def test_a_move_in_a_sequence_is_at_the_unit_it_goes_to(
    tmp_path, event_type, name, payload, unit, old, new
):
    lake = lake_of(tmp_path, line(event_type, name=name, event=payload, **BROWSER), structure=TREE)
    assert rows(lake, "event_type", "location", "old_position", "new_position") == [
        (event_type, key("vertical", unit), old, new)
    ]


@pytest.mark.parametrize("tab", [None, 3, 0])
def test_a_move_without_a_unit_is_at_the_sequence(tmp_path, tab):
    payload = {"id": "s1", "new": tab}
    move = line("edx.ui.lms.sequence.next_selected", event=payload, **BROWSER)
    assert place(tmp_path, move) == [key("sequential", "s1")]


@pytest.mark.parametrize(
    ("page", "block"),
    [
        (f"{WARE}/ch1/s1/2", key("vertical", "u2")),
        (f"{WARE}/ch1/s1/2/?activate_block_id=x#y", key("vertical", "u2")),
        (f"{WARE}/ch1/s1/9", key("sequential", "s1")),
        (f"{WARE}/ch1/s1/", key("sequential", "s1")),
        (f"{WARE}/ch1/", key("chapter", "ch1")),
        (f"{WARE}/gone/missing/", key("sequential", "missing")),
        (f"https://apps.x.org/learning/course/{COURSE}/{key('sequential', 's1')}", None),
        (
            f"https://apps.x.org/course/{COURSE}/{key('sequential', 's1')}/{key('vertical', 'u1')}",
            key("vertical", "u1"),
        ),
    ],
)
def test_courseware_addresses_lead_to_blocks(tmp_path, page, block):
    got = place(tmp_path, line("page_close", page=page, **BROWSER))
    assert got == [block or key("sequential", "s1")]


@pytest.mark.parametrize(
    ("path", "location", "name", "family"),
    [
        ("progress", "_progress_", "/progress", "nav"),
        ("discussion/forum/x/threads/y", "_forum_", "/discussion", "nav"),
        ("discussion/threads/1/upvote", "_forum_", "/discussion/", "other"),
        ("wiki/page", "_wiki_", "/wiki", "nav"),
        ("pdfbook/0/", "_textbook_", "/pdfbook", "nav"),
        ("dates", "_dates_", "/dates", "nav"),
        ("info", "_info_", "/info", "nav"),
        ("course/", "_info_", "/course", "nav"),
        ("about", "_course_", "/about", "other"),
        ("submission_history/someone/x", "_course_", "/submission_history", "other"),
    ],
)
def test_other_pages_are_pseudo_blocks(tmp_path, path, location, name, family):
    lake = lake_of(tmp_path, line(f"/courses/{COURSE}/{path}"))
    assert rows(lake, "location", "event_type", "family") == [(location, name, family)]


@pytest.mark.parametrize(
    ("event_type", "name", "canonical", "family"),
    [
        ("edx.video.played", "edx.video.played", "play_video", "video"),
        ("play_video", "edx.video.played", "play_video", "video"),
        ("edx.video.position.changed", None, "seek_video", "video"),
        ("seq_next", "edx.ui.lms.sequence.next_selected", "seq_next", "nav"),
        ("edx.ui.lms.sequence.previous_selected", None, "seq_prev", "nav"),
        ("save_problem_check", None, "problem_check", "prob"),
        ("old_name", "new.name", "new.name", "other"),
        ("openassessmentblock.peer_assess", None, "openassessmentblock.peer_assess", "ora"),
        ("textbook.pdf.zoom.menu.changed", None, "textbook.pdf.zoom.menu.changed", "text"),
        ("edx.forum.thread.voted", None, "edx.forum.thread.voted", "forum"),
        ("edx.course.enrollment.mode_changed", None, "edx.course.enrollment.mode_changed", "enr"),
        ("xblock.split_test.child_render", None, "xblock.split_test.child_render", "split"),
    ],
)
def test_names_become_canonical_and_have_a_family(tmp_path, event_type, name, canonical, family):
    lake = lake_of(tmp_path, line(event_type, name=name))
    assert rows(lake, "event_type", "family") == [(canonical, family)]


def test_a_request_for_a_problem_is_of_the_problem_family(tmp_path):
    path = f"/courses/{COURSE}/xblock/{key('problem', 'p1')}/handler/xmodule_handler/problem_get"
    lake = lake_of(tmp_path, line(path))
    assert rows(lake, "event_type", "family", "activity_type") == [
        ("/handler/xmodule_handler/problem_get", "prob", "problem")
    ]


def test_only_a_units_view_is_a_page_view(tmp_path):
    lake = lake_of(
        tmp_path,
        line(f"/xblock/{key('vertical', 'u1')}"),
        line(f"/xblock/{key('html', 'h')}", 1),
        line(f"/courses/{COURSE}/xblock/{key('vertical', 'u1')}/handler/x", 2),
    )
    assert rows(lake, "family") == ["nav", "other", "other"]


def test_activity_types_go_by_the_first_rule_that_matches(tmp_path):
    lake = lake_of(
        tmp_path,
        line("play_video", 1, event={"id": "v1"}),
        line("edx.problem.hint.demandhint_displayed", 2, event={"module_id": key("problem", "p1")}),
        line("problem_save", 3, context={"module": {"usage_key": key("problem", "p1")}}),
        line("edx.forum.thread.created", 4),
        line(f"/courses/{COURSE}/discussion/forum", 5),
        line("book", 6),
        line(f"/courses/{COURSE}/pdfbook/0", 7),
        line(f"/courses/{COURSE}/courseware/ch1/s1/2", 8),
        structure=TREE,
    )
    # the new thread is posted while at the problem, whose rule comes before the forum's
    assert rows(lake, "activity_type") == [
        "video", "problem", "problem", "problem", "forum", "forum", "text", "other",
    ]  # fmt: skip


def test_without_a_tree_the_type_in_the_key_tells_a_problem(tmp_path):
    lake = lake_of(
        tmp_path,
        line("problem_save", 1, context={"module": {"usage_key": key("problem", "x")}}),
        line("problem_save", 2, context={"module": {"usage_key": key("html", "x")}}),
    )
    assert rows(lake, "activity_type") == ["problem", "other"]


def test_a_block_that_the_tree_does_not_hold_is_no_scored_leaf(tmp_path):
    gone = line("problem_save", context={"module": {"usage_key": key("problem", "gone")}})
    lake = lake_of(tmp_path, gone, structure=TREE)
    assert rows(lake, "location", "activity_type") == [(key("problem", "gone"), "other")]


def test_a_location_is_carried_with_the_longest_gap_since(tmp_path):
    lake = lake_of(
        tmp_path,
        line("nowhere", 0),
        line("play_video", 10, event={"id": "v1"}),
        line("nowhere", 70),
        line("edx.bi.ignored", 71),
        line("nowhere", 2070),
        line("nowhere", 2080),
        line("nowhere", 9281),
        line("nowhere", 9282),
        structure=TREE,
    )
    video = key("video", "v1")
    # gaps 60, 2000, 10 s; then 7201 s, which no limit allows
    assert rows(lake, "location", "location_gap_us") == [
        ("_course_", None),
        (video, None),
        (video, 60_000_000),
        ("_course_", None),
        (video, 2_000_000_000),
        (video, 2_000_000_000),
        ("_course_", None),
        ("_course_", None),
    ]


def test_a_location_is_carried_over_midnight(tmp_path):
    evening = 13.9 * 3600  # 23:54
    lake = lake_of(
        tmp_path,
        line("play_video", evening, event={"id": "v1"}),
        line("nowhere", evening + 600),
        structure=TREE,
    )
    assert len(lake.files(COURSE)) == 2
    assert rows(lake, "location_gap_us") == [None, 600_000_000]


def test_learners_and_courses_do_not_lend_each_other_locations(tmp_path):
    lake = lake_of(
        tmp_path,
        line("play_video", 0, event={"id": "v1"}),
        line("nowhere", 1, context={"user_id": 2}),
        line("nowhere", 1, context={"course_id": "course-v1:Org+Other+1"}),
    )
    assert rows(lake, "location") == ["v1", "_course_", "_course_"]
