"""What a file is: told by what it holds, and by its name only where that leaves it open."""

from __future__ import annotations

import csv
import enum
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loaders.course_rows import find_org
from loaders.files.open_bytes import open_bytes
from loaders.tables.specs import TABLE_SPECS

HEAD_BYTES = 1 << 16
_HEAD_LINES = 20


class Kind(enum.Enum):
    """What a file is to the loaders."""

    LOG = "tracking log"
    TABLE = "table of a data package"
    DUMP = "database dump"
    STRUCTURE = "course structure"
    FORUM = "forum file"
    ARCHIVE = "archive"
    OTHER = "not recognised"


@dataclass(frozen=True, slots=True)
class Recognised:
    """A file and what it is; `table` names the table of a TABLE, `reason` explains an OTHER."""

    path: Path
    kind: Kind
    table: str = ""
    reason: str = ""


_TABLE_NAMES = sorted(
    [*TABLE_SPECS, "courseware_studentmodulehistory"],
    key=len,
    reverse=True,
)
_TABLE_IN_NAME = re.compile(rf"(?:^|[-.])({'|'.join(_TABLE_NAMES)})(?=[-.]|$)")
_LOG_NAME = re.compile(r"\.log(?:[-.]|$)|(?:^|[-_])events-\d{4}-\d{2}-\d{2}|^tracking", re.I)
_LOG_KEYS = re.compile(rb'"(?:event_type|event_source)"\s*:')
_NATIVE_KEYS = (re.compile(rb'"context"\s*:\s*\{'), re.compile(rb'"(?:timestamp|event|data)"\s*:'))
_STRUCTURE_KEYS = re.compile(
    rb'"(?:block-v1:|i4x://)[^"]*"\s*:\s*\{|"blocks"\s*:\s*[{\[]|"results"\s*:\s*\['
)
_FORUM_TYPE = re.compile(rb'"_type"\s*:\s*"Comment(?:Thread)?"')
_DUMP_START = re.compile(rb"(?:^|\n)\s*(?:INSERT\s+INTO|CREATE\s+TABLE|DROP\s+TABLE)\s", re.I)
_ENCRYPTED_SUFFIXES = frozenset({".gpg", ".pgp", ".asc"})


def recognise(path: Path) -> Recognised:
    """Tell what a file is.

    Args:
        path: an existing file, plain or gzip.

    Returns:
        What it is; OTHER with a reason where it is nothing that can be loaded.
    """
    suffixes = {suffix.lower() for suffix in path.suffixes}
    if suffixes & _ENCRYPTED_SUFFIXES:
        return Recognised(path, Kind.OTHER, reason="encrypted; decrypt it first")
    try:
        with open_bytes(path) as file:
            head = file.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        # A log whose compression is broken is still a log: its ingestion says what was lost.
        if _LOG_NAME.search(path.name):
            return Recognised(path, Kind.LOG)
        return Recognised(path, Kind.OTHER, reason=f"cannot be read ({error})")
    if head[257:262] == b"ustar":
        return Recognised(path, Kind.ARCHIVE)
    if head.startswith(b"PK\x03\x04"):
        return Recognised(path, Kind.OTHER, reason="a zip archive; unpack it first")
    return _recognise_text(path, head.removeprefix(b"\xef\xbb\xbf"))


def _recognise_text(path: Path, head: bytes) -> Recognised:
    lines = [line for line in head.split(b"\n")[:_HEAD_LINES] if line.strip()]
    named = _TABLE_IN_NAME.search(path.name)
    if _DUMP_START.search(head) and (not lines or b"\t" not in lines[0]):
        return Recognised(path, Kind.DUMP)
    if named is not None and not _starts_json(lines):
        return _recognise_table(path, named[1], lines)
    kind = _recognise_json(lines, head)
    if kind is not Kind.OTHER:
        return Recognised(path, kind)
    if _LOG_NAME.search(path.name):
        return Recognised(path, Kind.LOG)
    if path.suffix == ".mongo" and (_starts_json(lines) or not lines):
        return Recognised(path, Kind.FORUM)
    if not lines:
        return Recognised(path, Kind.OTHER, reason="empty")
    table = _find_table(_split_header(lines[0]))
    if table is not None:
        return Recognised(path, Kind.TABLE, table)
    is_table = path.name.endswith(".sql") and b"\t" in lines[0]
    reason = "a table that is not used" if is_table else "holds nothing that is known"
    return Recognised(path, Kind.OTHER, reason=reason)


def _recognise_table(path: Path, name: str, lines: Sequence[bytes]) -> Recognised:
    if name not in TABLE_SPECS:
        return Recognised(path, Kind.OTHER, reason=f"{name} is not used")
    if not lines:
        return Recognised(path, Kind.OTHER, reason="empty, without a header")
    # Some packages have the cohort export under the name of a table with other columns.
    header = _split_header(lines[0])
    if not header.issuperset(TABLE_SPECS[name].key):
        name = _find_table(header) or name
    return Recognised(path, Kind.TABLE, name)


def _starts_json(lines: Sequence[bytes]) -> bool:
    return bool(lines) and lines[0].lstrip()[:1] in (b"{", b"[")


def _recognise_json(lines: Sequence[bytes], head: bytes) -> Kind:
    for line in lines[:5]:
        start = line.find(b"{")
        document = _decode(line[start:]) if start >= 0 else None
        if document is not None:
            kind = _recognise_document(document)
            if kind is not Kind.OTHER:
                return kind
    if not _starts_json(lines):
        # Text, then perhaps JSON: lines of a log that were cut, or of a container.
        return Kind.LOG if any(_LOG_KEYS.search(line) for line in lines) else Kind.OTHER
    if _FORUM_TYPE.search(head):
        return Kind.FORUM
    whole = _decode(head) if len(head) < HEAD_BYTES else None
    if whole is not None:
        kind = _recognise_document(whole)
        is_open = kind is Kind.OTHER and _STRUCTURE_KEYS.search(head)
        return Kind.STRUCTURE if is_open else kind
    if _LOG_KEYS.search(head) or all(key.search(head) for key in _NATIVE_KEYS):
        return Kind.LOG
    return Kind.STRUCTURE if _STRUCTURE_KEYS.search(head) else Kind.OTHER


def _decode(text: bytes) -> Mapping[str, object] | None:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _recognise_document(document: Mapping[str, object]) -> Kind:
    if document.get("_type") in ("Comment", "CommentThread"):
        return Kind.FORUM
    has_type = "event_type" in document or "event_source" in document
    native_keys = document.keys() & {"context", "data", "event", "timestamp", "time"}
    if has_type or ("name" in document and len(native_keys) > 1):
        return Kind.LOG
    course_key = document.get("id")
    if "name" in document and isinstance(course_key, str) and find_org(course_key) is not None:
        return Kind.STRUCTURE
    return Kind.OTHER


def _split_header(line: bytes) -> frozenset[str]:
    text = line.decode("utf-8", "replace").rstrip("\r")
    if "\t" in text:
        return frozenset(name.strip() for name in text.split("\t"))
    return frozenset(name.strip() for name in next(csv.reader([text]), []))


def _find_table(header: frozenset[str]) -> str | None:
    names = {alias: name for spec in TABLE_SPECS.values() for alias, name in spec.aliases.items()}
    known = header | {names[name] for name in header & names.keys()}
    found = [spec for spec in TABLE_SPECS.values() if known.issuperset(spec.telling)]
    return max(found, key=lambda spec: len(spec.telling)).name if found else None
