"""Documents that were accepted: parsed, within the limits, valid and priced, each once.

A document comes as text or as the id under which it was registered. Accepted ones are kept with
all that was found out about them, the least recently used goes first; registered ones are kept
apart, so that whoever sends ever new texts pushes out other texts only.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldsOnCorrectTypeRule,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)

from aggregates.documents import StoredDocument
from api.documents.cost import Pricing
from api.documents.counting import Price
from api.documents.limits import Limits, check_document, check_text, names_of
from courselens.errors import DocumentRequired, QueryError, UnknownDocument

SHA256 = "sha256:"
_SHA256_ID = re.compile(r"sha256:[0-9a-f]{64}")
_ID = re.compile(r"[A-Za-z0-9._~:-]{1,128}")

KEPT_CHARACTERS = 200_000
"""Text of the documents that are kept, of either kind; their trees take 100 times as much."""
_ENTRY_CHARACTERS = 200
"""What an entry counts beside its text."""
INLINE_CHARACTERS = 2_000
"""Longer documents are parsed and validated in a thread, so that others are answered meanwhile."""
_VALIDATION_ERRORS = 4
"""Graphql-core adds one that says that there are more."""


@dataclass(slots=True)
class Operation:
    """One operation of an accepted document.

    Attributes:
        price: what it costs, by variables.
        conditions: Boolean variables that `@include` and `@skip` use.
        plans: whatever was compiled from it, by the values of `conditions`; kept as long as the
            document.
    """

    node: OperationDefinitionNode
    price: Price
    plans: dict[tuple[bool, ...], Any] = field(default_factory=dict)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Boolean variables that decide what is selected."""
        return self.price.conditions


@dataclass(slots=True)
class Accepted:
    """A document that may be executed.

    Attributes:
        text: as it came.
        digest: SHA-256 of the text, hexadecimal.
        is_registered: an operator has registered it.
        limits: those that hold for it.
        operations: by name; that without one is "".
    """

    text: str
    digest: str
    document: DocumentNode
    is_registered: bool
    limits: Limits
    operations: Mapping[str, Operation]

    def operation(self, name: str | None) -> Operation:
        """The operation of this name, or the only one.

        Raises:
            GraphQLError: there is none, or several and no name.
        """
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name is None:
            raise GraphQLError("Must provide operation name if query contains multiple operations.")
        found = self.operations.get(name) if name else None
        if found is None:
            raise GraphQLError(f"Unknown operation named '{name}'.")
        return found


class InvalidDocument(Exception):
    """A document that does not fit the schema."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        self.errors = list(errors)
        super().__init__(errors[0].message)


class DocumentSource(Protocol):
    """Where registered documents are; `aggregates.documents.Documents` is one."""

    async def find(self, document_id: str) -> StoredDocument | None:
        """The document of this id."""
        ...

    async def remember(self, document_id: str, body: str) -> None:
        """Keep a client's document."""
        ...


@dataclass(frozen=True, slots=True)
class DocumentRules:
    """Which documents are answered.

    Attributes:
        registered_only: those that an operator has registered, no others.
        from_clients: signed-in clients may register documents for themselves and others.
        introspection: questions about the schema are answered.
    """

    registered_only: bool = False
    from_clients: bool = False
    introspection: bool = True


class Checker:
    """Parses, limits, validates and prices documents of one schema."""

    def __init__(
        self, schema: GraphQLSchema, pricing: Pricing, limits: Limits, *, introspection: bool = True
    ) -> None:
        self._schema = schema
        self._names = names_of(schema)
        self._pricing = pricing
        self._limits = {False: limits, True: limits.for_registered()}
        extra = () if introspection else (NoSchemaIntrospectionCustomRule,)
        self._rules = (*specified_rules, *extra)

    def check(self, text: str, *, is_registered: bool) -> Accepted:
        """Accept a document.

        Raises:
            LimitExceeded, QueryError: it is too large, or holds what no database takes.
            GraphQLSyntaxError: it is no GraphQL.
            InvalidDocument: it does not fit the schema.
        """
        limits = self._limits[is_registered]
        check_text(text, limits, self._names)
        document = parse(text, max_tokens=limits.tokens, no_location=False)
        check_document(document, limits)
        # The commonest mistake first, alone: with all rules it would take ten times as long.
        self._validate(document, (FieldsOnCorrectTypeRule,))
        self._validate(document, self._rules)
        operations = {
            node.name.value if node.name else "": Operation(
                node, self._pricing.price(document, node)
            )
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
        }
        return Accepted(text, digest_of(text), document, is_registered, limits, operations)

    def _validate(self, document: DocumentNode, rules: Sequence[type[ASTValidationRule]]) -> None:
        errors = validate(self._schema, document, rules, max_errors=_VALIDATION_ERRORS)
        if errors:
            raise InvalidDocument(errors)


