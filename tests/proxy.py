"""A TCP proxy that makes a network bad: slow, silent, sliced, cut, reset or refusing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from types import TracebackType

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: closing sends RST


class TcpProxy:
    """Forwards a port of this machine; runs in a thread with a loop of its own.

    Attributes, to be changed at any time and for connections that exist, too:
        latency_seconds: before each piece of an answer is forwarded.
        slice_bytes: an answer is forwarded in pieces of at most this size.
        is_silent: nothing is forwarded either way; connections are taken and stay open.
        is_refusing: new connections are reset at once.
        cut_after: bytes of answers, over all connections from when it was set, after which their
            connections are reset, in the middle of whatever it is; None for never.
        accepted: connections that were taken.
        sent: bytes of answers that were forwarded.
    """

    def __init__(self, host: str, port: int) -> None:
        self.latency_seconds = 0.0
        self.slice_bytes = _CHUNK
        self.is_silent = False
        self.is_refusing = False
        self.accepted = 0
        self.sent = 0
        self.port = 0
        self._target = (host, port)
        self._cut_at: int | None = None
        self._age = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        self._is_ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def cut_after(self) -> int | None:
        """Bytes of answers left until the cut."""
        return None if self._cut_at is None else self._cut_at - self.sent

    @cut_after.setter
    def cut_after(self, size: int | None) -> None:
        self._cut_at = None if size is None else self.sent + size

    def reset(self) -> None:
        """Reset all connections, now."""
        asyncio.run_coroutine_threadsafe(self._reset_all(), self._loop).result(10)

    def leave_half_open(self) -> None:
        """Be silent for ever on the connections that exist, as if the other end had vanished."""
        self._age += 1

    def heal(self) -> None:
        """Be a good network again, for connections to come."""
        self.latency_seconds, self.slice_bytes = 0.0, _CHUNK
        self.is_silent = self.is_refusing = False
        self._cut_at = None

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._is_ready.set()
        await self._stop.wait()
        server.close()
        await self._reset_all()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_refusing:
            _reset(writer)
            return
        self.accepted += 1
        age = self._age
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(writer)
            return
        pair = (writer, far_writer)
        self._writers |= set(pair)
        try:
            # Whichever side ends first ends both.
            tasks = [
                asyncio.create_task(self._forward(reader, far_writer, age)),
                asyncio.create_task(self._answer(far_reader, writer, age)),
            ]
            _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        except asyncio.CancelledError:
            pass  # the proxy ends; asyncio would log this as a fault of ours
        finally:
            for each in pair:
                each.close()
            self._writers -= set(pair)

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, age: int
    ) -> None:
        while data := await reader.read(_CHUNK):
            await self._wait_for_sound(age)
            writer.write(data)
            await writer.drain()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, age: int
    ) -> None:
        while data := await reader.read(_CHUNK):
            for begin in range(0, len(data), self.slice_bytes):
                piece = data[begin : begin + self.slice_bytes]
                await asyncio.sleep(self.latency_seconds)
                await self._wait_for_sound(age)
                left = self.cut_after
                if left is not None and left < len(piece):
                    writer.write(piece[: max(left, 0)])
                    self.sent += max(left, 0)
                    with contextlib.suppress(OSError):
                        await writer.drain()
                    _reset(writer)
                    return
                self.sent += len(piece)
                writer.write(piece)
                await writer.drain()

    async def _wait_for_sound(self, age: int) -> None:
        while self.is_silent or age < self._age:
            await asyncio.sleep(0.01)

    async def _reset_all(self) -> None:
        for writer in list(self._writers):
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    found: socket.socket | None = writer.get_extra_info("socket")
    if found is not None:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
