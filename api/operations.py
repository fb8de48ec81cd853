"""From the text of a document to an answer: parsed, limited and validated once, then executed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    execute,
    parse,
    validate,
)

from api.context import Context
from api.limits import Limits, check_document, check_variables
from courselens.errors import CourselensError, DeadlineExceeded, LimitExceeded

_VALIDATION_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Question:
    """What a client sends."""

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What it gets; `is_refused` where nothing of the question was run."""

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    is_refused: bool = False


class Operations:
    """Documents that were accepted, by text, and their execution against one schema.

    Args:
        schema: what they are validated against.
        limits: how large they may be.
        remembered: documents that are kept; the least recently used goes.
    """

    def __init__(self, schema: GraphQLSchema, limits: Limits, *, remembered: int = 256) -> None:
        self._schema = schema
        self._limits = limits
        self._remembered = remembered
        self._accepted: OrderedDict[str, DocumentNode] = OrderedDict()

    async def answer(self, question: Question, context: Context) -> Answer:
        """Answer a question. Errors of the question are in the answer."""
        try:
            errors = self._accept(question.query)
            check_variables(question.variables, self._limits)
        except CourselensError as error:
            return Answer(None, [GraphQLError(str(error), original_error=error)], is_refused=True)
        except GraphQLSyntaxError as error:
            return Answer(None, [error], is_refused=True)
        if errors:
            return Answer(None, errors, is_refused=True)
        return await self._run(self._accepted[question.query], question, context)

    def _accept(self, text: str) -> list[GraphQLError]:
        """Remember a document; what is wrong with it otherwise."""
        if text in self._accepted:
            self._accepted.move_to_end(text)
            return []
        document = self._parse(text)
        check_document(document, self._limits)
        errors = validate(self._schema, document, max_errors=_VALIDATION_ERRORS)
        if not errors:
            self._accepted[text] = document
            if len(self._accepted) > self._remembered:
                self._accepted.popitem(last=False)
        return errors

    def _parse(self, text: str) -> DocumentNode:
        try:
            return parse(text, max_tokens=self._limits.tokens, no_location=False)
        except GraphQLSyntaxError as error:
            if "tokens. Parsing aborted" in error.message:
                allowed = self._limits.tokens
                raise LimitExceeded("tokens", allowed + 1, allowed) from None
            raise

    async def _run(self, document: DocumentNode, question: Question, context: Context) -> Answer:
        try:
            async with asyncio.timeout(self._limits.deadline_seconds):
                result = execute(
                    self._schema,
                    document,
                    context_value=context,
                    variable_values=dict(question.variables or {}),
                    operation_name=question.operation_name,
                )
                if isawaitable(result):
                    result = await result
        except TimeoutError:
            late = DeadlineExceeded(self._limits.deadline_seconds)
            return Answer(None, [GraphQLError(str(late), original_error=late)])
        assert isinstance(result, ExecutionResult)  # noqa: S101 - no incremental delivery
        errors = list(result.errors or ())
        is_refused = result.data is None and not any(error.path for error in errors)
        return Answer(result.data, errors, is_refused)
