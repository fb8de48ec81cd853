from __future__ import annotations

import json

from loaders.course_rows import build_course_tables
from loaders.files.olx import read_olx

COURSE = {"course.xml": b'<course url_name="Run" org="Org" course="Course"/>'}
KEY = "block-v1:Org+Course+Run+type@"


def read(files, **options):
    return read_olx({**COURSE, **files}, "export", **options)


def block(course, kind, name):
    return course.blocks[f"{KEY}{kind}+block@{name}"]


def reasons(problems):
    return [(problem.path, problem.line, problem.reason) for problem in problems]


def test_pointers_are_followed_and_inline_blocks_are_taken():
    course, problems = read(
        {
            "course/Run.xml": b'<course display_name="C"><chapter url_name="one"/></course>',
            "chapter/one.xml": b"""<chapter display_name="One">
                <sequential url_name="s" format="Lab" graded="true">
                  <vertical url_name="v">
                    <problem url_name="inline" weight="2.0"><p>text</p></problem>
                    <html url_name="h"/>
                  </vertical>
                </sequential>
                <wiki slug="x"/>
            </chapter>""",
            "html/h.xml": b'<html filename="h" display_name="Words"/>',
        }
    )

    assert problems == ()
    assert course.course_key == "course-v1:Org+Course+Run"
    assert course.root_key == f"{KEY}course+block@course"
    assert block(course, "course", "course").children == (f"{KEY}chapter+block@one",)
    assert block(course, "chapter", "one").children == (f"{KEY}sequential+block@s",)
    assert block(course, "vertical", "v").children == (
        f"{KEY}problem+block@inline",
        f"{KEY}html+block@h",
    )
    # What is inside a problem is its text.
    assert block(course, "problem", "inline").children == ()
    assert block(course, "problem", "inline").fields["weight"] == "2.0"
    assert block(course, "html", "h").fields["display_name"] == "Words"


def test_attributes_are_json_or_nearly():
    course, _ = read(
        {
            "course/Run.xml": b"""<course start="&quot;1970-01-01T00:00:01Z&quot;"
                display_name="&quot;Quoted&quot;" self_paced="true" max_attempts="null">
                <video url_name="v" duration="&quot;12.5&quot;"
                  group_access="{&quot;50&quot;: [1]}" visible_to_staff_only="True"/></course>"""
        }
    )

    tables, problems = build_course_tables([course])
    root, video = tables["blocks"].to_pylist()
    assert problems == ()
    assert root["display_name"] == "Quoted"
    assert root["released_us"] == 1_000_000
    assert root["max_attempts"] is None
    assert tables["courses"]["self_paced"].to_pylist() == [True]
    assert (video["duration_seconds"], video["visible_to_staff_only"]) == (12.5, True)
    assert tables["block_access"]["group_id"].to_pylist() == [1]


def test_the_length_of_a_video_may_stand_in_its_asset():
    course, _ = read(
        {
            "course/Run.xml": b"""<course><video url_name="v">
                <video_asset client_video_id="x" duration="61.0"/></video></course>"""
        }
    )

    assert block(course, "video", "v").fields["duration"] == "61.0"


def test_policy_files_win_over_attributes_and_give_the_grading_policy():
    policy = {
        "course/Run": {"display_name": "Policy", "end": "1970-01-01T00:00:05Z"},
        "chapter/one": {"start": "1970-01-01T00:00:02Z"},
    }
    grading = {"GRADER": [{"type": "Lab", "weight": 1}], "GRADE_CUTOFFS": {"Pass": 0.7}}
    course, _ = read(
        {
            "course/Run.xml": b'<course display_name="X"><chapter url_name="one"/></course>',
            "chapter/one.xml": b"<chapter/>",
            "policies/Run/policy.json": json.dumps(policy).encode(),
            "policies/Run/grading_policy.json": json.dumps(grading).encode(),
        }
    )

    tables, _ = build_course_tables([course])
    (row,) = tables["courses"].to_pylist()
    assert (row["display_name"], row["end_us"], row["pass_cutoff"]) == ("Policy", 5_000_000, 0.7)
    assert tables["blocks"]["released_us"].to_pylist() == [None, 2_000_000]
    assert tables["grading_policy"]["assignment_type"].to_pylist() == ["Lab"]


