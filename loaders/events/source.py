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

from loaders.events.lines import LineIndex
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
        index: of the lines of `path`; an unfinished last one counts.
        cursor: where the lake stands once they are in; its `lines` counts all so far.
        first_line: lines of the file that came before.
        unfinished: null, or the last line has no newline: where the lake stands if that line turns
            out to be cut, so that the next run reads it whole.
    """

    source: Path
    path: Path
    index: LineIndex
    cursor: Cursor
    first_line: int
    unfinished: Cursor | None

    @property
    def lines(self) -> int:
        """How many it has, blank ones included."""
        return self.index.lines


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
        index = LineIndex.of(plain, cursor.offset, size)
        text = _after(source, cursor, file, index)
        is_pattern = bool(_PATTERN & set(str(plain)))
        if prefixed or cursor.offset or is_pattern:
            _copy_lines(plain, index, cursor.offset, copy, prefixed=prefixed)
            return replace(text, path=copy, index=LineIndex.of(copy))
        return replace(text, path=plain)


def pad_blank_lines(text: Text, copy: Path) -> Text:
    """A bounded copy with `null` for blank lines, which the bulk reader would skip uncounted."""
    with copy.open("wb") as out:
        for _, line in text.index.read(text.path):
            out.write(line if line.strip() else b"null\n")
    return replace(text, path=copy, index=LineIndex.of(copy))


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
    return Text(source, copy, LineIndex.of(copy), cursor, 0, None)


def _after(source: Path, cursor: Cursor, file: IO[bytes], index: LineIndex) -> Text:
    """The text of these lines, read where it is, and the cursor behind it."""
    is_cut = index.whole_end < index.end
    lines = cursor.lines + index.lines - is_cut
    head, tail = _edges(file, index.whole_end)
    whole = replace(
        cursor,
        offset=index.whole_end,
        lines=lines,
        head=head,
        tail=tail,
        ends_in_line=False,
        unfinished=False,
    )
    if not is_cut:
        return Text(source, source, index, whole, cursor.lines, None)
    head, tail = _edges(file, index.end)
    after = replace(
        whole, offset=index.end, lines=lines + 1, head=head, tail=tail, ends_in_line=True
    )
    return Text(source, source, index, after, cursor.lines, replace(whole, unfinished=True))


def _copy_lines(plain: Path, index: LineIndex, start: int, copy: Path, *, prefixed: bool) -> None:
    with plain.open("rb") as file, copy.open("wb") as out:
        if prefixed:
            for _, line in index.read(plain):
                out.write(line[max(line.find(b"{"), 0) :])
            return
        file.seek(start)
        for block in _blocks(file, index.end - start):
            out.write(block)


def _blocks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (block := file.read(min(size, _BLOCK))):
        size -= len(block)
        yield block
