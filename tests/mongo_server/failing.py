"""Faults on order: the part of MongoDB's `failCommand` that the tests use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.mongo_server.wire import Document


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a command: waits, then fails, loses its connection or goes on."""

    block_seconds: float
    closes_connection: bool
    reply: Document | None


class FailPoint:
    """Which commands fail, and how often still."""

    def __init__(self) -> None:
        self._left = 0.0
        self._data: Document = {}

    def configure(self, mode: Any, data: Document) -> None:
        """Set by `configureFailPoint`; `mode` is "off", "alwaysOn" or `{"times": n}`."""
        times = {"off": 0.0, "alwaysOn": float("inf")}
        self._left = times[mode] if isinstance(mode, str) else mode["times"]
        self._data = data

    def take(self, command: Document) -> Fault | None:
        """The fault that this command suffers, if it is its turn."""
        if not self._left or next(iter(command)) not in self._data.get("failCommands", ()):
            return None
        self._left -= 1
        code = self._data.get("errorCode")
        return Fault(
            block_seconds=self._data.get("blockTimeMS", 0) / 1000
            if self._data.get("blockConnection")
            else 0.0,
            closes_connection=bool(self._data.get("closeConnection")),
            reply=None
            if code is None
            else {"ok": 0.0, "code": code, "errmsg": "failing on order of failCommand"},
        )
