"""Several things of a request under way at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def side_by_side(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What they give, in their order.

    All are waited for, also where one fails: nothing of a request goes on behind its answer, and
    what the others gave is there for whoever takes over. Then the first failure is raised.
    """
    found = await asyncio.gather(*works, return_exceptions=True)
    given: list[T] = []
    for one in found:
        if isinstance(one, BaseException):
            raise one
        given.append(one)
    return given
