"""GraphQL documents that were registered: all processes that share the database know them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aggregates.database import Database
from courselens.errors import BadParameter

CLIENT_DOCUMENTS = 10_000
"""Documents of clients that are kept; the oldest go. Those of operators stay."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document and the id under which clients name it; `name` is its operation's."""

    document_id: str
    body: str
    name: str | None = None
    is_trusted: bool = True


class Documents:
    """The registered documents of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, document_id: str) -> StoredDocument | None:
        """The document of this id, None if there is none."""
        row = await self._database.fetch_row(
            "SELECT document_id, body, name, is_trusted FROM documents WHERE document_id = $1",
            document_id,
        )
        return StoredDocument(*row) if row else None

    async def register(self, documents: Sequence[StoredDocument]) -> None:
        """Keep an operator's documents, all or none.

        Raises:
            BadParameter: an id is taken by another text; processes remember what an id means.
        """
        async with self._database.transaction() as connection:
            for one in documents:
                kept = await connection.fetchval(
                    "INSERT INTO documents (document_id, body, name, is_trusted)"
                    " VALUES ($1, $2, $3, true) ON CONFLICT (document_id)"
                    " DO UPDATE SET name = excluded.name, is_trusted = true"
                    " WHERE documents.body = excluded.body RETURNING true",
                    one.document_id,
                    one.body,
                    one.name,
                )
                if not kept:
                    raise BadParameter("id", one.document_id, "an id of no other text")

    async def remember(self, document_id: str, body: str) -> None:
        """Keep a client's document, unless the id is known; the oldest of too many goes."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO documents (document_id, body, is_trusted) VALUES ($1, $2, false)"
                " ON CONFLICT (document_id) DO NOTHING",
                document_id,
                body,
            )
            await connection.execute(
                "DELETE FROM documents WHERE document_id IN (SELECT document_id FROM documents"
                " WHERE NOT is_trusted ORDER BY registered_at DESC OFFSET $1)",
                CLIENT_DOCUMENTS,
            )
