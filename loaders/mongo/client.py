"""The only module that knows a MongoDB driver: which one, its deadlines, its errors."""

from __future__ import annotations

import asyncio
import enum
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import bson
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from pymongo.errors import (
    ConfigurationError,
    CursorNotFound,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
)

from courselens.errors import SourceError, SourceMalformed, SourceRefused, SourceUnavailable
from loaders.circuit import Circuit

SOURCE = "mongodb"
Document = dict[str, Any]
_Result = TypeVar("_Result")
BATCH = 1000
# A date that Python cannot hold must not cost the document that it is in.
_OPTIONS: bson.CodecOptions[Document] = bson.CodecOptions(
    datetime_conversion=bson.DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)
_RAW_OPTIONS = _OPTIONS.with_options(document_class=RawBSONDocument)


class Driver(enum.StrEnum):
    """The asyncio drivers; only calls that both share are used."""

    MOTOR = "motor"
    PYMONGO = "pymongo"


def connect(
    url: str, *, driver: Driver = Driver.MOTOR, deadline_seconds: float, connections: int = 4
) -> Any:
    """Make a client of the driver for the running event loop; nothing is sent yet.

    What the URL says goes before the defaults here, and `readPreference=secondaryPreferred`
    in it keeps the reading away from the primary.

    Args:
        url: `mongodb://` or `mongodb+srv://`.
        driver: which driver.
        deadline_seconds: for finding a server, connecting, and each answer.
        connections: at most so many are open at a time.

    Returns:
        `AsyncIOMotorClient` or `AsyncMongoClient`; end it with `disconnect`.

    Raises:
        SourceRefused: the URL cannot be used.
    """
    milliseconds = max(1, round(deadline_seconds * 1000))
    options: dict[str, Any] = {
        "appName": "courselens",
        "connectTimeoutMS": milliseconds,
        "datetime_conversion": "DATETIME_AUTO",
        "maxPoolSize": connections,
        "serverSelectionTimeoutMS": milliseconds,
        "socketTimeoutMS": milliseconds,
        "unicode_decode_error_handler": "replace",
        "waitQueueTimeoutMS": milliseconds,
    }
    make: Any = AsyncIOMotorClient if driver is Driver.MOTOR else AsyncMongoClient
    try:
        said = {name.lower() for name, _ in parse_qsl(urlsplit(url).query)}
        unsaid = {name: value for name, value in options.items() if name.lower() not in said}
        return make(url, **unsaid)
    except (ConfigurationError, ValueError) as error:
        fix = "write it as mongodb://user:password@host:27017/database"
        raise SourceRefused(SOURCE, f"its URL cannot be used: {error}", fix) from error


async def disconnect(client: Any) -> None:
    """Close a client, which may take the deadline where the server hangs."""
    if inspect.iscoroutinefunction(client.close):
        await client.close()
    else:
        # Motor's takes leave of the server on the spot, and all others would wait with it.
        await asyncio.to_thread(client.close)


class MongoReader:
    """Reads documents, each call within the deadline; it never writes.

    Made inside the event loop that uses it. Every method raises `SourceUnavailable` where no
    server answers in time, `SourceRefused` where it answers that it will not, and
    `SourceMalformed` where the answer cannot be decoded. After failures in a row the circuit
    refuses further calls at once, for a while.
    """

    def __init__(
        self,
        url: str,
        *,
        driver: Driver = Driver.MOTOR,
        deadline_seconds: float = 5.0,
        connections: int = 4,
        circuit: Circuit | None = None,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._milliseconds = max(1, round(deadline_seconds * 1000))
        self._circuit = circuit or Circuit(SOURCE)
        self._client = connect(
            url, driver=driver, deadline_seconds=deadline_seconds, connections=connections
        )

    async def close(self) -> None:
        """Close the connections."""
        await disconnect(self._client)

    async def find_one(
        self,
        database: str,
        collection: str,
        filter: Mapping[str, Any],
        *,
        projection: Mapping[str, int] | None = None,
        sort: Sequence[tuple[str, int]] | None = None,
    ) -> Document | None:
        """The first document that fits, None where there is none."""
        found: Document | None = await self._within(
            f"{database}.{collection}",
            lambda: self._client[database][collection].find_one(
                filter, projection, sort=sort, max_time_ms=self._milliseconds
            ),
        )
        return found

    async def find_one_raw(
        self,
        database: str,
        collection: str,
        filter: Mapping[str, Any],
        *,
        projection: Mapping[str, int] | None = None,
    ) -> bytes | None:
        """Like `find_one`, but not decoded, which `decode` does: in a thread if it is large."""
        found: RawBSONDocument | None = await self._within(
            f"{database}.{collection}",
            lambda: (
                self._client[database][collection]
                .with_options(codec_options=_RAW_OPTIONS)
                .find_one(filter, projection, max_time_ms=self._milliseconds)
            ),
        )
        return bytes(found.raw) if found is not None else None

    async def find(
        self,
        database: str,
        collection: str,
        filter: Mapping[str, Any],
        *,
        projection: Mapping[str, int] | None = None,
        sort: Sequence[tuple[str, int]] | None = None,
        limit: int = 0,
    ) -> list[Document]:
        """All documents that fit, or the first `limit` of them; fetched in batches.

        A cursor that the server has lost, as after a restart, is `SourceUnavailable`.
        """
        cursor = self._client[database][collection].find(
            filter,
            projection,
            sort=sort,
            limit=limit,
            batch_size=BATCH,
            max_time_ms=self._milliseconds,
        )
        found: list[Document] = []
        while batch := await self._within(
            f"{database}.{collection}", lambda: cursor.to_list(BATCH)
        ):
            found += batch
        return found

    async def collection_names(self, database: str) -> list[str]:
        """Names of the collections of a database, sorted; none where there is no database."""
        return sorted(
            await self._within(database, lambda: self._client[database].list_collection_names())
        )

    async def _within(self, where: str, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        self._circuit.check()
        try:
            with translate_errors(where, self._deadline_seconds):
                async with asyncio.timeout(self._deadline_seconds):
                    found = await ask()
        except SourceUnavailable:
            self._circuit.fail()
            raise
        except SourceError:
            self._circuit.succeed()  # it answers, which is all that the circuit is about
            raise
        except BaseException:
            self._circuit.give_up()
            raise
        self._circuit.succeed()
        return found


@contextmanager
def translate_errors(where: str, deadline_seconds: float) -> Iterator[None]:
    """Turn the drivers' errors into the errors of a source; `where` says what was asked for."""
    try:
        yield
    except CursorNotFound as error:
        reason = "it has forgotten how far the reading had come"
        raise SourceUnavailable(SOURCE, deadline_seconds, reason=reason) from error
    except (ExecutionTimeout, TimeoutError) as error:
        raise SourceUnavailable(SOURCE, deadline_seconds) from error
    except OperationFailure as error:
        reason = (error.details or {}).get("errmsg", "no reason given")
        fix = "give its account the role that this needs: `read` on the databases that are read"
        raise SourceRefused(SOURCE, f"{where} was refused: {reason}", fix) from error
    except PyMongoError as error:
        raise SourceUnavailable(SOURCE, deadline_seconds) from error
    except BSONError as error:
        raise SourceMalformed(f"{SOURCE} {where}", f"broken BSON: {error}") from error


def decode(document: bytes) -> Document:
    """Decode a document as it is stored.

    Raises:
        SourceMalformed: it is no BSON.
    """
    try:
        return bson.decode(document, _OPTIONS)
    except BSONError as error:
        raise SourceMalformed(SOURCE, f"broken BSON: {error}") from error
