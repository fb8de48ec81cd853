"""The wire-protocol test server answers as MongoDB does, or refuses; run against both."""

from __future__ import annotations

import socket
import struct
from datetime import datetime

import bson
import pymongo
import pytest
from bson import ObjectId
from pymongo.errors import BulkWriteError, CursorNotFound, OperationFailure

from tests.mongo_server.wire import CHECKSUM_PRESENT, OP_MSG, crc32c


@pytest.fixture
def database(mongo_url):
    with pymongo.MongoClient(mongo_url) as client:
        yield client.get_default_database()


@pytest.fixture
def own(mongo_process):
    """A client of the test server itself."""
    with pymongo.MongoClient(mongo_process.url) as client:
        yield client


def test_values_of_all_types_come_back_as_they_were_written(database):
    document = {
        "_id": ObjectId(),
        "when": datetime(2025, 1, 2, 3, 4, 5, 678000),  # noqa: DTZ001  BSON has no zones
        "nested": {"list": [1, 2.5, None, True, [b"x"]], "text": "é"},
        "big": bson.Int64(2**40),
    }
    database["modulestore.structures"].insert_one(document)

    assert database["modulestore.structures"].find_one({}) == document
    assert database.list_collection_names() == ["modulestore.structures"]


def test_find_filters_sorts_projects_and_pages(database):
    database.things.insert_many([{"_id": n, "n": {"x": n % 3}, "big": "x"} for n in range(10)])

    found = database.things.find(
        {"n.x": {"$in": [0, 1]}, "_id": {"$gt": 0}},
        {"n": 1},
        sort=[("n.x", -1), ("_id", 1)],
        skip=1,
        limit=4,
        batch_size=2,
    )

    assert list(found) == [
        {"_id": 4, "n": {"x": 1}},
        {"_id": 7, "n": {"x": 1}},
        {"_id": 3, "n": {"x": 0}},
        {"_id": 6, "n": {"x": 0}},
    ]


def test_documents_beyond_the_first_batch_are_fetched_from_the_cursor(database):
    database.things.insert_many([{"_id": n} for n in range(300)])

    assert [each["_id"] for each in database.things.find({}, batch_size=70)] == list(range(300))


def test_batches_stay_below_the_size_of_a_message(database):
    database.things.insert_many([{"_id": n, "text": "x" * 6_000_000} for n in range(4)])

    assert [each["_id"] for each in database.things.find()] == [0, 1, 2, 3]


def test_documents_are_counted_and_grouped(database):
    database.things.insert_many([{"kind": "a"}, {"kind": "a"}, {"kind": "b"}])

    assert database.things.estimated_document_count() == 3
    assert database.things.count_documents({"kind": "a"}) == 2
    grouped = database.things.aggregate(
        [{"$group": {"_id": "$kind", "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}]
    )
    assert list(grouped) == [{"_id": "a", "n": 2}, {"_id": "b", "n": 1}]


def test_documents_are_updated_replaced_and_deleted(database):
    database.things.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": 1}])

    updated = database.things.update_many({"n": 1}, {"$set": {"n": 5}})
    upserted = database.things.replace_one({"_id": 3}, {"n": 3}, upsert=True)
    deleted = database.things.delete_one({"n": 5})

    assert (updated.matched_count, updated.modified_count) == (2, 2)
    assert upserted.upserted_id == 3
    assert deleted.deleted_count == 1
    assert database.things.count_documents({}) == 2


def test_a_unique_index_refuses_the_second_of_a_kind(database):
    database.things.create_index([("org", 1), ("run", 1)], unique=True)
    database.things.insert_one({"org": "O", "run": "R"})

    with pytest.raises(BulkWriteError) as caught:
        database.things.insert_many([{"org": "O", "run": "S"}, {"org": "O", "run": "R"}])

    assert caught.value.details["nInserted"] == 1
    assert caught.value.details["writeErrors"][0]["code"] == 11000


def test_the_same_id_twice_is_refused(database):
    database.things.insert_one({"_id": 1})

    with pytest.raises(pymongo.errors.DuplicateKeyError):
        database.things.insert_one({"_id": 1})


def test_a_lost_cursor_is_not_found(database):
    database.things.insert_many([{"_id": n} for n in range(5)])
    cursor = database.things.find({}, batch_size=2)
    next(cursor)
    database.command("killCursors", "things", cursors=[bson.Int64(cursor.cursor_id)])

    with pytest.raises(CursorNotFound) as caught:
        list(cursor)

    assert caught.value.code == 43


def test_a_transaction_is_refused_by_a_server_that_stands_alone(own):
    with (
        own.start_session() as session,
        pytest.raises(OperationFailure) as caught,
        session.start_transaction(),
    ):
        own["a"]["b"].find_one({}, session=session)

    assert caught.value.code == 20


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"mapReduce": "things"}, 59),
        ({"commitTransaction": 1}, 59),
        ({"find": "things", "hint": {"_id": 1}}, 238),
        ({"find": "things", "filter": {"$where": "1"}}, 238),
        ({"find": "things", "filter": {"a": {"$strange": 1}}}, 2),
        ({"aggregate": "things", "pipeline": [{"$strange": 1}], "cursor": {}}, 40324),
    ],
)
def test_what_is_not_implemented_is_refused_and_never_ignored(own, command, code):
    own["a"].things.insert_one({"a": 1})

    with pytest.raises(OperationFailure) as caught:
        own["a"].command(command)

    assert caught.value.code == code


def test_it_says_that_it_is_not_mongodb(own):
    assert "not MongoDB" in own.server_info()["gitVersion"]


def test_a_restart_keeps_what_was_written_and_forgets_cursors(own, mongo_process):
    things = own["a"].things
    things.insert_many([{"_id": n} for n in range(5)])
    things.delete_one({"_id": 4})
    cursor = things.find({}, batch_size=2)
    next(cursor)
    mongo_process.kill()
    mongo_process.start()
    # The first reading finds the connection broken and is tried again on a new one.
    assert things.find_one({}) == {"_id": 0}

    with pytest.raises(CursorNotFound):
        list(cursor)
    assert [each["_id"] for each in things.find()] == [0, 1, 2, 3]


def test_writes_that_nobody_waits_for_are_done(own):
    things = own["a"].get_collection("things", write_concern=pymongo.WriteConcern(w=0))
    with own.start_session():
        things.insert_one({"_id": 1})
        while not own["a"].things.find_one({}):
            pass


@pytest.mark.parametrize("is_right", [True, False])
def test_a_checksum_is_checked(mongo_process, is_right):
    # "123456789" is the test value of CRC-32C.
    assert crc32c(b"123456789") == 0xE3069283
    body = struct.pack("<IB", CHECKSUM_PRESENT, 0) + bson.encode({"ping": 1, "$db": "admin"})
    head = struct.pack("<iiii", 16 + len(body) + 4, 7, 0, OP_MSG)
    checksum = crc32c(head + body) ^ (not is_right)

    with socket.create_connection(("127.0.0.1", mongo_process.port), timeout=10) as connection:
        connection.sendall(head + body + struct.pack("<I", checksum))
        reply = connection.recv(65_536)

    assert (bson.decode(reply[21:]) if reply else None) == ({"ok": 1.0} if is_right else None)


def test_what_is_no_message_ends_the_connection(mongo_process):
    with socket.create_connection(("127.0.0.1", mongo_process.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.recv(65_536) == b""
