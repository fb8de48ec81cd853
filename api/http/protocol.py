"""HTTP on a socket: uvicorn's protocol with deadlines, a door that can be shut, and patience.

Uvicorn lets a client take for ever over its headers, its body or reading its answer; refuses
nobody in words that a client can act on; and when it is told to stop drops requests of which it
has only a part. This protocol differs in these points and in no other.
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.errors import render_refusal
from api.http.at_once import head
from api.http.gate import HEALTH_PATHS, RETRY_SECONDS, Gate
from api.http.messages import request_id_of
from courselens.errors import Overloaded

_HEALTH = frozenset(path.encode() for path in HEALTH_PATHS)
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds that a client has, and bytes of its headers.

    Attributes:
        header: for all headers, from the first byte, or from connecting.
        body: for the whole body after them.
        send: for reading what it is sent, whenever it lets it pile up.
        leaving: for the rest of a request once the process has been told to stop.
        silent: for the first byte of one, once it takes no connections any more: one may have been
            accepted just before.
    """

    header: float = 10.0
    body: float = 30.0
    send: float = 60.0
    leaving: float = 5.0
    silent: float = 1.0
    header_bytes: int = 32_768


class _Part(enum.Enum):
    """What of a request the client still owes."""

    NOTHING = 0
    HEADERS = 1
    BODY = 2


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    gate: ClassVar[Gate]
    deadlines: ClassVar[Deadlines]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._part = _Part.NOTHING
        self._has_begun = False
        self._header_bytes = 0
        self._sizes = 0
        self._takes_events = False
        self._is_handed_over = False
        self._is_question = False
        self._is_turned_away = False
        self._is_last = False
        self._is_ended = False
        self._listening: asyncio.TimerHandle | None = None
        self._unanswered: deque[bool] = deque()
        """Requests in their order; whether the gate counts them."""
        self._waiting: asyncio.TimerHandle | None = None
        self._sending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait_for(_Part.HEADERS)
        self._begin_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        self._wait_for(_Part.NOTHING)
        self._cancel_sending()
        if self._listening is not None:
            self._listening.cancel()
        self.gate.waiting -= sum(self._unanswered)
        self._unanswered.clear()

    def data_received(self, data: bytes) -> None:
        """Take bytes, of headers only so many."""
        if self._is_ended:
            return
        if self._part is _Part.HEADERS and self._has_begun:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._is_handed_over:
            return
        self._begin_waiting()
        if self._part is _Part.HEADERS and self._header_bytes > self.deadlines.header_bytes:
            self._end(_TOO_LARGE)
        elif self._part is _Part.NOTHING:
            self._rest()

    def on_message_begin(self) -> None:
        """Begin to wait for the headers, unless that has begun with the connection."""
        super().on_message_begin()
        if self._part is not _Part.HEADERS:
            self._wait_for(_Part.HEADERS)
        self._has_begun = True
        self._sizes, self._takes_events = 0, False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what comes behind a body is none that anybody asks for."""
        if self._part is not _Part.BODY:
            super().on_header(name, value)
            self._sizes += len(name) + len(value)
            if len(name) == 6 and name.lower() == b"accept":
                self._takes_events |= b"text/event-stream" in value

    def on_headers_complete(self) -> None:
        """Begin to answer, or refuse at once."""
        self._wait_for(_Part.BODY)
        app = self.app
        is_fit = self._sizes + len(self.url) <= self.deadlines.header_bytes
        path, _, query = self.url.partition(b"?")
        is_health = path in _HEALTH
        if is_fit and not is_health and self._must_turn_away(query):
            self._turn_away()
            return
        # A stream is answered for hours; how many there are is counted elsewhere.
        self._is_question = is_fit and not is_health and not self._takes_events
        self._unanswered.append(False)
        self.app = app if is_fit else _refuse_headers
        try:
            super().on_headers_complete()
        finally:
            self.app = app
        if self.gate.is_draining:
            self.leave()

    def on_body(self, body: bytes) -> None:
        """Keep a part of a body, if anybody will read it."""
        if not self._is_turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The client owes nothing now."""
        self._wait_for(_Part.NOTHING)
        if self._is_turned_away:
            self._close_ears()
            return
        is_asked = self.cycle is not None and not self.cycle.response_complete
        if self._is_question and self._unanswered and is_asked:
            self._unanswered[-1] = True
            self.gate.waiting += 1
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to another protocol."""
        self._wait_for(_Part.NOTHING)
        self._unanswered.clear()
        self._is_handed_over = True
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        """Begin to wait until what is left of the answer has been read."""
        if self._unanswered:
            self.gate.waiting -= self._unanswered.popleft()
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._begin_sending()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is sent to."""
        super().pause_writing()
        self._begin_sending()

    def resume_writing(self) -> None:
        """It has read again."""
        super().resume_writing()
        self._cancel_sending()

    def leave(self) -> None:
        """The process has been told to stop: the answer that is being made is the last one."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """The process is about to stop: leave a client that has begun a request some time."""
        if self._part is _Part.NOTHING:
            super().shutdown()
            return
        self.leave()
        if self._waiting is not None:
            self._waiting.cancel()
        seconds = self.deadlines.silent if self._is_silent else self.deadlines.leaving
        self._waiting = self.loop.call_later(seconds, self._give_up)

    @property
    def _is_silent(self) -> bool:
        return self._part is _Part.HEADERS and not self._has_begun

    def _must_turn_away(self, query: bytes) -> bool:
        """Whether there is no time for the question whose headers have come.

        One that waits for the answer to another on its connection is left to the application.
        """
        is_first = self.cycle is None or self.cycle.response_complete
        is_full = self.gate.is_full(is_small=b"documentId=" in query)
        return is_full and is_first and not self.parser.should_upgrade()

    def _turn_away(self) -> None:
        """Refuse without the application: nine such cost less than the one that is answered."""
        request_id = request_id_of(self.headers)
        body = orjson.dumps({"errors": [render_refusal(Overloaded(RETRY_SECONDS), request_id)]})
        # Whoever asked whether to send a body need not send it: where the next request begins
        # cannot be known.
        self._is_last = (
            self.expect_100_continue or self.gate.is_draining or not self.parser.should_keep_alive()
        )
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"retry-after", b"%d" % RETRY_SECONDS),
            (b"cache-control", b"no-store"),
            (b"x-request-id", request_id.encode()),
        ]
        if self._is_last:
            headers.append((b"connection", b"close"))
        is_head = self.parser.get_method() == b"HEAD"
        begin = head(503, self.server_state.default_headers, headers)
        self.transport.write(begin if is_head else begin + body)
        self._is_turned_away = True
        if self.expect_100_continue:
            self.transport.close()

    def _wait_for(self, part: _Part) -> None:
        self._part = part
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if part is _Part.HEADERS:
            self._has_begun = False
            self._header_bytes = 0

    def _begin_waiting(self) -> None:
        """Set the timer; not before all bytes are read, as a request mostly comes as a whole."""
        if self._part is not _Part.NOTHING and self._waiting is None:
            times = self.deadlines
            is_headers = self._part is _Part.HEADERS
            seconds = times.header if is_headers else times.body + times.leaving
            self._waiting = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        """The client took too long."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if self._part is _Part.BODY or is_answering or self._is_silent:
            self.transport.close()
        else:
            self._end(_TIMED_OUT)

    def _end(self, answer: bytes) -> None:
        """Hang up, a moment after the answer: who still sends to a closed socket may not get it."""
        self._wait_for(_Part.NOTHING)
        if not (self._is_ended or self.transport.is_closing()):
            self._is_ended = True
            self.transport.write(answer)
            self.transport.write_eof()
            self._waiting = self.loop.call_later(self.deadlines.silent, self.transport.close)

    def _rest(self) -> None:
        """Close the connection later if nothing more comes.

        Uvicorn forgets to where the end of a body, or an empty line, comes after the answer.
        """
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _close_ears(self) -> None:
        """Read nothing for as long as the client was told to wait.

        To read and refuse what it sends all the same would take the time of the others.
        """
        self._is_turned_away = False
        if self._is_last:
            self.transport.close()
        elif not self.transport.is_closing():
            self.flow.pause_reading()
            self._listening = self.loop.call_later(RETRY_SECONDS, self.flow.resume_reading)

    def _begin_sending(self) -> None:
        if self._sending is None:
            self._sending = self.loop.call_later(self.deadlines.send, self._stop_sending)

    def _stop_sending(self) -> None:
        self._sending = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _cancel_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None


class BoundedSocket(WebSocketsSansIOProtocol):
    """A WebSocket whose client has so long to read what it is sent."""

    send_seconds: ClassVar[float] = Deadlines().send

    _sending: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """The client does not read as fast as it is sent to."""
        super().pause_writing()
        if self._sending is None:
            self._sending = self.loop.call_later(self.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read again."""
        super().resume_writing()
        self._cancel_sending()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._cancel_sending()
        super().connection_lost(exc)

    def _cancel_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None


def make_protocol(gate: Gate, deadlines: Deadlines) -> type[BoundedProtocol]:
    """The protocol of a server with this gate."""
    return type("Protocol", (BoundedProtocol,), {"gate": gate, "deadlines": deadlines})


async def _refuse_headers(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(status_code=431, headers={"connection": "close"})(scope, receive, send)
