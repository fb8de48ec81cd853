"""A document's operation as a plan: its resolvers called, their rows built by one function each.

A plan answers what the stock executor would, or raises `Deopt`. It has no reading, no access rule
and no limit of its own: these are the resolvers'.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path, is_awaitable

from api.context import Catalog, Context
from api.plans.arguments import compile_arguments
from api.plans.builder import Builder, Deopt, RowSource, StaleCourse, make_struct
from api.plans.chosen import Choice, Chosen, Conditions
from api.plans.shortcuts import Shortcuts
from api.plans.students import NOT_SIMPLE
from api.schema.fields import has_resolver, python_name, read_value
from api.schema.records import Column, Nested, Record
from api.side_by_side import side_by_side
from api.types.query import DIRECT
from api.types.scalars import SCALAR_KINDS
from courselens.errors import CourselensError, StoreError

_TRIES = 3  # a course may be refreshed while it is read, but not all the time

_OF_SEVERAL = "Viewer", "students"
"""Reads its courses itself: none that is remembered is followed by it."""

Make = Callable[[Any, "Run", Path], Coroutine[Any, Any, Any]]
"""Makes an answer's part of a value that is at a path."""


@dataclass(slots=True)
class Run:
    """One execution of a plan."""

    context: Context
    variables: VariableValues


@dataclass(frozen=True, slots=True)
class Plan:
    """An operation, compiled for given conditions.

    Attributes:
        root: what the operation asks for.
        is_hasty: every course in it is followed by a statement that tells its run, so that it need
            not be looked up.
    """

    root: ObjectPlan
    is_hasty: bool

    async def run(self, context: Context, variables: VariableValues) -> Any:
        """The `data` of the answer, ready to be encoded.

        Raises:
            Deopt: only the stock executor can answer; what resolvers gave is kept in the context.
        """
        context.is_hasty = self.is_hasty
        for _ in range(_TRIES):
            try:
                return await self.root.make(None, Run(context, variables), None)
            except StaleCourse:
                context.start_again()
            except (KeyError, TypeError, AttributeError) as error:
                raise Deopt("value") from error
        raise Deopt("stale")


class Compiler:
    """Compiles operations of one schema.

    Args:
        schema: the schema.
        catalog: its indicators.
        records: its plain types by name.
    """

    def __init__(
        self, schema: GraphQLSchema, catalog: Catalog, records: Mapping[str, Record]
    ) -> None:
        self._schema = schema
        self._records = records
        self._shortcuts = Shortcuts(catalog, records)

    def compile(
        self, document: DocumentNode, operation: OperationDefinitionNode, conditions: Conditions
    ) -> Plan:
        """The plan of an operation of a valid document.

        Raises:
            Deopt: something in it is left to the stock executor.
        """
        if operation.operation is not OperationType.QUERY or not self._schema.query_type:
            raise Deopt("operation")
        fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        making = _Making(
            self._schema, self._records, self._shortcuts, operation, fragments, conditions
        )
        root = making.object(self._schema.query_type, (operation.selection_set,))
        return Plan(root, making.is_hasty)


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """An object some of whose fields have resolvers.

    Attributes:
        struct: takes the fields in the order of the answer.
        leaves: makes the fields without resolver, as a tuple.
        awaited: the others.
        order: for each field of the struct, its place in leaves and then awaited.
    """

    struct: type
    leaves: Callable[[Any], tuple[Any, ...]]
    awaited: tuple[Step, ...]
    order: tuple[int, ...]

    async def make(self, value: Any, run: Run, path: Path | None) -> Any:
        """The object's part of the answer."""
        if len(self.awaited) == 1:
            step = self.awaited[0]
            found = [await step.make(value, run, Path(path, step.key, step.parent))]
        else:
            found = await side_by_side(
                step.make(value, run, Path(path, step.key, step.parent)) for step in self.awaited
            )
        values = (*self.leaves(value), *found)
        return self.struct(*[values[place] for place in self.order])


@dataclass(frozen=True, slots=True)
class Step:
    """A field that must be awaited: it has a resolver, or objects below it have."""

    key: str
    parent: str
    make: Make


