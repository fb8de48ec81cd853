"""What files are charged."""

from __future__ import annotations


class Ledger:
    """Buckets that are never empty, and what was taken from them."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []

    async def take(self, asker: str, points: int) -> None:
        self.taken.append((asker, points))
