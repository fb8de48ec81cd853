"""A whole answer in one write, where uvicorn's way takes two and looks at every header."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Headers = Iterable[tuple[bytes, bytes]]
Body = bytes | memoryview

_COPIED = 8_192
"""Bytes of a body that are copied behind the head for less than two pieces cost to hand over."""


def head(status: int, *headers: Headers) -> bytes:
    """The status line and the headers, with the empty line behind them."""
    lines = [name + b": " + value + b"\r\n" for each in headers for name, value in each]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n"])


def write_at_once(send: Send, status: int, headers: Headers, body: Body) -> bool:
    """Write an answer if nothing but uvicorn is behind `send`; else it is for the caller to send.

    Twice woken, a client costs more than the rest of writing. Whoever has wrapped `send` wants to
    see the answer, and a client that does not read has to be waited for.

    Args:
        send: of the application's request.
        status: HTTP's.
        headers: names in lower case, clean; with `content-length`, without `connection`.
        body: all of it.
    """
    cycle = getattr(send, "__self__", None)
    if (
        type(cycle) is not RequestResponseCycle
        or cycle.response_started
        or cycle.disconnected
        or cycle.flow.write_paused
        or not cycle.keep_alive
        or cycle.scope["method"] == "HEAD"
    ):
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    pieces = head(status, cycle.default_headers, headers), body
    if len(body) > _COPIED:
        cycle.transport.writelines(pieces)
    else:
        cycle.transport.write(b"".join(pieces))
    cycle.message_event.set()
    cycle.on_response()
    return True
