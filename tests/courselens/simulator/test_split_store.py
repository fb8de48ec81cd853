"""Courses as documents have the shapes that the split modulestore gives them."""

from __future__ import annotations

from datetime import datetime

import pytest
from bson import ObjectId, encode

from courselens.simulator.course import build_course
from courselens.simulator.into_mongo import course_documents
from courselens.simulator.options import Options
from courselens.simulator.split_store import split_documents
from loaders.tree import RawBlock, RawCourse

OPTIONS = Options(students=60, weeks=6)


@pytest.fixture(scope="module")
def documents():
    return course_documents(build_course(OPTIONS, 0))


def published(documents):
    return documents.structures[0]


def key(kind, name):
    return f"block-v1:O+C+R+type@{kind}+block@{name}"


def a_course(**fields):
    return RawCourse(
        course_key="course-v1:O+C+R",
        path="test",
        blocks={key("course", "course"): RawBlock(key("course", "course"), "course", fields)},
        root_key=key("course", "course"),
    )


def test_the_same_course_gives_the_same_documents_and_another_one_others(documents):
    again = course_documents(build_course(OPTIONS, 0))
    other = course_documents(build_course(Options(students=60, weeks=6, seed=2), 0))

    assert again == documents
    assert other.published_version != documents.published_version


def test_a_changed_course_is_another_structure():
    before = split_documents(a_course(display_name="Before"))
    after = split_documents(a_course(display_name="After"))

    assert before.active_version["_id"] == after.active_version["_id"]
    assert before.published_version != after.published_version


def test_blocks_are_a_list_of_types_and_ids_with_pairs_for_children(documents):
    blocks = published(documents)["blocks"]
    root = next(block for block in blocks if block["block_type"] == "course")

    assert published(documents)["root"] == ["course", "course"]
    assert {kind for kind, _ in root["fields"]["children"]} == {"chapter"}
    assert all(isinstance(block["definition"], ObjectId) for block in blocks if block["fields"])
    assert all(encode(each) for each in (*documents.structures, *documents.definitions))


def test_every_child_is_in_the_list(documents):
    blocks = published(documents)["blocks"]
    names = {(block["block_type"], block["block_id"]) for block in blocks}
    children = [tuple(child) for block in blocks for child in block["fields"].get("children", [])]

    assert set(children) <= names
    assert len(children) == len(set(children))


def test_content_is_in_definitions_and_settings_are_in_the_structure(documents):
    content = [each for each in documents.definitions if each["fields"]]
    kinds = {each["block_type"]: set(each["fields"]) for each in content}

    assert kinds == {
        "course": {"grading_policy"},
        "split_test": {"user_partition_id", "group_id_to_child"},
    }


def test_settings_take_the_types_that_the_platform_stores():
    raw = a_course(
        start='"2025-02-03T00:00:00Z"',
        graded="true",
        weight="2",
        max_attempts="3",
        group_access='{"5": [1]}',
        end="some day",
        url_name="R",
        duration="12.0",
    )

    fields = published(split_documents(raw))["blocks"][0]["fields"]

    assert fields == {
        "start": datetime(2025, 2, 3),  # noqa: DTZ001  BSON dates have no zone
        "graded": True,
        "weight": 2.0,
        "max_attempts": 3,
        "group_access": {"5": [1]},
        "end": "some day",
        "children": [],
    }


def test_the_draft_branch_has_what_nobody_has_published(documents):
    draft = documents.structures[1]
    versions = documents.active_version["versions"]

    assert versions == {
        "published-branch": published(documents)["_id"],
        "draft-branch": draft["_id"],
    }
    assert len(draft["blocks"]) == len(published(documents)["blocks"]) + 1
