"""Answers over a WebSocket: the protocol `graphql-transport-ws`.

A socket is of one viewer, by the token of its `connection_init`, else of its handshake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.access.auth import TokenAuth, token_in
from api.access.policy import RoleSource, Viewer
from api.errors import internal_refusal, log_failure, render_errors, render_refusal
from api.http.gate import Gate
from api.http.messages import Refused, answer_body, json_response, question_of, request_id_of
from api.operations import Question
from api.subscriptions.following import Following, Leaving
from api.subscriptions.places import Places, StreamLimits
from courselens.errors import (
    CourselensError,
    LimitExceeded,
    Overloaded,
    Unauthenticated,
)

PROTOCOL = "graphql-transport-ws"
GOING_AWAY = 1012
"""Service restart; clients connect again."""
INVALID, UNAUTHORIZED, FORBIDDEN, NO_PROTOCOL = 4400, 4401, 4403, 4406
INIT_TIMEOUT, SUBSCRIBER_EXISTS, SECOND_INIT = 4408, 4409, 4429
_REASON_BYTES = 123
"""All that a close frame has room for."""
_ID_CHARACTERS = 128


class Closed(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class SocketDoor:
    """Takes WebSockets.

    Args:
        auth: reads viewers from tokens.
        people: where names of tokens without a user id are looked up.
        following: answers.
        places: how many sockets may be open.
        gate: says when to leave.
        limits: of one socket.
    """

    def __init__(
        self,
        auth: TokenAuth,
        people: RoleSource,
        following: Following,
        places: Places,
        gate: Gate,
        limits: StreamLimits,
    ) -> None:
        self.auth = auth
        self.people = people
        self.following = following
        self.limits = limits
        self._places = places
        self._gate = gate

    async def take(self, socket: WebSocket) -> None:
        """Serve one socket until it is closed."""
        request_id = request_id_of(socket.scope["headers"])
        if PROTOCOL not in socket.scope["subprotocols"]:
            await socket.accept()
            await socket.close(NO_PROTOCOL, "Subprotocol not acceptable")
            return
        try:
            token = self.auth.token_of(socket)
            with self._places.taken():
                await socket.accept(PROTOCOL)
                await self._serve(_Talk(self, socket, request_id, token))
        except (Unauthenticated, Overloaded) as error:
            status = 401 if isinstance(error, Unauthenticated) else 503
            body = {"errors": [render_refusal(error, request_id)]}
            await socket.send_denial_response(json_response(body, status))
        except WebSocketDisconnect:
            pass

    async def _serve(self, talk: _Talk) -> None:
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(talk.listen()),
            asyncio.create_task(talk.ended.wait()),
            asyncio.create_task(self._gate.leaving.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                tasks[0].result()
            closed = talk.closed or Closed(GOING_AWAY, "Service restart")
        except Closed as error:
            closed = error
        finally:
            await talk.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        reason = closed.reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        await talk.socket.close(closed.code, reason)


class _Talk:
    """One socket: who it is of, and what it has asked."""

    def __init__(
        self, door: SocketDoor, socket: WebSocket, request_id: str, token: str | None
    ) -> None:
        self.socket = socket
        self.ended = asyncio.Event()
        self.closed: Closed | None = None
        self._door = door
        self._request_id = request_id
        self._token = token
        self._is_open = False
        self._asked: dict[str, asyncio.Task[None]] = {}

    async def listen(self) -> None:
        """Take messages.

        Raises:
            Closed: one of them ends the socket.
            WebSocketDisconnect: the client has gone.
        """
        try:
            async with asyncio.timeout(self._door.limits.init_seconds) as waiting:
                while True:
                    await self._take(await self._message())
                    if self._is_open:
                        waiting.reschedule(None)
        except TimeoutError:
            raise Closed(INIT_TIMEOUT, "Connection initialisation timeout") from None

    async def stop(self) -> None:
        """End everything that was asked."""
        asked = list(self._asked.values())
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    async def _message(self) -> dict[str, Any]:
        received = await self.socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        try:
            message = msgspec.json.decode(received.get("text") or b"")
        except (msgspec.DecodeError, RecursionError):
            raise Closed(INVALID, "Invalid message: no JSON") from None
        if not isinstance(message, dict):
            raise Closed(INVALID, "Invalid message: no object")
        return message

    async def _take(self, message: dict[str, Any]) -> None:
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise Closed(INVALID, "Invalid message: payload must be an object")
        match message.get("type"):
            case "connection_init":
                await self._open(payload or {})
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(_id_of(message), payload)
            case "complete":
                task = self._asked.pop(_id_of(message), None)
                if task is not None:
                    task.cancel()
            case _:
                raise Closed(INVALID, "Invalid message: unknown type")

    async def _open(self, payload: Mapping[str, Any]) -> None:
        if self._is_open:
            raise Closed(SECOND_INIT, "Too many initialisation requests")
        try:
            given = [text for name, text in payload.items() if name.lower() == "authorization"]
            if given:
                self._token = token_in(str(given[0]))
            await self._sign_in()
        except Unauthenticated as error:
            raise Closed(FORBIDDEN, f"Forbidden: {error}") from None
        except Refused as refused:
            raise Closed(GOING_AWAY, str(refused)) from None
        self._is_open = True
        await self._send({"type": "connection_ack"})

    async def _sign_in(self) -> Viewer | None:
        return await self._door.auth.viewer_of(self._token, self._door.people)

    async def _subscribe(self, name: str, payload: Mapping[str, Any] | None) -> None:
        if not self._is_open:
            raise Closed(UNAUTHORIZED, "Unauthorized")
        if name in self._asked:
            raise Closed(SUBSCRIBER_EXISTS, f"Subscriber for {name} already exists")
        address = self.socket.client.host if self.socket.client else ""
        try:
            question = question_of(dict(payload or {}), is_streamed=True, address=address)
        except Refused as refused:
            raise Closed(INVALID, f"Invalid message: {refused}") from None
        most = self._door.limits.of_socket
        if len(self._asked) >= most:
            await self._refuse(name, LimitExceeded("operations on one socket", most + 1, most))
            return
        self._asked[name] = asyncio.create_task(self._answer(name, question))

    async def _answer(self, name: str, question: Question) -> None:
        answers = self._door.following.answers(question, self._sign_in)
        try:
            async with aclosing(answers):
                async for answer in answers:
                    if answer.is_refused:
                        errors = render_errors(answer.errors, self._request_id)
                        await self._send({"id": name, "type": "error", "payload": errors})
                        return
                    body = answer_body(answer, self._request_id)
                    await self._send({"id": name, "type": "next", "payload": body})
            await self._send({"id": name, "type": "complete"})
        except Leaving:
            pass  # the socket is about to be closed, which says it
        except Unauthenticated as error:
            self.closed = Closed(FORBIDDEN, f"Forbidden: {error}")
            self.ended.set()
        except CourselensError as error:
            await self._refuse(name, error)
        except Refused as refused:
            await self._refuse(name, refused.cause)
        except Exception as error:  # an edge: a client gets an answer without our insides
            if isinstance(error, WebSocketDisconnect):
                return
            log_failure(error, self._request_id)
            refusal = [internal_refusal(self._request_id)]
            await self._send({"id": name, "type": "error", "payload": refusal})
        finally:
            if self._asked.get(name) is asyncio.current_task():
                del self._asked[name]

    async def _refuse(self, name: str, error: CourselensError) -> None:
        refusal = [render_refusal(error, self._request_id)]
        await self._send({"id": name, "type": "error", "payload": refusal})

    async def _send(self, message: dict[str, Any]) -> None:
        await self.socket.send_text(msgspec.json.encode(message).decode())


def _id_of(message: Mapping[str, Any]) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= _ID_CHARACTERS:
        raise Closed(INVALID, "Invalid message: id must be a short text")
    return name
