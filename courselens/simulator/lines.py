"""Events as lines of a tracking log."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from courselens.simulator.columns import TEXT, Columns, join
from courselens.simulator.events import Array, Kind
from courselens.simulator.shapes import SHAPES, legacy_line, native_line

_NATIVE_EVERY = 37  # one event in so many is in the event bus's own envelope
_PLACE = re.compile(r"<([a-z_]+)>")


class LineMaker:
    """Turns rows of `EVENT` into lines; templates are cut up once."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._legacy = {kind: _PLACE.split(legacy_line(shape)) for kind, shape in SHAPES.items()}
        self._native = {
            kind: _PLACE.split(line)
            for kind, shape in SHAPES.items()
            if (line := native_line(shape)) is not None
        }

    def make(self, rows: Array) -> tuple[memoryview, Array]:
        """Lines of rows, in their order.

        Returns:
            The bytes of all lines, each with its newline, and the `len(rows) + 1` offsets between.
        """
        native = rows["at_us"] % _NATIVE_EVERY == 0
        native &= np.isin(rows["kind"], list(self._native))
        group = rows["kind"].astype(np.int64) * 2 + native
        order = np.argsort(group, kind="stable")
        bounds = np.flatnonzero(np.diff(group[order], prepend=-1))
        made = []
        for low, high in zip(bounds, np.append(bounds[1:], len(rows)), strict=True):
            number, is_native = divmod(int(group[order[low]]), 2)
            template = (self._native if is_native else self._legacy)[Kind(number)]
            made.append(self._fill(template, rows[order[low:high]]))
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        lines = pa.concat_arrays(made).take(pa.array(back)) if made else pa.array([], TEXT)
        _, offsets, data = lines.buffers()
        if data is None:
            return memoryview(b""), np.zeros(1, np.int64)
        return memoryview(data), np.frombuffer(offsets, np.int64)[: len(rows) + 1]

    def _fill(self, template: list[str], rows: Array) -> pa.Array:
        known: dict[str, pa.Array] = {}
        parts: list[pa.Array | str] = []
        for nth, text in enumerate(template):
            if nth % 2 == 0:
                parts.append(text)
                continue
            if text not in known:
                known[text] = self._columns.column(text, rows)
            parts.append(known[text])
        return join(*parts)
