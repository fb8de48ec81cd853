"""A wire-protocol test server, not MongoDB: mongomock's engine behind OP_MSG over TCP.

It stands in where no `mongod` is at hand. A command, or a field of a command, that it does not
implement is refused, never ignored. With `--journal` a restart finds what was written before.

    python -m tests.mongo_server --port 0 --journal FILE
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import BinaryIO

import bson

from tests.mongo_server.commands import WRITES, Commands
from tests.mongo_server.wire import Document, ProtocolError, encode_reply, read_message


class Server:
    """Answers the commands of any number of connections, one command at a time."""

    def __init__(self, journal: BinaryIO | None) -> None:
        self._commands = Commands()
        self._journal = journal
        if journal is not None:
            journal.seek(0)
            for command in bson.decode_file_iter(journal):
                self._commands.run(command)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        try:
            while (message := await read_message(reader)) is not None:
                fault = self._commands.fail_point.take(message.command)
                if fault is not None:
                    await asyncio.sleep(fault.block_seconds)
                    if fault.closes_connection:
                        break
                reply = fault.reply if fault is not None else None
                reply = reply or self._run(message.command)
                if message.wants_reply:
                    writer.write(encode_reply(message, reply))
                    await writer.drain()
        except (ProtocolError, ConnectionError) as error:
            print(f"connection closed: {error}", file=sys.stderr)
        finally:
            writer.close()

    def _run(self, command: Document) -> Document:
        reply = self._commands.run(command)
        if self._journal is not None and reply["ok"] and next(iter(command)) in WRITES:
            kept = {name: value for name, value in command.items() if name != "lsid"}
            self._journal.write(bson.encode(kept))
            self._journal.flush()
        return reply


async def main() -> None:
    """Serve until the process is ended; the port is the first line of the output."""
    parser = argparse.ArgumentParser(prog="python -m tests.mongo_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path)
    arguments = parser.parse_args()
    journal = arguments.journal.open("a+b") if arguments.journal else None
    server = await asyncio.start_server(Server(journal).serve, "127.0.0.1", arguments.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
