"""Commands of the test server: those that are implemented, as MongoDB answers them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import bson
import mongomock
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError, OperationFailure, WriteError

from tests.mongo_server.cursors import Cursors
from tests.mongo_server.failing import FailPoint
from tests.mongo_server.wire import MAX_MESSAGE_BYTES, Document

WIRE_VERSION = 21  # MongoDB 7.0
MAX_DOCUMENT_BYTES = 16 * 2**20
WRITES = frozenset({"insert", "update", "delete", "createIndexes", "drop", "dropDatabase"})
_STAGES = frozenset({"$match", "$group", "$sort", "$skip", "$limit", "$project", "$unwind"})
_EVERYWHERE = frozenset(
    {"$db", "lsid", "$clusterTime", "$readPreference", "comment", "maxTimeMS", "readConcern"}
    | {"writeConcern", "apiVersion"}
)
_ANY: frozenset[str] = frozenset({"*"})  # in a greeting a driver announces what it can do


class CommandFailed(Exception):
    """An answer that is an error, with MongoDB's number and name for it."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.reply: Document = {"ok": 0.0, "errmsg": message, "code": code, "codeName": name}


class Commands:
    """The databases of a server and what can be done with them."""

    def __init__(self) -> None:
        self._client: Any = mongomock.MongoClient()
        self._cursors = Cursors()
        self.fail_point = FailPoint()
        # Each command with the fields that it understands; any other field is refused.
        self._known: dict[str, tuple[Callable[[Any, Document], Document], frozenset[str]]] = {
            "hello": (self._hello, _ANY),
            "ismaster": (self._hello, _ANY),
            "ping": (lambda *_: {}, frozenset()),
            "buildinfo": (self._build_info, frozenset()),
            "endsessions": (lambda *_: {}, frozenset()),
            "configurefailpoint": (self._configure_fail_point, frozenset({"mode", "data"})),
            "find": (
                self._find,
                frozenset({"filter", "sort", "projection", "skip", "limit", "batchSize"})
                | {"singleBatch", "noCursorTimeout", "allowDiskUse"},
            ),
            "aggregate": (self._aggregate, frozenset({"pipeline", "cursor", "allowDiskUse"})),
            "count": (self._count, frozenset({"query", "limit", "skip"})),
            "getmore": (self._get_more, frozenset({"collection", "batchSize"})),
            "killcursors": (self._kill_cursors, frozenset({"cursors"})),
            "listcollections": (
                self._list_collections,
                frozenset({"filter", "nameOnly", "cursor", "authorizedCollections"}),
            ),
            "listdatabases": (self._list_databases, frozenset({"nameOnly"})),
            "insert": (self._insert, frozenset({"documents", "ordered"})),
            "update": (self._update, frozenset({"updates", "ordered"})),
            "delete": (self._delete, frozenset({"deletes", "ordered"})),
            "createindexes": (self._create_indexes, frozenset({"indexes"})),
            "drop": (self._drop, frozenset()),
            "dropdatabase": (self._drop_database, frozenset()),
        }

    def run(self, command: Document) -> Document:
        """Answer a command; an error is an answer too."""
        try:
            name = next(iter(command), "")
            if name.lower() not in self._known:
                raise CommandFailed(59, "CommandNotFound", f"no such command: '{name}'")
            if "txnNumber" in command or "startTransaction" in command:
                raise CommandFailed(
                    20,
                    "IllegalOperation",
                    "Transaction numbers are only allowed on a replica set member or mongos",
                )
            answer, fields = self._known[name.lower()]
            unknown = command.keys() - fields - _EVERYWHERE - {name}
            if unknown and fields is not _ANY:
                reason = f"{name} has no {min(unknown)} in this test server"
                raise CommandFailed(238, "NotImplemented", reason)
            database = self._client[command.get("$db", "admin")]
            return {**answer(database, command), "ok": 1.0}
        except CommandFailed as error:
            return error.reply
        except NotImplementedError as error:
            return CommandFailed(238, "NotImplemented", str(error)).reply
        except OperationFailure as error:
            return CommandFailed(error.code or 2, "BadValue", str(error)).reply

    def _hello(self, _: Any, command: Document) -> Document:
        is_old = "hello" not in command
        return {
            "ismaster" if is_old else "isWritablePrimary": True,
            "helloOk": True,
            "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
            "maxMessageSizeBytes": MAX_MESSAGE_BYTES,
            "maxWriteBatchSize": 100_000,
            "localTime": datetime.fromtimestamp(time.time(), UTC),
            "logicalSessionTimeoutMinutes": 30,
            "minWireVersion": 0,
            "maxWireVersion": WIRE_VERSION,
            "readOnly": False,
        }

    def _build_info(self, _: Any, __: Document) -> Document:
        return {
            "version": "7.0.0",
            "versionArray": [7, 0, 0, 0],
            "gitVersion": "wire-protocol test server, not MongoDB",
            "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        }

    def _configure_fail_point(self, _: Any, command: Document) -> Document:
        if command["configureFailPoint"] != "failCommand":
            raise CommandFailed(2, "BadValue", "only failCommand is there")
        self.fail_point.configure(command["mode"], command.get("data", {}))
        return {}

    def _find(self, database: Any, command: Document) -> Document:
        found = database[command["find"]].find(
            command.get("filter") or {},
            command.get("projection") or None,
            sort=list(command["sort"].items()) if command.get("sort") else None,
            skip=command.get("skip", 0),
            limit=abs(command.get("limit", 0)),
        )
        return self._open(
            f"{database.name}.{command['find']}",
            found,
            batch_size=command.get("batchSize", 101),
            is_single=command.get("singleBatch", False) or command.get("limit", 0) < 0,
        )

    def _aggregate(self, database: Any, command: Document) -> Document:
        for stage in command["pipeline"]:
            if not stage.keys() <= _STAGES:
                name = next(iter(stage))
                raise CommandFailed(
                    40324, "Location40324", f"Unrecognized pipeline stage name: '{name}'"
                )
        found = database[command["aggregate"]].aggregate(command["pipeline"])
        batch_size = command.get("cursor", {}).get("batchSize", 101)
        return self._open(f"{database.name}.{command['aggregate']}", found, batch_size=batch_size)

    def _count(self, database: Any, command: Document) -> Document:
        options = {name: command[name] for name in ("limit", "skip") if command.get(name)}
        collection = database[command["count"]]
        return {"n": collection.count_documents(command.get("query") or {}, **options)}

    def _open(
        self, namespace: str, found: Iterable[Document], *, batch_size: int, is_single: bool = False
    ) -> Document:
        documents = [RawBSONDocument(bson.encode(document)) for document in found]
        cursor_id, batch = self._cursors.open(documents, batch_size, is_single=is_single)
        return {"cursor": {"firstBatch": batch, "id": bson.Int64(cursor_id), "ns": namespace}}

    def _get_more(self, database: Any, command: Document) -> Document:
        number = int(command["getMore"])
        found = self._cursors.more(number, command.get("batchSize", 0))
        if found is None:
            raise CommandFailed(43, "CursorNotFound", f"cursor id {number} not found")
        cursor_id, batch = found
        namespace = f"{database.name}.{command['collection']}"
        return {"cursor": {"nextBatch": batch, "id": bson.Int64(cursor_id), "ns": namespace}}

    def _kill_cursors(self, _: Any, command: Document) -> Document:
        killed = [number for number in command["cursors"] if self._cursors.kill(int(number))]
        lost = [number for number in command["cursors"] if number not in killed]
        return {
            "cursorsKilled": killed,
            "cursorsNotFound": lost,
            "cursorsAlive": [],
            "cursorsUnknown": [],
        }

    def _list_collections(self, database: Any, command: Document) -> Document:
        wanted = command.get("filter") or {}
        if wanted.keys() - {"name"}:
            raise CommandFailed(238, "NotImplemented", "listCollections filters by name only")
        names = sorted(database.list_collection_names(filter=wanted or None))
        entries = [{"name": name, "type": "collection"} for name in names]
        return self._open(f"{database.name}.$cmd.listCollections", entries, batch_size=len(entries))

    def _list_databases(self, _: Any, __: Document) -> Document:
        return {"databases": [{"name": name} for name in self._client.list_database_names()]}

    def _insert(self, database: Any, command: Document) -> Document:
        try:
            database[command["insert"]].insert_many(
                command["documents"], ordered=command.get("ordered", True)
            )
        except BulkWriteError as error:
            errors = [
                {"index": each["index"], "code": each["code"], "errmsg": each["errmsg"]}
                for each in error.details["writeErrors"]
            ]
            return {"n": error.details["nInserted"], "writeErrors": errors}
        return {"n": len(command["documents"])}

    def _update(self, database: Any, command: Document) -> Document:
        collection = database[command["update"]]
        reply: Document = {"n": 0, "nModified": 0}
        for index, change in enumerate(command["updates"]):
            document, upsert = change["u"], change.get("upsert", False)
            is_update = any(name.startswith("$") for name in document)
            update = collection.replace_one
            if is_update:
                update = collection.update_many if change.get("multi") else collection.update_one
            try:
                result = update(change["q"], document, upsert=upsert)
            except WriteError as error:
                found = {"index": index, "code": error.code, "errmsg": str(error)}
                reply.setdefault("writeErrors", []).append(found)
                if command.get("ordered", True):
                    break
                continue
            reply["n"] += result.matched_count + (result.upserted_id is not None)
            reply["nModified"] += result.modified_count
            if result.upserted_id is not None:
                entry = {"index": index, "_id": result.upserted_id}
                reply.setdefault("upserted", []).append(entry)
        return reply

    def _delete(self, database: Any, command: Document) -> Document:
        collection = database[command["delete"]]
        deleted = 0
        for change in command["deletes"]:
            delete = collection.delete_one if change["limit"] else collection.delete_many
            deleted += delete(change["q"]).deleted_count
        return {"n": deleted}

    def _create_indexes(self, database: Any, command: Document) -> Document:
        collection = database[command["createIndexes"]]
        before = len(collection.index_information())
        for index in command["indexes"]:
            collection.create_index(
                list(index["key"].items()), name=index["name"], unique=index.get("unique", False)
            )
        return {
            "numIndexesBefore": max(before, 1),
            "numIndexesAfter": len(collection.index_information()),
            "createdCollectionAutomatically": not before,
        }

    def _drop(self, database: Any, command: Document) -> Document:
        database.drop_collection(command["drop"])
        return {"ns": f"{database.name}.{command['drop']}"}

    def _drop_database(self, database: Any, _: Document) -> Document:
        self._client.drop_database(database.name)
        return {"dropped": database.name}
