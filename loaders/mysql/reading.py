"""One path of a read into typed tables: rows are typed while the next page is on its way."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping

import pyarrow as pa

from loaders.mysql.connection import Row
from loaders.mysql.reads import KEYS_PER_LIST, Path, Read, Statement
from loaders.mysql.typist import Typist
from loaders.tables.specs import TableSpec

Pages = Callable[[Read, Path, Mapping[str, object]], AsyncIterator[tuple[list[Row], Statement]]]
"""Pages of rows on a path, for these parameters."""


class Reading:
    """Reads with the same parameters, page by page or all at once."""

    def __init__(
        self, pages: Pages, typist: Typist, parameters: Mapping[str, object], *, is_paged: bool
    ) -> None:
        self._pages = pages
        self._typist = typist
        self._parameters = parameters
        self._is_paged = is_paged

    async def read(self, read: Read, path: Path, typed: dict[str, list[pa.Table]]) -> None:
        """Add the rows of the path, and of its parents where the dataset is made of them too."""
        if path.parents is None:
            await self._read_pages(read, path, self._parameters, typed)
            return
        parents: dict[str, list[pa.Table]] = defaultdict(list)
        way = path.parents.by_course if self._is_paged else path.parents.by_users
        await self._read_pages(path.parents, way[0], self._parameters, parents)
        spec = path.parents.tables[0].spec
        if not parents[spec.name]:
            return
        table = pa.concat_tables(parents[spec.name])
        if spec.name in read.query.sql and spec.name not in specs_of(read):
            typed[spec.name].append(table)
        ids = sorted(set(table.column(0).to_pylist()))
        for begin in range(0, len(ids), KEYS_PER_LIST):
            chosen = {**self._parameters, "parents": ids[begin : begin + KEYS_PER_LIST]}
            await self._read_pages(read, path, chosen, typed)

    async def _read_pages(
        self,
        read: Read,
        path: Path,
        parameters: Mapping[str, object],
        typed: dict[str, list[pa.Table]],
    ) -> None:
        typing: asyncio.Task[dict[str, pa.Table]] | None = None
        try:
            async for rows, statement in self._pages(read, path, parameters):
                if typing is not None:
                    _add(typed, await typing)
                typing = asyncio.create_task(self._typist.type_rows(rows, statement, read))
            if typing is not None:
                _add(typed, await typing)
        finally:
            if typing is not None and not typing.done():
                typing.cancel()


def _add(typed: dict[str, list[pa.Table]], page: Mapping[str, pa.Table]) -> None:
    for name, table in page.items():
        typed[name].append(table)


def specs_of(*reads: Read) -> dict[str, TableSpec]:
    """Specifications of the tables that reads touch, by name."""
    return {joined.spec.name: joined.spec for read in reads for joined in read.tables}