class AcceptedDocuments:
    """Documents by text and by id.

    Args:
        checker: accepts what is new.
        source: where registered documents are; None: there are none.
        rules: which documents are answered.
    """

    def __init__(
        self, checker: Checker, source: DocumentSource | None, rules: DocumentRules
    ) -> None:
        self._checker = checker
        self._source = source
        self._rules = rules
        self._by_text = _Kept()
        self._by_id = _Kept()
        self._one_at_a_time = asyncio.Lock()

    def known(self, text: str | None, document_id: str | None) -> Accepted | None:
        """The document if it was accepted before.

        Raises:
            DocumentRequired: only registered ones are answered, and no id was given.
        """
        if document_id is not None:
            found = self._by_id.get(document_id) or self._by_text.get(document_id)
            if found is not None or text is None:
                return found
        if self._rules.registered_only:
            if document_id is None:
                raise DocumentRequired
            return None
        return self._by_text.get(text) if text is not None else None

    async def accept(
        self, text: str | None, document_id: str | None, *, may_register: bool
    ) -> Accepted:
        """Accept a document that is not known yet.

        Args:
            text: the document.
            document_id: its id; with a text the client wants it to be registered.
            may_register: the client is somebody.

        Raises:
            UnknownDocument: nothing is registered under the id.
            LimitExceeded, QueryError, GraphQLSyntaxError, InvalidDocument: see `Checker`.
            StoreError: registered documents cannot be read.
        """
        if text is None or self._rules.registered_only:
            return await self._find(document_id or "")
        if document_id is not None and document_id != SHA256 + digest_of(text):
            raise QueryError("the document's id is not the SHA-256 of its text")
        accepted = await self._check(text, self._by_text, text, is_registered=False)
        if document_id is None or self._source is None:
            return accepted
        if self._rules.from_clients and may_register:
            await self._source.remember(document_id, text)
        return accepted

    async def _find(self, document_id: str) -> Accepted:
        if self._source is None or not _ID.fullmatch(document_id):
            raise UnknownDocument
        stored = await self._source.find(document_id)
        if stored is None or (self._rules.registered_only and not stored.is_trusted):
            raise UnknownDocument
        kept = self._by_id if stored.is_trusted else self._by_text
        return await self._check(stored.body, kept, document_id, is_registered=stored.is_trusted)

    async def _check(self, text: str, kept: _Kept, key: str, *, is_registered: bool) -> Accepted:
        if len(text) <= INLINE_CHARACTERS:
            accepted = self._checker.check(text, is_registered=is_registered)
        else:
            async with self._one_at_a_time:  # more threads would leave the loop no time
                known = kept.get(key)
                if known is not None:
                    return known
                accepted = await asyncio.to_thread(
                    self._checker.check, text, is_registered=is_registered
                )
        kept.put(key, accepted)
        return accepted


def digest_of(text: str) -> str:
    """SHA-256 of a document's text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def apollo_id(sha256_hash: str) -> str:
    """The id under which Apollo's clients mean a document by `persistedQuery.sha256Hash`."""
    prefixed = SHA256 + sha256_hash
    return prefixed if _SHA256_ID.fullmatch(prefixed) else sha256_hash


class _Kept:
    """Documents by key, the least recently used first, bounded by their text."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, Accepted] = OrderedDict()
        self._characters = 0

    def get(self, key: str) -> Accepted | None:
        found = self._items.get(key)
        if found is not None:
            self._items.move_to_end(key)
        return found

    def put(self, key: str, accepted: Accepted) -> None:
        replaced = self._items.pop(key, None)
        self._characters += _weight(accepted) - (_weight(replaced) if replaced else 0)
        self._items[key] = accepted
        while self._characters > KEPT_CHARACTERS:
            _, gone = self._items.popitem(last=False)
            self._characters -= _weight(gone)


def _weight(accepted: Accepted) -> int:
    return len(accepted.text) + _ENTRY_CHARACTERS
