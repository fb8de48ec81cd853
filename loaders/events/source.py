"""Log files as newline-delimited text that the first pass can read: what is new in each, once.

A plain log is read where it is. What is compressed, prefixed, grown or pretty-printed goes
through a temporary copy with one event per line and the same line numbers.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from loaders.events.manifest import Cursor

_BLOCK = 1 << 20
_EDGE = 1 << 16  # bytes of the head and tail digests
_DOCUMENT_LIMIT = 1 << 26  # larger files are logs
_GZIP = b"\x1f\x8b"
_PATTERN = set("*?[")  # the engine takes a path with these for many


@dataclass(frozen=True, slots=True)
class Text:
    """New lines of one log file, ready to be read.

    Attributes:
        source: the log file.
        path: the text; `source` itself, or a temporary copy.
        lines: how many it has, blank ones included; an unfinished last one counts.
        cursor: where the lake stands once they are in; its `lines` counts all so far.
        first_line: lines of the file that came before.
        unfinished: null, or the last line has no newline: where the lake stands if that line turns
            out to be cut, so that the next run reads it whole.
    """

    source: Path
    path: Path
    lines: int
    cursor: Cursor
    first_line: int
    unfinished: Cursor | None


def new_text(source: Path, cursor: Cursor, copy: Path) -> Text | None:
    """What of `source` is not in the lake yet; null when nothing.

    A file that no longer begins as it did is given as a whole, with `first_line` 0.

    Args:
        source: a log, plain or gzip, whatever its name.
        cursor: where the last run stopped.
        copy: where to put a temporary copy if one is needed.

    Raises:
        OSError: the file cannot be read.
    """
    stat = source.stat()
    if (stat.st_size, stat.st_mtime_ns) == (cursor.size, cursor.mtime_ns):
        return None
    cursor = replace(cursor, size=stat.st_size, mtime_ns=stat.st_mtime_ns)
    plain = _unpacked(source, copy.with_suffix(".plain"))
    size = stat.st_size if plain == source else plain.stat().st_size
    with plain.open("rb") as file:
        if cursor.offset and not _continues(file, cursor):
            cursor = Cursor(cursor.ordinal, size=cursor.size, mtime_ns=cursor.mtime_ns)
        file.seek(cursor.offset)
        start = file.read(_EDGE)
        if cursor.ends_in_line:
            skipped = len(start) - len(start.removeprefix(b"\r").removeprefix(b"\n"))
            start, cursor = start[skipped:], replace(cursor, offset=cursor.offset + skipped)
        if not start:
            return None
        events = _documents(plain, start) if not cursor.offset else None
        if events is not None:
            return _documents_text(source, cursor, events, copy)
        prefixed = _is_prefixed(start)
        text = _counted(source, cursor, file, size)
        is_pattern = bool(_PATTERN & set(str(plain)))
        if prefixed or cursor.offset or is_pattern:
            _copy_lines(file, cursor.offset, size, copy, prefixed=prefixed)
            return replace(text, path=copy)
        return replace(text, path=plain)


def blank_lines(text: Text, limit: int) -> list[int]:
    """Numbers, from 1, of the blank lines; at most `limit` + 1."""
    found = []
    with text.path.open("rb") as file:
        for number, line in enumerate(_lines(file, _size(text)), 1):
            if len(line) < 1000 and not line.strip(b" \t\r\n"):
                found.append(number)
                if len(found) > limit:
                    break
    return found


def pad_blank_lines(text: Text, copy: Path) -> Text:
    """A bounded copy with `null` for blank lines, which the bulk reader would skip uncounted."""
    with text.path.open("rb") as file, copy.open("wb") as out:
        for line in _lines(file, _size(text)):
            out.write(line if line.strip() else b"null\n")
    return replace(text, path=copy)


def _size(text: Text) -> int:
    """Bytes of the text: a log read where it is may have grown since."""
    return text.cursor.offset if text.path == text.source else text.path.stat().st_size


def _unpacked(source: Path, copy: Path) -> Path:
    """The log itself, or what a compressed one holds; a damaged one as far as it can be read."""
    with source.open("rb") as file:
        if file.read(2) != _GZIP:
            return source
        file.seek(0)
        with copy.open("wb") as out:
            inflate = zlib.decompressobj(wbits=31)
            while block := file.read(_BLOCK):
                while block:
                    try:
                        out.write(inflate.decompress(block))
                    except zlib.error:
                        return copy
                    block = inflate.unused_data
                    if block:  # another member begins
                        inflate = zlib.decompressobj(wbits=31)
    return copy


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _continues(file: IO[bytes], cursor: Cursor) -> bool:
    """Whether the file still begins with what was consumed."""
    return _edges(file, cursor.offset) == (cursor.head, cursor.tail)


def _edges(file: IO[bytes], size: int) -> tuple[str, str]:
    """Digests of the first and the last bytes of the first `size`."""
    file.seek(0)
    head = file.read(min(_EDGE, size))
    file.seek(max(0, size - _EDGE))
    return _digest(head), _digest(file.read(min(_EDGE, size)))


def _is_prefixed(start: bytes) -> bool:
    """Whether most lines hold an object that does not begin them (syslog, container output)."""
    lines = [line for line in start.split(b"\n")[:200] if line.strip() and line[:1] != b"#"]
    behind = sum(1 for line in lines if line.lstrip()[:1] not in b"{[" and b"{" in line)
    return 2 * behind > len(lines)


def _documents(plain: Path, start: bytes) -> list[object] | None:
    """Events of a file that is JSON but not one event per line; null for a log."""
    if start.lstrip()[:1] not in (b"{", b"["):
        return None
    first = start.lstrip().split(b"\n", 1)[0].strip()
    if first not in (b"{", b"[") and not first.startswith((b"[{", b"[ {")):
        return None
    if plain.stat().st_size > _DOCUMENT_LIMIT:
        return None
    text = plain.read_bytes().decode("utf-8", "replace")
    decoder, at, events = json.JSONDecoder(), 0, list[object]()
    try:
        while text[at:].strip():
            at += len(text[at:]) - len(text[at:].lstrip())
            value, at = decoder.raw_decode(text, at)
            events.extend(value if isinstance(value, list) else [value])
    except (ValueError, RecursionError):
        return None
    return events


def _documents_text(source: Path, cursor: Cursor, events: list[object], copy: Path) -> Text:
    """One line per event; a document counts as one line, so does an element of a list."""
    with copy.open("wb") as out:
        for event in events:
            out.write(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    # Never continued: a document that changed is read anew.
    cursor = replace(cursor, offset=1, lines=len(events), head="document")
    return Text(source, copy, len(events), cursor, 0, None)


def _counted(source: Path, cursor: Cursor, file: IO[bytes], size: int) -> Text:
    """What follows the cursor up to `size`, with its lines counted."""
    file.seek(cursor.offset)
    lines, at, last_start = 0, cursor.offset, cursor.offset
    for block in _blocks(file, size - cursor.offset):
        lines += block.count(b"\n")
        if (newline := block.rfind(b"\n")) >= 0:
            last_start = at + newline + 1
        at += len(block)
    head, tail = _edges(file, last_start)
    whole = replace(
        cursor,
        offset=last_start,
        lines=cursor.lines + lines,
        head=head,
        tail=tail,
        ends_in_line=False,
        unfinished=False,
    )
    if last_start == at:
        return Text(source, source, lines, whole, cursor.lines, None)
    head, tail = _edges(file, at)
    after = replace(
        whole, offset=at, lines=whole.lines + 1, head=head, tail=tail, ends_in_line=True
    )
    return Text(source, source, lines + 1, after, cursor.lines, replace(whole, unfinished=True))


def _copy_lines(file: IO[bytes], start: int, end: int, copy: Path, *, prefixed: bool) -> None:
    file.seek(start)
    with copy.open("wb") as out:
        if not prefixed:
            for block in _blocks(file, end - start):
                out.write(block)
            return
        for line in _lines(file, end - start):
            out.write(line[max(line.find(b"{"), 0) :])


def _blocks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (block := file.read(min(size, _BLOCK))):
        size -= len(block)
        yield block


def _lines(file: IO[bytes], size: int) -> Iterator[bytes]:
    rest = b""
    for block in _blocks(file, size):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for line in lines:
            yield line + b"\n"
    if rest:
        yield rest
