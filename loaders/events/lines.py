"""Where the lines of a text are, from one look at its bytes."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

BLANKS_KEPT = 1_000
"""Blank lines of a text that are remembered; with more it is better copied without them."""

_BLOCK = 1 << 18  # larger ones cost more in page faults than they save
_BLANK_BYTES = 64  # a longer line is not taken for a blank one
_BLANK = b" \t\r\n"


@dataclass(slots=True)
class LineIndex:
    """Lines of a range of a file, found again by number without reading all that lies before.

    Attributes:
        lines: how many, a last one without newline included.
        whole_end: offset behind the last newline.
        end: offset behind the last byte.
        blanks: numbers, from 1, of blank lines; at most `BLANKS_KEPT` + 1.
    """

    lines: int
    whole_end: int
    end: int
    blanks: list[int] = field(default_factory=list)
    _offsets: array[int] = field(default_factory=lambda: array("q"))
    _lines_before: array[int] = field(default_factory=lambda: array("q"))

    @classmethod
    def of(cls, path: Path, start: int = 0, end: int | None = None) -> LineIndex:
        """Look at the bytes from `start` to `end`, or to the end of the file."""
        end = path.stat().st_size if end is None else end
        index = cls(0, start, start)
        with path.open("rb") as file:
            file.seek(start)
            while index.end < end and (block := file.read(min(_BLOCK, end - index.end))):
                left = end - index.end - len(block)
                if left and not block.endswith(b"\n"):
                    block += file.readline(left)
                index._add(block)
        return index

    def _add(self, block: bytes) -> None:
        """Count the lines of a block that begins where a line does."""
        self._offsets.append(self.end)
        self._lines_before.append(self.lines)
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1
        if ends.size:
            self.whole_end = self.end + int(ends[-1])
        if not ends.size or ends[-1] < len(block):
            ends = np.append(ends, len(block))
        starts = np.concatenate(([0], ends[:-1]))
        for short in np.flatnonzero(ends - starts <= _BLANK_BYTES):
            if len(self.blanks) > BLANKS_KEPT:
                break
            if not block[starts[short] : ends[short]].strip(_BLANK):
                self.blanks.append(self.lines + int(short) + 1)
        self.lines += ends.size
        self.end += len(block)

    def read(
        self, path: Path, wanted: Collection[int] | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Number, from 1, and bytes of the `wanted` lines, or of all, in order.

        Args:
            path: the file that was looked at.
            wanted: numbers of lines.
        """
        numbers = range(1, self.lines + 1) if wanted is None else sorted(wanted)
        at = -1  # number of the line before the file's position
        with path.open("rb") as file:
            for number in numbers:
                block = bisect_left(self._lines_before, number) - 1
                if at < self._lines_before[block]:
                    file.seek(self._offsets[block])
                    at = self._lines_before[block]
                line = b""
                while at < number:
                    at += 1
                    # The file may have grown behind its last line since.
                    line = file.readline(self.end - file.tell() if at == self.lines else -1)
                yield number, line
