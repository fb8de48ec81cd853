"""What several expressions of one indicator have in common, computed once.

An indicator gives an expression per part and level: the rows of its students and those of its
groups often rest on the same sums, which the engine would make again for each.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

import ibis
from ibis.expr import operations as ops
from ibis.expr import types as ir

Name = TypeVar("Name", bound=Hashable)

_COSTLY = (ops.Aggregate, ops.Distinct, ops.WindowFunction)
"""Operations whose rows are worth keeping; joins and filters alone are as cheap to do again."""


def share_common(
    owner: str, expressions: Mapping[Name, ir.Table]
) -> tuple[dict[str, ir.Table], dict[Name, ir.Table]]:
    """Take out what two expressions of an owner have in common.

    Returns:
        Tables to make first, by name, in this order: later ones may read earlier ones; and the
        expressions, which now read those tables.
    """
    roots = {name: expression.op() for name, expression in expressions.items()}
    tables: dict[str, ir.Table] = {}
    read: dict[ops.Node, ops.Node] = {}
    for node in _common(list(roots.values())):
        rest = node.replace(dict(read))
        if rest.find(_COSTLY):
            name = f"{owner}.{len(tables)}"
            tables[name] = rest.to_expr()
            read[node] = ibis.table(tables[name].schema(), name=name).op()
    return tables, {name: root.replace(dict(read)).to_expr() for name, root in roots.items()}


def _common(roots: list[ops.Relation]) -> list[ops.Relation]:
    """Relations in two trees that are read by one which is not; inner ones first."""
    found = [_relations(root) for root in roots]
    times: dict[ops.Relation, int] = {}
    for relations in found:
        for node in relations:
            times[node] = times.get(node, 0) + 1
    common = {node for node, count in times.items() if count > 1}
    borders = common & set(roots)
    for node in times.keys() - common:
        borders |= common.intersection(_inputs(node))
    return [node for node in times if node in borders]


def _relations(root: ops.Relation) -> list[ops.Relation]:
    found = root.find(ops.Relation, ordered=True)
    return [node for node in found if not isinstance(node, ops.Reference)]


def _inputs(node: ops.Node) -> Iterator[ops.Relation]:
    """Relations that one reads itself, not through another."""
    for child in node.__children__:
        if isinstance(child, ops.Relation) and not isinstance(child, ops.Reference):
            yield child
        else:
            yield from _inputs(child)
