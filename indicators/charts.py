"""Charts of indicators: Vega-Lite as JSON that draws the rows it is handed and reaches nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

MAX_BYTES = 32_768
_MAX_DEPTH = 32
_VIEWS = frozenset({"mark", "layer", "hconcat", "vconcat", "concat", "facet", "repeat", "spec"})
_REFUSED = {
    "url": "it would load something from elsewhere",
    "href": "it would lead the reader elsewhere",
    "usermeta": "it would change how the page draws",
    "datasets": "it would bring rows of its own",
    "values": "it would bring rows of its own",
}
"""Keys that no chart may have; `values` where it is data, not a scale's or a legend's."""


class ChartError(Exception):
    """A chart that cannot be shown; `fix` says what to write instead."""

    def __init__(self, problem: str, fix: str) -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}. Fix: {fix}")


def read_chart(chart: Mapping[str, object], parts: Collection[str]) -> str:
    """A chart as JSON text.

    Args:
        chart: the Vega-Lite specification.
        parts: names of the result's parts, which are the data it may draw.

    Raises:
        ChartError: it is no such JSON, too large, or reaches for other data.
    """
    try:
        text = json.dumps(chart, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ChartError(
            f"its chart is no JSON ({type(error).__name__})",
            "use dicts, lists, text, finite numbers, True, False and None",
        ) from error
    read = json.loads(text)
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise ChartError(
            f"its chart takes {size} bytes, allowed are {MAX_BYTES}", "draw less in one chart"
        )
    if not isinstance(read, dict) or _VIEWS.isdisjoint(read):
        raise ChartError(
            "its chart draws nothing", 'give a Vega-Lite object with a "mark", or several views'
        )
    found = list(_data(read))
    unknown = [name for name in found if name not in parts]
    if unknown or not found:
        wanted = " or ".join(f'{{"data": {{"name": "{part}"}}}}' for part in sorted(parts))
        named = f"the data {unknown[0]!r}, which is no part of its result" if unknown else "no data"
        raise ChartError(f"its chart draws {named}", f"write {wanted}")
    return text


def _data(node: object, key: str = "", depth: int = 0) -> Iterator[object]:
    """Names of the data that a chart draws."""
    if depth > _MAX_DEPTH:
        raise ChartError(f"its chart is nested over {_MAX_DEPTH} deep", "draw less in one chart")
    if isinstance(node, list):
        for one in node:
            yield from _data(one, key, depth + 1)
    if not isinstance(node, dict):
        return
    for name in node:
        if name in _REFUSED and (name != "values" or key == "data"):
            raise ChartError(f"its chart has {name!r}: {_REFUSED[name]}", f"leave {name!r} out")
    if key == "data":
        if not isinstance(node.get("name"), str):
            raise ChartError("its chart has data without a name", 'write {"data": {"name": ...}}')
        yield node["name"]
        return
    for name, value in node.items():
        yield from _data(value, name, depth + 1)
