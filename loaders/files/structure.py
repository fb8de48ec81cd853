"""`course_structure` JSON, in the shapes of data packages and of the platform's block APIs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opaque_keys import InvalidKeyError
from opaque_keys.edx.keys import UsageKey

from loaders.course_rows import find_org, read_instant
from loaders.datasets import COURSES
from loaders.problem import Problem
from loaders.tree import RawBlock, RawCourse


@dataclass(frozen=True, slots=True)
class Structures:
    """Courses of one file.

    `rows` are rows of the dataset `courses` from lists of courses, which have no blocks.
    """

    courses: tuple[RawCourse, ...]
    rows: tuple[dict[str, object], ...]
    problems: tuple[Problem, ...]


def read_structures(text: str, path: str) -> Structures:
    """Read the courses of a structure file.

    Three shapes are understood, one document for the file or one a line: `{usage key: {category,
    children, metadata}}` of data packages, `{"blocks": {usage key: {type, children, ...}}}` of the
    block API, and lists of courses (`{"results": [{id, name, start, end}]}`, or such objects).

    Old keys have no run. It is the name of the course root, or, without a root, what stands
    between course and `course_structure` in the file's name.

    Args:
        text: content of the file.
        path: the file, for problems and for the run of old keys.

    Returns:
        Courses before inheritance, and what was left out.
    """
    courses: list[RawCourse] = []
    rows: list[dict[str, object]] = []
    problems: list[Problem] = []
    for line, document in _documents(text, path, problems):
        entries = _course_entries(document)
        found = [_course_row(entry) for entry in entries]
        trees = [] if entries else list(_read_document(document, path, problems))
        if not found and not trees:
            problems.append(Problem(path, line, "no course was recognised in this document"))
        rows.extend(found)
        courses.extend(trees)
    return Structures(tuple(courses), tuple(rows), tuple(problems))


def _documents(
    text: str, path: str, problems: list[Problem]
) -> Iterator[tuple[int | None, Mapping[str, object]]]:
    try:
        whole = json.loads(text)
    except RecursionError:
        problems.append(Problem(path, None, "broken JSON: nested too deeply"))
        return
    except ValueError as error:
        yield from _line_documents(text, path, problems, error)
        return
    for document in whole if isinstance(whole, list) else [whole]:
        if isinstance(document, dict):
            yield None, document
        else:
            problems.append(Problem(path, None, "not a JSON object"))


def _line_documents(
    text: str, path: str, problems: list[Problem], whole: ValueError
) -> Iterator[tuple[int | None, Mapping[str, object]]]:
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    documents: list[tuple[int, Mapping[str, object]]] = []
    broken: list[Problem] = []
    for number, line in lines:
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            broken.append(Problem(path, number, f"broken JSON: {error}"))
            continue
        if isinstance(document, dict):
            documents.append((number, document))
        else:
            broken.append(Problem(path, number, "not a JSON object"))
    if not documents:
        # A broken document of many lines has one fault, not one a line.
        problems.append(Problem(path, getattr(whole, "lineno", None), f"broken JSON: {whole}"))
        return
    problems.extend(broken)
    yield from documents


def _course_entries(document: Mapping[str, object]) -> list[Mapping[str, object]]:
    results = document.get("results")
    entries = results if isinstance(results, list) else [document]
    return [
        entry
        for entry in entries
        if isinstance(entry, dict)
        and "name" in entry
        and isinstance(entry.get("id"), str)
        and find_org(entry["id"]) is not None
    ]


def _course_row(entry: Mapping[str, object]) -> dict[str, object]:
    course_key = str(entry["id"])
    return {
        **dict.fromkeys(COURSES.columns),
        "course_key": course_key,
        "display_name": entry.get("name"),
        "org": find_org(course_key),
        "start_us": read_instant(entry.get("start")),
        "end_us": read_instant(entry.get("end")),
        "self_paced": entry["pacing"] == "self" if "pacing" in entry else None,
    }


def _read_document(
    document: Mapping[str, object], path: str, problems: list[Problem]
) -> Iterator[RawCourse]:
    blocks = document.get("blocks", document)
    if isinstance(blocks, list):
        blocks = {str(block.get("id")): block for block in blocks if isinstance(block, dict)}
    if isinstance(blocks, dict) and any(_find_home(key) is not None for key in blocks):
        yield from _read_blocks(blocks, document, path, problems)


def _read_blocks(
    entries: Mapping[str, object],
    document: Mapping[str, object],
    path: str,
    problems: list[Problem],
) -> Iterator[RawCourse]:
    by_course: dict[str | tuple[str, str], dict[str, RawBlock]] = {}
    is_package = True
    for key, entry in entries.items():
        home = _find_home(key)
        kind = entry.get("category", entry.get("type")) if isinstance(entry, dict) else None
        if home is None or not isinstance(entry, dict) or not isinstance(kind, str):
            problems.append(Problem(path, None, f"{key[:200]!r} is no block and was left out"))
            continue
        is_package = is_package and "category" in entry
        children = entry.get("children")
        by_course.setdefault(home, {})[key] = RawBlock(
            block_key=key,
            block_type=kind,
            fields=_read_fields(entry),
            children=tuple(str(child) for child in children) if isinstance(children, list) else (),
        )
    named = document.get("course_id")
    for home, blocks in by_course.items():
        root_key = _find_root(blocks, document.get("root"), path, problems)
        if isinstance(home, str):
            course_key: str | None = home
        elif isinstance(named, str):
            course_key = named
        else:
            course_key = _find_old_key(home, root_key, path)
        if course_key is None:
            reason = (
                f"the old keys of {home[0]}/{home[1]} do not tell the run: name the file "
                f"{home[0]}-{home[1]}-RUN-course_structure.json"
            )
            problems.append(Problem(path, None, reason))
            continue
        grading_policy = blocks[root_key].fields.get("grading_policy") if root_key else None
        yield RawCourse(
            course_key=course_key,
            path=path,
            blocks=blocks,
            root_key=root_key,
            grading_policy=grading_policy if isinstance(grading_policy, dict) else None,
            # The block API gives only the fields that it was asked for.
            keeps_defaults=is_package or any("graded" in block.fields for block in blocks.values()),
        )


def _find_home(key: str) -> str | tuple[str, str] | None:
    """Course key of a block key; (org, course) of an old one; None if it is neither."""
    try:
        usage = UsageKey.from_string(key)
    except InvalidKeyError:
        return None
    if usage.course_key.run is None:
        return str(usage.course_key.org), str(usage.course_key.course)
    return str(usage.course_key)


def _read_fields(entry: Mapping[str, object]) -> dict[str, object]:
    metadata = entry.get("metadata")
    fields = dict(metadata) if isinstance(metadata, dict) else {}
    data = entry.get("student_view_data")
    if isinstance(data, dict) and "duration" in data:
        fields["duration"] = data["duration"]
    skipped = ("category", "type", "children", "metadata", "student_view_data")
    return {**{name: value for name, value in entry.items() if name not in skipped}, **fields}


def _find_root(
    blocks: Mapping[str, RawBlock], named: object, path: str, problems: list[Problem]
) -> str | None:
    if isinstance(named, str) and named in blocks:
        return named
    roots = [key for key, block in blocks.items() if block.block_type == "course"]
    if len(roots) > 1:
        reason = f"{len(roots)} blocks of type course; the tree of {roots[0]} was taken"
        problems.append(Problem(path, None, reason))
    return roots[0] if roots else None


def _find_old_key(home: tuple[str, str], root_key: str | None, path: str) -> str | None:
    org, course = home
    if root_key is not None:
        return f"{org}/{course}/{UsageKey.from_string(root_key).block_id}"
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    prefix, marker = f"{org}-{course}-", "-course_structure"
    end = name.find(marker)
    if not name.startswith(prefix) or end <= len(prefix):
        return None
    return f"{org}/{course}/{name[len(prefix) : end]}"
