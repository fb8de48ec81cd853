"""What the processes of plugins say and are told: frames on a socket.

A job goes down as a pickle, made here of our own classes; words come back as JSON, which a plugin
that goes astray can spoil but not make us run.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

_LENGTH = struct.Struct("!I")
_LARGEST = 1 << 20
MEND = "mend its code"
"""The fix of what only its author can do something about."""


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a process of a plugin says.

    Attributes:
        kind: `started`, then `trying` and `tried` (an import), `done` or `failed`, last `ended`.
        index: of what is tried.
        problem: what went wrong, in one line; nothing if all is well.
        fix: what to do about it.
        is_machine: whether disk or memory of the machine failed, and not the plugin.
        memory_kb: what an import took.
        missing: sources without which there is nothing to compute.
    """

    kind: str
    index: int = -1
    problem: str = ""
    fix: str = ""
    is_machine: bool = False
    memory_kb: int = 0
    missing: tuple[str, ...] = ()


Tell = Callable[[Word], None]


class Job(Protocol):
    """Work for a process of its own; pickled, so a plain dataclass of ours."""

    def do(self, tell: Tell) -> None:
        """Do it; what it raises is told as `failed`."""


@dataclass(frozen=True, slots=True)
class Order:
    """A job with its bounds.

    Attributes:
        job: what to do.
        memory_mb: a process that holds more is ended.
        output: file for what the code prints.
    """

    job: Job
    memory_mb: int
    output: str


def send(channel: socket.socket, frame: bytes) -> None:
    """Send one frame."""
    channel.sendall(_LENGTH.pack(len(frame)) + frame)


def receive(channel: socket.socket, *, largest: int = _LARGEST) -> bytes | None:
    """The next frame; None at the end, or where what comes is none."""
    head = _exactly(channel, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    return None if length > largest else _exactly(channel, length)


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    received = b""
    while len(received) < count:
        part = channel.recv(count - len(received))
        if not part:
            return None
        received += part
    return received
