"""The course as exports hold it: an OLX archive and the structure file of a data package."""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from courselens.domain import from_us
from courselens.simulator.course import (
    ARM_NAMES,
    ARMS,
    CONTENT_GROUPS,
    CONTENT_PARTITION,
    DRAWN,
    EXPERIMENT_PARTITION,
    Block,
    Course,
)

_CONTAINERS = ("course", "chapter", "sequential", "vertical", "library_content", "split_test")


def write_course(folder: Path, course: Course) -> None:
    """Write the archive and the structure file of a course."""
    archive = folder / f"{course.file_stem}-course-prod-analytics.xml.tar.gz"
    archive.write_bytes(_pack(olx_files(course)))
    structure = folder / f"{course.file_stem}-course_structure-prod-analytics.json"
    structure.write_text(json.dumps(course_structure(course), indent=2) + "\n", encoding="utf-8")


def olx_files(course: Course) -> dict[str, str]:
    """Files of the export by their path below `course/`."""
    root = course.blocks[0]
    files = {
        "course.xml": f'<course url_name="{course.run}" org="{course.org}" '
        f'course="{course.course}"/>\n',
        f"policies/{course.run}/grading_policy.json": json.dumps(grading_policy(course), indent=4),
        f"policies/{course.run}/policy.json": json.dumps(
            {f"course/{course.run}": {"display_name": course.name, "tabs": []}}, indent=4
        ),
        "about/overview.html": "<section>A course that nobody wrote.</section>\n",
    }
    for block in course.blocks:
        name = course.run if block is root else block.block_id
        files[f"{block.type}/{name}.xml"] = _element(course, block)
        if block.type == "html":
            files[f"html/{name}.html"] = f"<p>{block.name}</p>\n"
    return files


def course_structure(course: Course) -> dict[str, Any]:
    """Usage id to category, children and the settings that are set."""
    return {
        course.block_key(block): {
            "category": block.type,
            "children": [course.block_key(child) for child in course.children(block.index)],
            "metadata": settings(course, block),
        }
        for block in course.blocks
    }


def grading_policy(course: Course) -> dict[str, Any]:
    """The grading policy, as its file holds it."""
    return {
        "GRADER": [
            {
                "type": kind.name,
                "short_label": kind.short,
                "min_count": kind.min_count,
                "drop_count": kind.drop_count,
                "weight": kind.weight,
            }
            for kind in course.policy
        ],
        "GRADE_CUTOFFS": dict(course.cutoffs),
    }


def settings(course: Course, block: Block) -> dict[str, Any]:
    """Settings of a block that are set on itself, by the platform's field names."""
    found: dict[str, Any] = {"display_name": course.name if block.parent < 0 else block.name}
    if block.start_us is not None:
        found["start"] = _iso(block.start_us)
    if block.type == "course":
        found |= {
            "end": _iso(course.end_us),
            "self_paced": False,
            "user_partitions": _partitions(),
            "cohort_config": {"cohorted": True},
        }
    if block.type == "sequential" and block.graded:
        found |= {"graded": True, "format": block.format, "due": _iso(block.due_us or 0)}
    if block.weight is not None:
        found["weight"] = float(block.weight)
    if block.max_attempts is not None:
        found["max_attempts"] = block.max_attempts
    if block.content_group is not None:
        found["group_access"] = {str(CONTENT_PARTITION): [block.content_group]}
    if block.staff_only:
        found["visible_to_staff_only"] = True
    if block.type == "split_test":
        children = course.children(block.index)
        found |= {
            "user_partition_id": EXPERIMENT_PARTITION,
            "group_id_to_child": {str(c.arm): course.block_key(c) for c in children},
        }
    if block.type == "library_content":
        found |= {"max_count": DRAWN, "source_library_id": f"library-v1:{course.org}+Questions"}
    if block.type == "video":
        found["edx_video_id"] = block.block_id
    return found


def _element(course: Course, block: Block) -> str:
    values = settings(course, block)
    if block.type == "html":
        values["filename"] = block.block_id
    if block.type == "discussion":
        values |= {"discussion_id": block.block_id, "discussion_category": "General"}
    if block.type == "video":
        values["youtube_id_1_0"] = block.block_id[:11]
    attributes = "".join(f" {key}={quoteattr(_attribute(v))}" for key, v in values.items())
    body = ""
    if block.type in _CONTAINERS:
        body = "".join(
            f'  <{child.type} url_name="{child.block_id}"/>\n'
            for child in course.children(block.index)
        )
    elif block.type == "video":
        body = (
            f'  <video_asset client_video_id="{block.name}.mp4" '
            f'duration="{block.duration_ms / 1000}" image=""/>\n'
        )
    elif block.type == "problem":
        body = _problem(block)
    if not body:
        return f"<{block.type}{attributes}/>\n"
    return f"<{block.type}{attributes}>\n{body}</{block.type}>\n"


def _problem(block: Block) -> str:
    parts = []
    for nth in range(block.inputs):
        if block.index % 3 == 0:
            parts.append(
                f'  <stringresponse answer="{nth}"><label>Question {nth + 1}</label>'
                "<textline/></stringresponse>\n"
            )
        else:
            parts.append(
                f"  <multiplechoiceresponse><label>Question {nth + 1}</label><choicegroup>"
                '<choice correct="false">Answer 0</choice><choice correct="true">Answer 1</choice>'
                "</choicegroup></multiplechoiceresponse>\n"
            )
    hints = "".join("<hint>Look at the units.</hint>" for _ in range(block.hints))
    return "".join(parts) + (f"  <demandhint>{hints}</demandhint>\n" if hints else "")


def _partitions() -> list[dict[str, Any]]:
    def groups(pairs: list[tuple[int, str]]) -> list[dict[str, Any]]:
        return [{"id": number, "name": name, "version": 1} for number, name in pairs]

    return [
        {
            "id": CONTENT_PARTITION,
            "name": "Content Groups",
            "scheme": "cohort",
            "description": "",
            "parameters": {},
            "active": True,
            "version": 3,
            "groups": groups([(number, f"Content group {number}") for number in CONTENT_GROUPS]),
        },
        {
            "id": EXPERIMENT_PARTITION,
            "name": "Order of the example",
            "scheme": "random",
            "description": "",
            "parameters": {},
            "active": True,
            "version": 3,
            "groups": groups([(arm, ARM_NAMES[arm]) for arm in ARMS]),
        },
    ]


def _attribute(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _iso(at_us: int) -> str:
    return from_us(at_us).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pack(files: dict[str, str]) -> bytes:
    """A tar.gz whose bytes depend on the files alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, text in sorted(files.items()):
            content = text.encode()
            entry = tarfile.TarInfo(f"course/{name}")
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(buffer.getvalue()) + packer.flush()