def test_drafts_are_not_read():
    course, problems = read(
        {
            "course/Run.xml": b"<course/>",
            "drafts/vertical/v.xml": b"<vertical/>",
            "vertical/w.xml": b"<vertical/>",
        }
    )

    assert len(course.blocks) == 1
    assert problems == ()


def test_a_missing_file_is_reported_once_and_the_rest_is_loaded():
    course, problems = read(
        {
            "course/Run.xml": b'<course><chapter url_name="gone"/><chapter url_name="c"/></course>',
            "chapter/c.xml": b"<chapter/>",
        }
    )

    assert reasons(problems) == [
        (
            "export/chapter/gone.xml",
            None,
            "the course points to this file, but it does not exist",
        )
    ]
    tables, further = build_course_tables([course])
    assert tables["blocks"].num_rows == 2
    assert further == ()


def test_a_broken_file_is_reported_with_its_line():
    course, problems = read(
        {
            "course/Run.xml": b'<course><html url_name="h"/></course>',
            "html/h.xml": b"<html>\n<p>\n</html>",
        }
    )

    assert len(course.blocks) == 1
    ((path, line, reason),) = reasons(problems)
    assert (path, line) == ("export/html/h.xml", 3)
    assert reason.startswith("broken XML: mismatched tag")


def test_a_block_without_fields_needs_no_file_unless_its_type_always_has_one():
    course, problems = read({"course/Run.xml": b'<course><done url_name="d"/></course>'})

    assert block(course, "done", "d").block_type == "done"
    assert problems == ()


def test_a_block_without_a_name_is_named_after_its_content():
    files = {"course/Run.xml": b"<course><html><p>1</p></html></course>"}
    course, problems = read(files)
    again, _ = read(files)

    assert list(course.blocks) == list(again.blocks)
    assert [key.rsplit("@", 1)[1][:5] for key in course.blocks] == ["cours", "html_"]
    assert "has no url_name" in problems[0].reason


def test_keys_are_old_where_the_source_knows_the_run_by_its_old_key():
    course, _ = read(
        {"course/Run.xml": b'<course><html url_name="h"/></course>', "html/h.xml": b"<html/>"},
        old_keys=frozenset({"Org/Course/Run"}),
    )

    assert course.course_key == "Org/Course/Run"
    assert list(course.blocks) == ["i4x://Org/Course/course/Run", "i4x://Org/Course/html/h"]


def test_a_cycle_of_pointers_ends():
    course, _ = read(
        {
            "course/Run.xml": b'<course><vertical url_name="v"/></course>',
            "vertical/v.xml": b'<vertical><vertical url_name="v"/></vertical>',
        }
    )

    _, problems = build_course_tables([course])
    assert len(course.blocks) == 2
    assert "is below itself" in problems[0].reason


def test_an_export_that_is_no_course_is_left_out_with_the_reason():
    for root, reason in [
        (b"<course/>", "the root is not <course org= course= url_name=>"),
        (b'<library org="O" course="C" url_name="R"/>', "the root is not <course org="),
        (b"<course", "broken XML"),
    ]:
        course, problems = read({"course.xml": root})
        assert course is None
        assert problems[0].reason.startswith(reason)


def test_broken_policy_files_are_reported():
    _, problems = read(
        {
            "course/Run.xml": b"<course/>",
            "policies/Run/policy.json": b"{",
            "policies/Run/grading_policy.json": b"[]",
        }
    )

    assert [problem.path for problem in problems] == [
        "export/policies/Run/policy.json",
        "export/policies/Run/grading_policy.json",
    ]
