from __future__ import annotations

import json

from loaders.course_rows import build_course_tables
from loaders.files.structure import read_structures

NEW = "block-v1:Org+Course+Run+type@"
OLD = "i4x://Org/Course/"


def read(document, path="x.json"):
    text = document if isinstance(document, str) else json.dumps(document)
    return read_structures(text, path)


def test_the_package_shape_is_read():
    structures = read(
        {
            f"{NEW}course+block@course": {
                "category": "course",
                "children": [f"{NEW}chapter+block@c"],
                "metadata": {"display_name": "C", "start": "1970-01-01T00:00:01Z"},
            },
            f"{NEW}chapter+block@c": {"category": "chapter", "children": [], "metadata": {}},
        }
    )

    (course,) = structures.courses
    tables, problems = build_course_tables([course])
    assert problems == ()
    assert course.course_key == "course-v1:Org+Course+Run"
    assert tables["blocks"]["block_type"].to_pylist() == ["course", "chapter"]
    # Absent in a package means default: not graded.
    assert tables["blocks"]["graded"].to_pylist() == [False, False]
    assert tables["courses"]["start_us"].to_pylist() == [1_000_000]


def test_the_shape_of_the_block_api_is_read_with_unknown_grading():
    structures = read(
        {
            "root": f"{NEW}course+block@course",
            "blocks": {
                f"{NEW}video+block@v": {
                    "type": "video",
                    "display_name": "V",
                    "student_view_data": {"duration": 30.5},
                },
                f"{NEW}course+block@course": {
                    "type": "course",
                    "children": [f"{NEW}video+block@v"],
                },
            },
        }
    )

    tables, _ = build_course_tables(structures.courses)
    assert tables["blocks"]["duration_seconds"].to_pylist() == [None, 30.5]
    assert tables["blocks"]["display_name"].to_pylist() == [None, "V"]
    assert tables["blocks"]["graded"].to_pylist() == [None, None]


def test_blocks_may_come_as_a_list():
    structures = read({"blocks": [{"id": f"{NEW}course+block@course", "type": "course"}]})

    assert list(structures.courses[0].blocks) == [f"{NEW}course+block@course"]


def test_one_document_a_line_is_one_course_each():
    lines = [
        json.dumps({f"block-v1:O+C+{run}+type@course+block@course": {"category": "course"}})
        for run in ("R1", "R2")
    ]

    structures = read("\n".join([*lines, "{broken"]))
    assert [course.course_key for course in structures.courses] == [
        "course-v1:O+C+R1",
        "course-v1:O+C+R2",
    ]
    assert [problem.line for problem in structures.problems] == [3]


def test_a_list_of_courses_gives_rows_without_blocks():
    structures = read(
        {
            "results": [
                {"id": "O/C/R", "name": "Old", "start": "1970-01-01T00:00:01Z", "end": None},
                {"id": "course-v1:O+C+R", "name": "New", "pacing": "self"},
            ]
        }
    )

    assert structures.courses == ()
    old, new = structures.rows
    assert (old["course_key"], old["org"], old["start_us"]) == ("O/C/R", "O", 1_000_000)
    assert (old["end_us"], old["self_paced"]) == (None, None)
    assert (new["course_key"], new["self_paced"]) == ("course-v1:O+C+R", True)


def test_the_run_of_old_keys_is_the_name_of_the_root():
    structures = read({f"{OLD}course/2014_T1": {"category": "course", "children": []}})

    assert structures.courses[0].course_key == "Org/Course/2014_T1"


def test_without_a_root_the_run_of_old_keys_is_in_the_file_name():
    document = {f"{OLD}chapter/c": {"category": "chapter", "children": []}}
    structures = read(document, "/data/Org-Course-20-14_T1-course_structure-prod-analytics.json")

    assert structures.courses[0].course_key == "Org/Course/20-14_T1"
    assert structures.courses[0].root_key is None


def test_old_keys_of_an_unknown_run_are_left_out_with_the_fix():
    structures = read({f"{OLD}chapter/c": {"category": "chapter"}}, "/data/structure.json")

    assert structures.courses == ()
    assert "name the file Org-Course-RUN-course_structure.json" in structures.problems[0].reason


def test_entries_that_are_no_blocks_are_left_out():
    structures = read(
        {
            f"{NEW}course+block@course": {"category": "course"},
            "nonsense": {"category": "html"},
            f"{NEW}html+block@h": "text",
        }
    )

    assert len(structures.courses[0].blocks) == 1
    assert [problem.reason for problem in structures.problems] == [
        "'nonsense' is no block and was left out",
        f"'{NEW}html+block@h' is no block and was left out",
    ]


def test_two_courses_in_one_document_are_two_courses():
    structures = read(
        {
            "block-v1:O+C+R1+type@course+block@course": {"category": "course"},
            "block-v1:O+C+R2+type@course+block@course": {"category": "course"},
        }
    )

    assert len(structures.courses) == 2


def test_a_broken_document_is_one_problem():
    for text in ('{"a": {\n"b"\n', "[1]", '"text"', "[" * 100_000):
        structures = read(text)
        assert structures.courses == ()
        assert len(structures.problems) == 1
