"""Course exports (OLX) to raw courses."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, tostring

from loaders.files.course_files import CourseFiles
from loaders.files.xml import BrokenXml, parse_xml
from loaders.problem import Problem
from loaders.tree import CONTAINER_TYPES, RawBlock, RawCourse

_NOT_BLOCKS = frozenset({"wiki", "textbook", "pdf_textbook", "html_textbook", "show"})
"""Elements inside containers that configure them and are no blocks."""
_ALWAYS_IN_FILES = frozenset(
    {"course", "chapter", "sequential", "vertical", "problem", "html", "video"}
)
"""Types whose bare `url_name` is always a pointer; others may be a whole block without fields."""


@dataclass(frozen=True, slots=True)
class CourseName:
    """Parts of a course key as the root of an export has them."""

    org: str
    course: str
    run: str

    @property
    def new_key(self) -> str:
        """`course-v1:ORG+COURSE+RUN`."""
        return f"course-v1:{self.org}+{self.course}+{self.run}"

    @property
    def old_key(self) -> str:
        """`ORG/COURSE/RUN`."""
        return f"{self.org}/{self.course}/{self.run}"


def read_olx(
    files: CourseFiles, path: str, *, old_keys: frozenset[str] = frozenset()
) -> tuple[RawCourse | None, tuple[Problem, ...]]:
    """Read a course export.

    An export does not say which family its keys are of. They are `course-v1:` and `block-v1:`,
    unless the old key of the run is among `old_keys`: those that other files of the source name.

    Args:
        files: files by path relative to the folder of `course.xml`.
        path: name of the export in problems.
        old_keys: course keys known to be in use in their old form.

    Returns:
        The course, None where its root cannot be read, and what was left out.
    """
    reader = _Reader(files, path)
    root = reader.read_xml("course.xml")
    if root is None:
        if not reader.problems:
            reader.report("course.xml", "there is no course.xml")
        return None, tuple(reader.problems)
    parts = [(root.get(name) or "").strip() for name in ("org", "course", "url_name")]
    if root.tag != "course" or not all(parts):
        reader.report("course.xml", "the root is not <course org= course= url_name=>")
        return None, tuple(reader.problems)
    name = CourseName(*parts)
    course = reader.read_course(root, name, is_old=name.old_key in old_keys)
    return course, tuple(reader.problems)


class _Reader:
    def __init__(self, files: CourseFiles, path: str) -> None:
        self._files = files
        self._path = path
        self.problems: list[Problem] = []

    def report(self, file: str, reason: str, line: int | None = None) -> None:
        self.problems.append(Problem(f"{self._path}/{file}", line, reason))

    def read_xml(self, file: str) -> Element | None:
        data = self._files.get(file)
        if data is None:
            return None
        try:
            return parse_xml(data)
        except BrokenXml as error:
            self.report(file, f"broken XML: {error}", error.line)
            return None

    def read_json(self, *files: str) -> Mapping[str, object] | None:
        """The first of the files that exists, if it holds a JSON object."""
        for file in files:
            data = self._files.get(file)
            if data is None:
                continue
            try:
                document = json.loads(data)
            except (ValueError, RecursionError) as error:
                self.report(file, f"broken JSON: {error}")
                return None
            if isinstance(document, dict):
                return document
            self.report(file, "not a JSON object")
            return None
        return None

    def read_course(self, root: Element, name: CourseName, *, is_old: bool) -> RawCourse:
        policy = self.read_json(f"policies/{name.run}/policy.json", f"policies/{name.run}.json")
        keys = _OldKeys(name) if is_old else _NewKeys(name)
        blocks: dict[str, RawBlock] = {}
        waiting: deque[Element] = deque([root])
        while waiting:
            element = waiting.popleft()
            url_name = _url_name(element)
            if not _given_name(element):
                self.report("course.xml", f"a {element.tag} has no url_name; named {url_name}")
            key = keys.block_key(element.tag, url_name)
            if key in blocks:
                continue
            full = self._follow(element, url_name)
            if full is None:
                continue
            below = _child_blocks(full)
            waiting.extend(below)
            override = (policy or {}).get(f"{element.tag}/{url_name}")
            blocks[key] = RawBlock(
                block_key=key,
                block_type=element.tag,
                fields={
                    **_fields(element),
                    **_fields(full),
                    **(override if isinstance(override, dict) else {}),
                },
                children=tuple(keys.block_key(child.tag, _url_name(child)) for child in below),
            )
        # A child whose file is missing or broken has been reported with the name of that file.
        blocks = {
            key: replace(
                block, children=tuple(child for child in block.children if child in blocks)
            )
            for key, block in blocks.items()
        }
        return RawCourse(
            course_key=keys.course_key,
            path=self._path,
            blocks=blocks,
            root_key=keys.block_key("course", name.run),
            grading_policy=self.read_json(
                f"policies/{name.run}/grading_policy.json", "grading_policy.json"
            ),
        )

    def _follow(self, element: Element, url_name: str) -> Element | None:
        """The element that a pointer points to, or the element itself when it is the block."""
        if len(element) or (element.text or "").strip():
            return element
        file = f"{element.tag}/{url_name.replace(':', '/')}.xml"
        count = len(self.problems)
        found = self.read_xml(file)
        if found is not None:
            return found
        is_bare = set(element.attrib) <= {"url_name", "org", "course"}
        if len(self.problems) > count or (is_bare and element.tag in _ALWAYS_IN_FILES):
            if len(self.problems) == count:
                self.report(file, "the course points to this file, but it does not exist")
            return None
        return element


class _NewKeys:
    def __init__(self, name: CourseName) -> None:
        self.course_key = name.new_key
        self._prefix = f"block-v1:{name.org}+{name.course}+{name.run}"

    def block_key(self, block_type: str, url_name: str) -> str:
        # The root of a course has the id `course` in the new modulestore, whatever its run.
        block_id = "course" if block_type == "course" else url_name
        return f"{self._prefix}+type@{block_type}+block@{block_id}"


class _OldKeys:
    def __init__(self, name: CourseName) -> None:
        self.course_key = name.old_key
        self._prefix = f"i4x://{name.org}/{name.course}"

    def block_key(self, block_type: str, url_name: str) -> str:
        return f"{self._prefix}/{block_type}/{url_name}"


def _child_blocks(element: Element) -> list[Element]:
    if element.tag not in CONTAINER_TYPES:
        return []
    return [child for child in element if child.tag not in _NOT_BLOCKS]


def _url_name(element: Element) -> str:
    name = _given_name(element)
    if name:
        return name
    # The platform too names such a block after its content, but from its own serialisation.
    digest = hashlib.sha1(tostring(element), usedforsecurity=False).hexdigest()[:12]
    return f"{element.tag}_{digest}"


def _given_name(element: Element) -> str | None:
    return element.get("url_name") or element.get("slug")


def _fields(element: Element) -> dict[str, object]:
    fields: dict[str, object] = dict(element.attrib)
    if element.tag == "video" and "duration" not in fields:
        asset = element.find("video_asset")
        if asset is not None:
            fields["duration"] = asset.get("duration")
    return fields
