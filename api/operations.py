"""From a question to an answer: accepted, priced, paid for, then executed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import orjson
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    execute,
)

from api.access.policy import sees_plans
from api.context import Context, Used
from api.documents.accepted import Accepted, AcceptedDocuments, InvalidDocument, Operation
from api.documents.cost import NEW_DOCUMENT
from api.documents.limits import Limits, check_variables
from api.http.rates import Rates
from api.kept import KeptAnswers
from api.metrics import Metrics
from api.plans.plans import NEW, Plans, Unplanned
from api.versions import Versions
from courselens.deadline import Deadline
from courselens.errors import CostExceeded, CourselensError, DeadlineExceeded, QueryError


@dataclass(slots=True)
class Question:
    """What a client sends.

    Attributes:
        query: the document; None where it is named by `document_id` alone.
        document_id: id of a registered document; with `query` the client wants it registered.
        is_safe: it came by GET, which changes nothing.
        is_streamed: its answer may be followed by others.
        address: of the client, for limits of who is nobody.
    """

    query: str | None
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    document_id: str | None = None
    is_safe: bool = False
    is_streamed: bool = False
    address: str = ""


@dataclass(slots=True)
class Cost:
    """Points of a question, and how many one may have."""

    requested: int
    limit: int


@dataclass(slots=True)
class Answer:
    """What it gets.

    Attributes:
        is_refused: nothing of the question was run.
        status: HTTP's, where it is another than the media type asks for.
        version: changes whenever the same question of the same viewer may have another answer;
            None where that is not known.
        follows: courses of a subscription, as in `Context.used`: what may change it.
        deopt: why no plan gave it, for those who may know.
        body: all that the client is sent, where it was kept; then there is no `data`.
        keep: takes the body once it is made, to be kept.
    """

    data: Any
    errors: list[GraphQLError]
    is_refused: bool = False
    status: int | None = None
    cost: Cost | None = None
    version: str | None = None
    follows: frozenset[Used] = frozenset()
    deopt: str | None = None
    body: bytes | None = None
    keep: Callable[[bytes], None] | None = None


@dataclass(slots=True)
class _Asked:
    """A question that was accepted, priced and paid for."""

    question: Question
    accepted: Accepted
    operation: Operation
    context: Context
    cost: Cost


class Operations:
    """Answers questions against one schema.

    Args:
        schema: the schema.
        documents: which documents are answered.
        limits: for how long a question may run.
        versions: names the versions of answers.
        rates: how much one asker may ask for; None: as much as they like.
        plans: answers what they can; the stock executor answers the rest.
        kept: answers that are given again.
        metrics: counts answers that no plan gave.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        documents: AcceptedDocuments,
        limits: Limits,
        versions: Versions,
        rates: Rates | None,
        plans: Plans,
        kept: KeptAnswers,
        metrics: Metrics,
    ) -> None:
        self._schema = schema
        self._plans = plans
        self._documents = documents
        self._kept = kept
        self._metrics = metrics
        self._deadline = Deadline(limits.deadline_seconds)
        self._versions = versions
        self._rates = rates

    async def answer(self, question: Question, context: Context) -> Answer:
        """Answer a question. Errors of the question are in the answer."""
        try:
            accepted = await self._accept(question, context)
            operation = accepted.operation(question.operation_name)
            kind = operation.node.operation
            if question.is_safe and kind is OperationType.MUTATION:
                error = QueryError("mutations may not come by GET; send this by POST")
                return refused(error, status=405)
            if kind is OperationType.SUBSCRIPTION and not question.is_streamed:
                error = QueryError("ask with `Accept: text/event-stream`, or over a WebSocket")
                return refused(error, status=406)
            variables = question.variables or {}
            check_variables(variables, accepted.limits)
        except CourselensError as error:
            return refused(error)
        except InvalidDocument as invalid:
            return Answer(None, invalid.errors, is_refused=True)
        except GraphQLError as error:
            return Answer(None, [error], is_refused=True)
        cost = Cost(operation.price.of(variables), accepted.limits.cost)
        try:
            if cost.requested > cost.limit:
                raise CostExceeded(cost.requested, cost.limit)
            await self._charge(question, context, cost.requested)
        except CourselensError as error:
            return refused(error, cost=cost)
        context.page_limit = accepted.limits.page
        return await self._run(_Asked(question, accepted, operation, context, cost))

    async def _accept(self, question: Question, context: Context) -> Accepted:
        known = self._documents.known(question.query, question.document_id)
        if known is not None:
            return known
        await self._charge(question, context, NEW_DOCUMENT)
        return await self._documents.accept(
            question.query, question.document_id, may_register=context.viewer is not None
        )

    async def _charge(self, question: Question, context: Context, points: int) -> None:
        if self._rates is not None:
            viewer = context.viewer
            asker = f"address:{question.address}" if viewer is None else f"user:{viewer.user_id}"
            await self._rates.take(asker, points)

    async def _run(self, asked: _Asked) -> Answer:
        try:
            # Cancelling reaches the driver, which cancels the statement in the database.
            with self._deadline.started():
                if (
                    not self._kept.is_on
                    or asked.question.is_streamed
                    or asked.operation.node.operation is not OperationType.QUERY
                ):
                    return await self._execute(asked)
                return await self._find(asked)
        except TimeoutError:
            late = DeadlineExceeded(self._deadline.seconds)
            return Answer(None, [GraphQLError(str(late), original_error=late)], cost=asked.cost)

    async def _find(self, asked: _Asked) -> Answer:
        """The answer as it was kept, or a new one, to be kept."""
        question, accepted, context = asked.question, asked.accepted, asked.context
        viewer, since = context.viewer, self._kept.position
        try:
            roles = await context.viewer_roles() if viewer is not None else ()
        except CourselensError:  # told at the fields that need them
            return await self._execute(asked)
        variables = orjson.dumps(question.variables or {}, option=orjson.OPT_SORT_KEYS)
        # What a registered document may ask for, the same text alone may not.
        document = accepted.digest, accepted.is_registered, question.operation_name
        key = document, variables, viewer
        found = self._kept.find(key, roles)
        if found is not None:
            version = None
            if question.is_safe:
                version = self._versions.of(accepted, question, viewer, found.used)
            return Answer(None, [], cost=asked.cost, version=version, body=found.body)
        answer = await self._execute(asked)
        if not (answer.errors or context.is_momentary or context.live.was_asked):

            def keep(body: bytes) -> None:
                self._kept.keep(key, body, since=since, roles=roles, context=context)

            answer.keep = keep
        return answer

    async def _execute(self, asked: _Asked) -> Answer:
        operation, context = asked.operation, asked.context
        given = asked.question.variables or {}
        kind = operation.node.operation
        reason: Unplanned | None = None
        if kind is OperationType.QUERY:
            data = await self._plans.answer(asked.accepted, operation, given, context)
            if not isinstance(data, Unplanned):
                return Answer(data, [], cost=asked.cost, version=self._version(asked))
            reason = data
            self._metrics.deopts[reason.reason] += 1
        result = execute(
            self._schema,
            asked.accepted.document,
            context_value=context,
            variable_values=dict(given),
            operation_name=operation.node.name.value if operation.node.name else None,
        )
        if isawaitable(result):
            result = await result
        assert isinstance(result, ExecutionResult)  # noqa: S101 - no incremental delivery
        errors = list(result.errors or ())
        is_refused = result.data is None and not any(error.path for error in errors)
        version = None
        if not errors and kind is not OperationType.MUTATION:
            version = self._version(asked)
        return Answer(
            result.data,
            errors,
            is_refused,
            cost=asked.cost,
            version=version,
            follows=frozenset(context.used if kind is OperationType.SUBSCRIPTION else ()),
            deopt=await _told(reason, context),
        )

    def _version(self, asked: _Asked) -> str | None:
        """The version of an answer that was just made.

        None if nobody asks for it, and if the answer holds what has none: live values, for one.
        """
        question, context = asked.question, asked.context
        if not question.is_safe and not question.is_streamed:
            return None
        if context.live.was_asked or context.is_momentary:
            return None
        return self._versions.of(asked.accepted, question, context.viewer, context.used)


async def _told(reason: Unplanned | None, context: Context) -> str | None:
    """Why there was no plan, for staff; that a document is new is no reason."""
    if reason is None or reason is NEW or context.viewer is None:
        return None
    try:
        return reason.reason if sees_plans(await context.viewer_roles()) else None
    except CourselensError:
        return None


def refused(
    error: CourselensError, *, status: int | None = None, cost: Cost | None = None
) -> Answer:
    """The answer to a question of which nothing was run."""
    told = GraphQLError(str(error), original_error=error)
    return Answer(None, [told], is_refused=True, status=status, cost=cost)
