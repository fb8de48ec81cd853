"""Messages of the MongoDB wire protocol: OP_MSG, and the OP_QUERY that drivers greet with."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from typing import Any

import bson

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MAX_MESSAGE_BYTES = 48_000_000
CHECKSUM_PRESENT, MORE_TO_COME = 1, 2
_REQUIRED_FLAGS = 0xFFFF  # of these an unknown one must be refused
_HEADER = struct.Struct("<iiii")
_OPTIONS = bson.CodecOptions(datetime_conversion=bson.DatetimeConversion.DATETIME_AUTO)

Document = dict[str, Any]


class ProtocolError(Exception):
    """The peer does not speak the protocol; the connection is closed."""


@dataclass(frozen=True, slots=True)
class Message:
    """One command; `wants_reply` is False for what the driver sends and forgets."""

    request_id: int
    op_code: int
    command: Document
    wants_reply: bool = True


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """Read one message; None where the peer has closed the connection.

    Raises:
        ProtocolError: not a message, or one that is never sent by drivers in use.
    """
    try:
        header = await reader.readexactly(_HEADER.size)
        length, request_id, _, op_code = _HEADER.unpack(header)
        if not _HEADER.size <= length <= MAX_MESSAGE_BYTES:
            raise ProtocolError(f"a message of {length} bytes")
        body = await reader.readexactly(length - _HEADER.size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    try:
        if op_code == OP_MSG:
            return _parse_msg(request_id, header, body)
        if op_code == OP_QUERY:
            return _parse_query(request_id, body)
    except (bson.errors.BSONError, struct.error, ValueError, IndexError) as error:
        raise ProtocolError(str(error)) from error
    raise ProtocolError(f"op code {op_code}")


def encode_reply(message: Message, reply: Document) -> bytes:
    """The reply to a message, in the form that fits the request."""
    if message.op_code == OP_QUERY:
        body = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(reply)
        op_code = OP_REPLY
    else:
        body = struct.pack("<IB", 0, 0) + bson.encode(reply)
        op_code = OP_MSG
    return _HEADER.pack(_HEADER.size + len(body), 0, message.request_id, op_code) + body


def _parse_msg(request_id: int, header: bytes, body: bytes) -> Message:
    (flags,) = struct.unpack_from("<I", body)
    if flags & _REQUIRED_FLAGS & ~(CHECKSUM_PRESENT | MORE_TO_COME):
        raise ProtocolError(f"unknown flags {flags:#x}")
    end = len(body)
    if flags & CHECKSUM_PRESENT:
        end -= 4
        if struct.unpack_from("<I", body, end)[0] != crc32c(header + body[:end]):
            raise ProtocolError("the checksum does not fit the message")
    command: Document | None = None
    sequences: dict[str, list[Document]] = {}
    at = 4
    while at < end:
        kind, at = body[at], at + 1
        (size,) = struct.unpack_from("<i", body, at)
        if size < 5 or at + size > end:
            raise ProtocolError("a section is longer than its message")
        if kind == 0:
            command = bson.decode(body[at : at + size], _OPTIONS)
        elif kind == 1:
            name_end = body.index(0, at + 4)
            name = body[at + 4 : name_end].decode()
            sequences[name] = bson.decode_all(body[name_end + 1 : at + size], _OPTIONS)
        else:
            raise ProtocolError(f"section kind {kind}")
        at += size
    if command is None:
        raise ProtocolError("a message without a body")
    command.update(sequences)
    return Message(request_id, OP_MSG, command, wants_reply=not flags & MORE_TO_COME)


def _parse_query(request_id: int, body: bytes) -> Message:
    name_end = body.index(0, 4)
    name = body[4:name_end].decode()
    command = bson.decode(body[name_end + 1 + 8 :], _OPTIONS)
    if not name.endswith(".$cmd"):
        raise ProtocolError("OP_QUERY is for greetings only")
    return Message(request_id, OP_QUERY, {**command, "$db": name.removesuffix(".$cmd")})


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of the data."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _make_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _make_table()
