"""What live code of one indicator may ask: the datasets it declared, of whom it was asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from api.live.batch import Batch
from courselens.errors import PluginError
from indicators.contract import Indicator
from indicators.live import Live

if TYPE_CHECKING:
    import pyarrow as pa


class BoundSources:
    """`Sources` of one run of live code."""

    def __init__(
        self,
        batch: Batch,
        indicator: Indicator,
        live: Live,
        course_key: str,
        user_ids: Sequence[int],
    ) -> None:
        self._batch = batch
        self._indicator = indicator
        self._reads = live.reads
        self.course_key = course_key
        self.user_ids = user_ids

    async def students(self, dataset: str) -> pa.Table:
        """Rows about these students."""
        self._check(dataset)
        return await self._batch.students(dataset, self.course_key, self.user_ids)

    async def course(self, dataset: str) -> pa.Table:
        """All rows of the course."""
        self._check(dataset)
        return await self._batch.course(dataset, self.course_key)

    def _check(self, dataset: str) -> None:
        if dataset not in self._reads:
            raise PluginError(
                self._indicator.provider,
                f"live code of {self._indicator.key} reads {dataset!r} without having declared it",
                f"add {dataset!r} to its `reads`",
            )
