"""Plans of the operations that are asked again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLSchema
from graphql.execution.values import VariableValues, get_variable_values

from api.context import Catalog, Context
from api.documents.accepted import Accepted, Operation
from api.plans.arguments import plain_variables
from api.plans.builder import Deopt
from api.plans.plan import Compiler, Plan
from api.schema.records import Record

_CONDITIONS_KEPT = 16
"""Plans of one operation: one for each combination of conditions that was asked for."""


@dataclass(frozen=True, slots=True)
class Unplanned:
    """Why the stock executor answers.

    `NEW` where the operation was not asked before: most are asked once, and a plan costs more than
    one answer.
    """

    reason: str


NEW = Unplanned("new")


class Plans:
    """Answers questions by plans, where that can be.

    Plans hang on their operations and go with them.
    """

    def __init__(
        self, schema: GraphQLSchema, catalog: Catalog, records: Mapping[str, Record]
    ) -> None:
        self._schema = schema
        self._compiler = Compiler(schema, catalog, records)

    async def answer(
        self,
        accepted: Accepted,
        operation: Operation,
        given: Mapping[str, Any],
        context: Context,
    ) -> Any:
        """The `data` of the answer, or why the stock executor must give it (`Unplanned`).

        What resolvers gave until then is kept in the context and not asked for again.
        """
        definitions = operation.node.variable_definitions or ()
        variables = plain_variables(definitions, given)
        if variables is None:
            coerced = get_variable_values(self._schema, definitions, dict(given))
            if not isinstance(coerced, VariableValues):
                return Unplanned("variables")
            variables = coerced
        plan = self._plan(accepted, operation, variables)
        if isinstance(plan, Unplanned):
            return plan
        try:
            return await plan.run(context, variables)
        except Deopt as deopt:
            return Unplanned(deopt.reason)

    def _plan(
        self, accepted: Accepted, operation: Operation, variables: VariableValues
    ) -> Plan | Unplanned:
        conditions = {name: bool(variables.coerced.get(name)) for name in operation.conditions}
        key = tuple(conditions.values())
        known: Plan | Unplanned | None = operation.plans.get(key)
        if known is not None and known is not NEW:
            return known
        if len(operation.plans) >= _CONDITIONS_KEPT and known is None:
            return Unplanned("conditions")
        if known is None and not accepted.is_registered:
            operation.plans[key] = NEW
            return NEW
        try:
            plan: Plan | Unplanned = self._compiler.compile(
                accepted.document, operation.node, conditions
            )
        except Deopt as deopt:
            plan = Unplanned(deopt.reason)
        operation.plans[key] = plan
        return plan
