"""Forum files of data packages: one document of the forum's database a line, without its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa

from courselens.errors import SourceMalformed
from loaders.datasets import FORUM_POSTS
from loaders.files.open_bytes import open_bytes
from loaders.forum_rows import ForumPost, make_post_row
from loaders.problem import Problem


@dataclass(frozen=True, slots=True)
class ForumFile:
    """The posts of one file: `lines` = rows of `table` + `rejects`."""

    table: pa.Table
    lines: int
    rejects: int
    problems: tuple[Problem, ...]


def read_forum(
    path: Path, *, max_problems: int = 100, on_bytes: Callable[[int], None] | None = None
) -> ForumFile:
    """Read the posts of a forum file.

    Args:
        path: JSON documents, one a line, or one array of them; plain or gzip.
        max_problems: rejected lines that are named one by one.
        on_bytes: told how many bytes have been read.

    Returns:
        Rows of the dataset `forum_posts` in file order, and what was left out.

    Raises:
        OSError: the file cannot be read.
        SourceMalformed: the file is an array that is broken.
    """
    decoder = msgspec.json.Decoder(ForumPost)
    columns: dict[str, list[Any]] = {name: [] for name in FORUM_POSTS.columns}
    problems: list[Problem] = []
    lines = rejects = size = 0
    with open_bytes(path) as file:
        for number, line in enumerate(_documents(path, file), 1):
            size += len(line)
            if on_bytes is not None and number % 4096 == 0:
                on_bytes(size)
            if not line.strip():
                continue
            lines += 1
            try:
                row = make_post_row(decoder.decode(line))
            except (msgspec.MsgspecError, ValueError) as error:
                rejects += 1
                if rejects <= max_problems:
                    problems.append(Problem(str(path), number, f"no forum post: {error}"))
                continue
            for name, value in row.items():
                columns[name].append(value)
    if rejects > max_problems:
        reason = f"{rejects - max_problems} more lines were left out"
        problems.append(Problem(str(path), None, reason))
    return ForumFile(pa.table(columns, schema=FORUM_POSTS.schema), lines, rejects, tuple(problems))


def _documents(path: Path, file: BinaryIO) -> Iterator[bytes]:
    first = file.readline()
    while first and not first.strip():
        yield first
        first = file.readline()
    if not first.lstrip().startswith(b"["):
        yield first
        yield from file
        return
    try:
        yield from map(bytes, msgspec.json.decode(first + file.read(), type=list[msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceMalformed(path, f"broken JSON: {error}") from error
