"""What a question costs, known before any of it runs: from declarations and page sizes.

A point is about what one value of an answer costs (4 µs). Statements on the database cost as many
points as they take of that. An operation is priced once; what depends on its variables (page sizes,
`@include`, `@skip`) stays open as factors, so that pricing a request is a sum of few products.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from graphql import (
    DocumentNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
)

from api.context import Catalog
from api.documents.counting import ONCE, Counting, Price
from api.schema.fields import has_resolver
from api.schema.records import camel
from indicators.shape import Field, Kind, Part

QUESTION = 50
"""Any question at all: reading it, its token, writing the answer."""
STATEMENT = 50
SORT = 250
"""Filter or order over all students of a course."""
COUNT = 100
REFRESH = 25_000
"""Having a course computed anew: seconds of a worker."""
AD_HOC = 1_500
"""Statistics of one group that is made for this question."""
LIVE_STATEMENT = 500
LIVE_SUBJECT = 20
DESCRIPTION = 15_000
"""The schema's own description, as explorers ask for it."""
NEW_DOCUMENT = 250
"""Parsing and validating a document that was not seen before; charged, but not part of its cost."""

_ROWS = {Kind.DAY: 150, Kind.BLOCK: 100, Kind.INT: 20, Kind.STRING: 10, Kind.INSTANT: 150}
"""Assumed different values of a part's key."""
_CHAPTERS = 15
_MOST_ROWS = 1_000
_OTHER_LIST = 10


class Pricing:
    """Prices of one schema's operations.

    Args:
        schema: the schema.
        catalog: the indicators behind it.
        is_live: whether live values are read from the platform's databases.
    """

    def __init__(self, schema: GraphQLSchema, catalog: Catalog, *, is_live: bool) -> None:
        self._schema = schema
        self._lists: dict[tuple[str, str], int] = {
            ("Query", "indicators"): len(catalog.registry.indicators),
            ("Course", "cohorts"): 20,
        }
        self._statements: dict[tuple[str, str], int] = {}
        self._live: set[str] = set()
        self._read_declarations(catalog, is_live=is_live)

    def price(self, document: DocumentNode, operation: OperationDefinitionNode) -> Price:
        """Price an operation of a document that was validated and is within the limits."""
        counting = Counting(self, document, operation)
        counting.terms[(), ()] = QUESTION
        root = self._schema.get_root_type(operation.operation)
        if root is not None:
            counting.count(root, [(operation.selection_set, ())], ONCE, ONCE, ONCE)
        names = {name for _, conditions in counting.terms for name, _, _ in conditions}
        return Price(dict(counting.terms), tuple(sorted(names | counting.conditions)))

    def kind(self, name: str) -> GraphQLObjectType | GraphQLInterfaceType | None:
        """The type of this name, if it has fields."""
        found = self._schema.type_map.get(name)
        return found if isinstance(found, GraphQLObjectType | GraphQLInterfaceType) else None

    def length(self, owner: str, name: str) -> int:
        """Assumed length of a list without page size."""
        return self._lists.get((owner, name), 20 if name == "histogram" else _OTHER_LIST)

    def of_row(self, owner: GraphQLObjectType | GraphQLInterfaceType, name: str) -> int:
        """Points of a field of one object."""
        if name.startswith("__"):
            return 1 if name == "__typename" else DESCRIPTION
        return 1 + (LIVE_SUBJECT if self._is_live(owner, name) else 0)

    def of_live(self, owner: GraphQLObjectType, name: str) -> int:
        """Points of what a field asks the platform's databases about one course."""
        return LIVE_STATEMENT if self._is_live(owner, name) else 0

    def is_of_courses(self, owner: str, name: str) -> bool:
        """Whether each row of a field's list is of another course."""
        return (owner, name) == ("Viewer", "students")

    def of_group(self, owner: str, name: str) -> int:
        """Points of each group that a field is given; 0 where it is given none."""
        return AD_HOC if (owner, name) == ("Course", "compare") else 0

    def of_reading(self, owner: GraphQLObjectType, name: str, arguments: Iterable[str]) -> int:
        """Points of what a field reads, however many rows that gives."""
        points = self._statements.get((owner.name, name), 0)
        if name == "indicators" and owner.name != "Query":
            points += 2 * STATEMENT  # envelopes and scalar values
        elif name == "standing" or name.endswith("Standing"):
            points += STATEMENT
        elif name == "totalCount":
            points += COUNT
        if owner.name == "Mutation":
            points += REFRESH
        elif owner.name == "Subscription":
            points += 2 * STATEMENT
        elif has_resolver(owner, name) and owner.name != "Query":
            points += STATEMENT
        elif has_resolver(owner, name):
            points += 2 * STATEMENT if name in ("course", "courses", "node") else 0
        if (owner.name, name) == ("Course", "group"):
            points += AD_HOC
        elif not {"filter", "orderBy"}.isdisjoint(arguments):
            points += SORT
        return points

    def _is_live(self, owner: GraphQLObjectType | GraphQLInterfaceType, name: str) -> bool:
        """Whether a field's value is read from the platform's databases."""
        return get_named_type(owner.fields[name].type).name in self._live

    def _read_declarations(self, catalog: Catalog, *, is_live: bool) -> None:
        for values in catalog.values.values():
            for value in (values.student, values.group):
                if value is None:
                    continue
                indicator = value.indicator
                live = indicator.live_student if value is values.student else indicator.live_course
                if is_live and live is not None:
                    self._live.add(value.record.name)
                for part in value.parts:
                    place = (value.record.name, camel(part.name))
                    self._statements[place] = STATEMENT
                    self._lists[place] = _rows(part)


def _rows(part: Part) -> int:
    """Assumed rows of a part about one subject."""
    if not part.many:
        return 1
    return min(_MOST_ROWS, math.prod(_values_of(key) for key in part.keys))


def _values_of(key: Field) -> int:
    if key.name == "chapter":
        return _CHAPTERS
    return len(key.enum_type) if key.enum_type else _ROWS.get(key.kind, _OTHER_LIST)
