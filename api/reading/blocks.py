"""Names of the blocks that rows speak of, in one statement for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aggregates.records import BlockRecord, CourseRecord
from api.context import Context
from api.schema.records import Row, camel
from api.schema.selection import Selection
from indicators.shape import Field, Kind

_FROM_KEY_ALONE = {"key", "__typename"}


class BlockNames:
    """Collects the keys of blocks whose names are asked for, then puts blocks into rows."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._blocks: Mapping[str, BlockRecord] = {}

    def collect(
        self, fields: Sequence[Field], below: Selection, rows: Iterable[Mapping[str, Any]]
    ) -> None:
        """Remember the blocks of these rows, if more than their keys is asked for."""
        named = [
            field
            for field in fields
            if field.kind is Kind.BLOCK and below.at(camel(field.name)).keys() - _FROM_KEY_ALONE
        ]
        if not named:
            return
        for row in rows:
            for field in named:
                value = row[field.name]
                self._keys.update(value if field.is_list else [value] if value else [])

    async def look_up(self, context: Context, course: CourseRecord) -> None:
        """Fetch what was collected."""
        if self._keys:
            self._blocks = await context.reader.blocks(course, sorted(self._keys))

    def row(self, fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
        """A row with its blocks in place of their keys."""
        row = {field.name: values[field.name] for field in fields}
        for field in fields:
            if field.kind is Kind.BLOCK and row[field.name] is not None:
                value = row[field.name]
                row[field.name] = (
                    [self._block(key) for key in value] if field.is_list else self._block(value)
                )
        return row

    def _block(self, key: str) -> Row:
        block = self._blocks.get(key)
        return {
            "key": key,
            "display_name": block.display_name if block else None,
            "block_type": block.block_type if block else None,
            "position": block.position if block else None,
        }
