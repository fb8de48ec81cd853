"""Open the platform's databases for live indicators, as far as they are configured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from courselens.settings import Settings

if TYPE_CHECKING:
    from loaders.live import LiveSource


@asynccontextmanager
async def open_live_source(settings: Settings) -> AsyncIterator[LiveSource | None]:
    """The source, None where no database of the platform is configured.

    Nothing is sent before the first question, so servers may be down.

    Raises:
        BadParameter, SourceRefused: a URL cannot be used.
    """
    if settings.mysql_url is None and settings.mongo_url is None:
        yield None
        return
    from loaders.live import LiveSource  # the drivers take 20 MB

    source = LiveSource.at(
        _text(settings.mysql_url),
        _text(settings.mongo_url),
        mysql_history_url=_text(settings.mysql_history_url),
        connections=settings.source_connections,
        statement_seconds=settings.source_statement_seconds,
        deadline_seconds=settings.live_deadline_seconds,
    )
    async with source:
        yield source


def _text(url: SecretStr | None) -> str | None:
    return None if url is None else url.get_secret_value()