class _Making:
    """Compiles one operation."""

    def __init__(
        self,
        schema: GraphQLSchema,
        records: Mapping[str, Record],
        shortcuts: Shortcuts,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        conditions: Conditions,
    ) -> None:
        self._schema = schema
        self._records = records
        self._shortcuts = shortcuts
        self._operation = operation
        self._fragments = dict(fragments)
        self._choice = Choice(fragments, conditions)
        self.is_hasty = True

    def object(
        self, kind: GraphQLObjectType, selections: tuple[SelectionSetNode, ...]
    ) -> ObjectPlan:
        types = frozenset({kind.name, *(interface.name for interface in kind.interfaces)})
        chosen = self._choice.of(selections, types)
        leaves: list[tuple[Chosen, Column | Nested | None]] = []
        awaited: list[Step] = []
        order: list[tuple[bool, int]] = []
        for one in chosen:
            step = None if one.name == "__typename" else self._step(kind, one)
            if step is None:
                order.append((False, len(leaves)))
                leaves.append((one, self._leaf(kind, one)))
            else:
                order.append((True, len(awaited)))
                awaited.append(step)
        if kind.name == "Course" and not awaited:
            self.is_hasty = False
        return ObjectPlan(
            make_struct(kind.name, [one.key for one in chosen]),
            Builder(self._choice).leaves(kind.name, leaves),
            tuple(awaited),
            tuple(place + len(leaves) * is_awaited for is_awaited, place in order),
        )

    def _step(self, kind: GraphQLObjectType, one: Chosen) -> Step | None:
        """What must be awaited for a field; None where its value is there."""
        if one.name.startswith("__"):
            raise Deopt("introspection")
        field = kind.fields[one.name]
        if has_resolver(kind, one.name):
            complete, _ = self._complete(field.type, one)
            return Step(one.key, kind.name, self._resolved(kind, field, one, complete))
        named = _named(field.type)
        if not isinstance(named, GraphQLObjectType) or named.name in self._records:
            return None
        complete, _ = self._complete(field.type, one)
        name = python_name(kind, one.name)

        async def read(value: Any, run: Run, path: Path) -> Any:
            return await complete(read_value(value, name), run, path)

        return Step(one.key, kind.name, read)

    def _leaf(self, kind: GraphQLObjectType, one: Chosen) -> Column | Nested | None:
        """What is known of a field without resolver; None of `__typename`."""
        if one.name == "__typename":
            return None
        field = kind.fields[one.name]
        name = python_name(kind, one.name)
        nullable = not isinstance(field.type, GraphQLNonNull)
        inner = field.type if nullable else field.type.of_type
        is_list = isinstance(inner, GraphQLList)
        named = _named(field.type)
        if named.name in self._records:
            return Nested(name, self._records[named.name], "", nullable=nullable, is_list=is_list)
        if named.name not in SCALAR_KINDS:
            raise Deopt("kind")
        return Column(name, SCALAR_KINDS[named.name], "", nullable=nullable, is_list=is_list)

    def _complete(self, kind: GraphQLOutputType, one: Chosen) -> tuple[Make, bool]:
        """What makes the answer's part of a value of this type, and whether it waits."""
        if isinstance(kind, GraphQLNonNull):
            made, waits = self._complete(kind.of_type, one)
            return _unless_null(made, is_nullable=False), waits
        if isinstance(kind, GraphQLList):
            made, waits = self._complete(kind.of_type, one)
            return _unless_null(_each(made, waits=waits), is_nullable=True), waits
        if not isinstance(kind, GraphQLObjectType):
            raise Deopt("abstract")
        record = self._records.get(kind.name)
        if record is None:
            plan = self.object(kind, one.below)
            return _unless_null(plan.make, is_nullable=True), bool(plan.awaited)
        build = Builder(self._choice).function(record, one.below, RowSource(), "row")

        async def make(value: Any, run: Run, path: Path) -> Any:
            return build(value)

        return _unless_null(make, is_nullable=True), False

    def _resolved(
        self,
        kind: GraphQLObjectType,
        field: GraphQLField,
        one: Chosen,
        complete: Make,
    ) -> Make:
        resolve = field.resolve
        assert resolve is not None  # noqa: S101 - it has a resolver
        nodes = list(one.nodes)
        simple = self._shortcuts.find(kind.name, one, self._choice)
        direct = DIRECT.get((kind.name, one.name))
        is_followed = simple is not None and (kind.name, one.name) != _OF_SEVERAL
        if not is_followed and direct is None:
            self.is_hasty = False
        arguments = compile_arguments(self._schema, kind, nodes[0])

        async def make(value: Any, run: Run, path: Path) -> Any:
            if simple is not None:
                # What goes wrong here goes wrong again, where the error belongs.
                try:
                    with run.context.live.running():  # the resolver may follow
                        found = await simple(value, run.context, arguments(run.variables))
                    if found is not NOT_SIMPLE:
                        return found
                except StoreError as error:
                    raise _failed(run, path, error) from error
                except CourselensError:
                    pass
            if direct is not None:
                try:
                    with run.context.live.running():
                        found = await direct(run.context, arguments(run.variables))
                    return await complete(found, run, path)
                except StoreError as error:
                    raise _failed(run, path, error) from error
                except CourselensError:
                    pass
            if run.context.is_hasty:
                raise StaleCourse
            info = GraphQLResolveInfo(
                one.name,
                nodes,
                field.type,
                kind,
                path,
                self._schema,
                self._fragments,
                None,
                self._operation,
                run.variables,
                run.context,
                is_awaitable,
                None,
                _NO_HELPERS,
            )
            try:
                given = get_argument_values(field, nodes[0], run.variables)
                result = resolve(value, info, **given)
                if isawaitable(result):
                    result = await result
            except Exception as error:
                raise _failed(run, path, error) from error
            run.context.keep(path.as_list(), result)
            return await complete(result, run, path)

        return make


def _failed(run: Run, path: Path, error: Exception) -> Deopt:
    """Have the stock executor write an error, without asking a resolver again for it."""
    run.context.keep(path.as_list(), error)
    return Deopt("error")


def _unless_null(make: Make, *, is_nullable: bool) -> Make:
    async def checked(value: Any, run: Run, path: Path) -> Any:
        if value is None:
            if is_nullable:
                return None
            raise Deopt("null")
        return await make(value, run, path)

    return checked


def _each(make: Make, *, waits: bool) -> Make:
    """Those that wait do so side by side: what they ask of several courses is one statement."""

    async def made(value: Any, run: Run, path: Path) -> Any:
        works = (make(each, run, Path(path, place, None)) for place, each in enumerate(value))
        if waits and len(value) > 1:
            return await side_by_side(works)
        return [await work for work in works]

    return made


_NO_HELPERS: Any = None  # of incremental delivery


def _named(kind: Any) -> Any:
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    return kind
