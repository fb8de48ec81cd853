import io
import tarfile
from collections import Counter
from xml.etree import ElementTree

import pytest

from courselens.simulator.course import build_course, leaf_target
from courselens.simulator.olx import course_structure, olx_files
from courselens.simulator.options import Options


@pytest.fixture(scope="module")
def course():
    return build_course(Options(), 0)


def test_courses_grow_with_their_learners():
    assert [leaf_target(n) for n in (1, 500, 10_000, 100_000, 1_000_000)] == [
        60, 60, 400, 900, 900,
    ]  # fmt: skip


def test_a_small_course_has_the_blocks_that_a_course_has(course):
    counts = Counter(block.type for block in course.blocks)
    assert counts["course"] == 1
    assert counts["chapter"] == 8
    assert counts["split_test"] == 1
    assert counts["library_content"] == 1
    leaves = sum(counts[kind] for kind in ("html", "video", "problem", "discussion"))
    assert 60 <= leaves <= 75
    assert all(counts[kind] >= 5 for kind in ("html", "video", "problem"))


def test_block_ids_are_32_hexadecimal_digits_and_unique(course):
    ids = [block.block_id for block in course.blocks if block.type != "course"]
    assert all(len(text) == 32 and int(text, 16) for text in ids)
    assert len(set(ids)) == len(ids)


def test_graded_subsections_are_due_within_the_course(course):
    graded = [block for block in course.blocks if block.type == "sequential" and block.graded]
    assert {block.format for block in graded} == {"Homework", "Exam"}
    assert all(course.start_us < block.due_us < course.end_us for block in graded)


def test_the_archive_and_the_structure_hold_the_same_tree(course):
    files = olx_files(course)
    structure = course_structure(course)
    root = ElementTree.fromstring(files[f"course/{course.run}.xml"])
    seen = []

    def walk(element, key):
        seen.append(key)
        children = [course.block_key(b) for b in course.blocks if b.block_id in named(element)]
        assert structure[key]["children"] == children
        for child in element:
            if child.get("url_name"):
                path = f"{child.tag}/{child.get('url_name')}.xml"
                inner = ElementTree.fromstring(files[path])
                assert inner.tag == child.tag
                where = f"block-v1:SimX+SIM101+2025_02+type@{child.tag}+block@"
                walk(inner, where + child.get("url_name"))

    def named(element):
        return {child.get("url_name") for child in element if child.get("url_name")}

    walk(root, course.block_key(course.blocks[0]))
    assert sorted(seen) == sorted(structure)


def test_the_archive_is_a_course_folder(simulated):
    (archive,) = simulated.folder.glob("*.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as files:
        names = files.getnames()
        head = files.extractfile("course/course.xml").read().decode()
    assert head == '<course url_name="2025_02" org="SimX" course="SIM101"/>\n'
    assert "course/policies/2025_02/grading_policy.json" in names
    assert all(name.startswith("course/") for name in names)
